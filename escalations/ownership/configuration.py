"""SLA policies as configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from altor.errors import Conflict, InvalidInput
from altor.models import User
from escalations.models import SlaPolicy, SlaPolicyVersion
from escalations.ownership.format import as_file, from_file
from escalations.ownership.policies import save_policy, withdraw


class SlaPoliciesPart:
    """The policies in force, one file each."""

    name: ClassVar[str] = "SLA policies"

    def owns(self, file: str) -> bool:
        return file.startswith("sla-policies/") and file.count("/") == 1

    def export(self) -> dict[str, str]:
        active = SlaPolicyVersion.objects.active().select_related("policy").order_by("policy__key")
        return {f"sla-policies/{version.policy.key}.yaml": as_file(version) for version in active}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        have = self.export()
        for file, text in files.items():
            form = from_file(PurePosixPath(file).name, text)
            if have.get(file) == text:
                continue
            try:
                save_policy(form.model_dump(by_alias=True), actor=actor, comment="configuration files", origin="file")
            except (Conflict, InvalidInput) as error:
                raise InvalidInput(f"{file}: {error.detail}") from None
        if prune and files:
            keys = {PurePosixPath(file).stem for file in files}
            for policy in SlaPolicy.objects.exclude(key__in=keys).order_by("key"):
                withdraw(policy, actor=actor)
