"""Escalation contracts as configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from altor.errors import Conflict, InvalidInput
from altor.models import User
from escalations.contracts.stored import save_contract, withdraw
from escalations.models import Contract, ContractVersion


class ContractsPart:
    """The contracts in force, one file each, as they were written."""

    name: ClassVar[str] = "escalation contracts"

    def owns(self, file: str) -> bool:
        return file.startswith("contracts/") and file.count("/") == 1

    def export(self) -> dict[str, str]:
        active = ContractVersion.objects.active().select_related("contract").order_by("contract__key")
        return {f"contracts/{version.contract.key}.yaml": version.source_yaml for version in active}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        have = self.export()
        for file, text in files.items():
            if have.get(file) == text:
                continue
            try:
                save_contract(
                    text, actor=actor, name=file, comment="configuration files", origin="file",
                    key=PurePosixPath(file).stem,
                )  # fmt: skip
            except (Conflict, InvalidInput) as error:
                raise InvalidInput(f"{file}: {error.detail}") from None
        if prune and files:
            keys = {PurePosixPath(file).stem for file in files}
            for contract in Contract.objects.exclude(key__in=keys).order_by("key"):
                withdraw(contract, actor=actor)
