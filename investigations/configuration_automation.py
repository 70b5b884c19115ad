"""The automation rules as a configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from altor.configuration import parse
from altor.errors import InvalidInput
from altor.models import User
from investigations.automation.rules import read_rules
from investigations.services.automation_rules import as_text, rules_in_force, save_rules


class AutomationPart:
    """Which tickets are investigated by themselves. The kill switch is no configuration and is left out."""

    name: ClassVar[str] = "automation"
    file: ClassVar[str] = "automation.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        return {self.file: as_text(rules_in_force().rules)}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        try:
            rules = read_rules(parse(self.file, files[self.file]) or {})
            save_rules(rules, base=None, actor=actor, comment="configuration files")
        except InvalidInput as error:
            raise InvalidInput(f"{self.file}: {error.detail}", **error.extra) from None
