"""Connections that file in Linear as a configuration file, without their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from altor.configuration import Row, canonical, read_rows
from altor.errors import DomainError, InvalidInput
from altor.models import User
from escalations.linear.connections import ConnectionValues, remove_connection, save_connection
from escalations.models import LinearConnection


class _LinearRow(Row):
    base_url: str = ""
    oauth: bool = False
    team: str = ""
    project: str = ""
    labels: list[str] = Field(default_factory=list)


class LinearPart:
    """Where issues are filed to. A stored key stays where it is, and is asked for where the address changes; a
    connection that was not there waits for its key.
    """

    name: ClassVar[str] = "Linear connections"
    file: ClassVar[str] = "linear.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        return {self.file: canonical({row.name: self._told(row).model_dump() for row in self._rows()})}

    @staticmethod
    def _rows() -> list[LinearConnection]:
        return list(LinearConnection.objects.filter(is_active=True).order_by("name"))

    @staticmethod
    def _told(row: LinearConnection) -> _LinearRow:
        return _LinearRow(
            base_url=row.base_url, oauth=(row.options or {}).get("auth") == "oauth", team=row.team, project=row.project,
            labels=list(row.labels),
        )  # fmt: skip

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _LinearRow)
        known = {row.name: row for row in self._rows()}
        for name, data in wanted.items():
            if name in known and self._told(known[name]) == data:
                continue
            try:
                save_connection(ConnectionValues(**data.model_dump()), actor=actor, name=name, needs_key=False)
            except DomainError as error:
                raise InvalidInput(f"{self.file}: {name}: {error.detail}.") from None
        if prune:
            for name in sorted(known.keys() - wanted.keys()):
                remove_connection(known[name], actor=actor)
