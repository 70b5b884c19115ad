"""The shipped reply templates, read and checked once for each process: all of them take half a second."""

from __future__ import annotations

from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.templates import load_library

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
