"""Helpdesk connections as a configuration file, without their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from altor.configuration import Row, canonical, read_rows
from altor.errors import DomainError, InvalidInput
from altor.models import User
from investigations.models import HelpdeskConnection
from investigations.services.helpdesks import HelpdeskValues, save_helpdesk, switch_helpdesk


class _HelpdeskRow(Row):
    base_url: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    origins: list[str] = Field(default_factory=list)
    writes_notes: bool = False
    writes_tags: bool = False
    sends_replies: bool = False


class HelpdesksPart:
    """What each helpdesk may be asked and told. Title, prefix and whether it is on stand in `endpoints.yaml`; a stored
    key stays where it is, and is asked for where the address changes.
    """

    name: ClassVar[str] = "helpdesks"
    file: ClassVar[str] = "helpdesks.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        rows = HelpdeskConnection.objects.select_related("endpoint")
        return {self.file: canonical({str(row): self._told(row).model_dump() for row in rows})}

    @staticmethod
    def _told(row: HelpdeskConnection) -> _HelpdeskRow:
        return _HelpdeskRow(
            base_url=row.base_url, options=row.options, origins=list(row.origins), writes_notes=row.writes_notes,
            writes_tags=row.writes_tags, sends_replies=row.sends_replies,
        )  # fmt: skip

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _HelpdeskRow)
        known = {str(row): row for row in HelpdeskConnection.objects.select_related("endpoint")}
        for key, data in wanted.items():
            if key in known and self._told(known[key]) == data:
                continue
            kind, _, name = key.partition("/")
            try:
                save_helpdesk(kind, name, HelpdeskValues(**data.model_dump()), actor=actor)
            except DomainError as error:
                raise InvalidInput(f"{self.file}: {key}: {error.detail}.") from None
        if prune:
            for key in known.keys() - wanted.keys():
                switch_helpdesk(known[key], on=False, actor=actor)
