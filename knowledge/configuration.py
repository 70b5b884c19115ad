"""Reply templates as configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from altor.errors import Conflict, InvalidInput
from altor.models import User
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.format import as_file, from_file
from knowledge.replies.templates import save_template, withdraw


class ReplyTemplatesPart:
    """The templates in force, one file each."""

    name: ClassVar[str] = "reply templates"

    def owns(self, file: str) -> bool:
        return file.startswith("reply-templates/") and file.count("/") == 1

    def export(self) -> dict[str, str]:
        active = ReplyTemplateVersion.objects.active().select_related("template").order_by("template__key")
        return {f"reply-templates/{version.template.key}.yaml": as_file(version) for version in active}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        have = self.export()
        for file, text in files.items():
            form = from_file(PurePosixPath(file).name, text)
            if have.get(file) == text:
                continue
            try:
                save_template(form.model_dump(by_alias=True), actor=actor, comment="configuration files", origin="file")
            except (Conflict, InvalidInput) as error:
                raise InvalidInput(f"{file}: {error.detail}") from None
        if prune and files:
            keys = {PurePosixPath(file).stem for file in files}
            for template in ReplyTemplate.objects.exclude(key__in=keys).order_by("key"):
                withdraw(template, actor=actor)
