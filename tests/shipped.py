"""The shipped playbooks and reply templates, read once for each process: that takes seconds."""

from __future__ import annotations

from functools import cache

from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import library_files, parse_playbook
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.templates import load_library


@cache
def playbooks() -> dict[str, Playbook]:
    """By key. Nobody changes them."""
    return {file.stem: parse_playbook(file.read_text(), name=file.name) for file in library_files()}


_TEMPLATES: list[ReplyTemplate] = []
_VERSIONS: list[ReplyTemplateVersion] = []


def reply_templates() -> None:
    """All of them in the database, in force, as `load_library` leaves them (but for its lines in the audit log)."""
    if not _TEMPLATES:
        load_library()
        _TEMPLATES.extend(ReplyTemplate.objects.order_by("pk"))
        _VERSIONS.extend(ReplyTemplateVersion.objects.order_by("pk"))
        return
    ReplyTemplate.objects.bulk_create(_TEMPLATES)
    ReplyTemplateVersion.objects.bulk_create(_VERSIONS)
