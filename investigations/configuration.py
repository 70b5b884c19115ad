"""Profile, connections and playbooks as configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pydantic import Field

from altor.configuration import Row, canonical, parse, read_rows
from altor.errors import InvalidInput
from altor.models import User
from investigations.models import Connection, PlaybookVersion
from investigations.playbooks.loader import PlaybookInvalid
from investigations.services.connections import remove_connection, save_connection
from investigations.services.playbooks import store_version, withdraw
from investigations.services.profiles import current_profile, save_profile


class ProfilePart:
    name: ClassVar[str] = "profile"
    file: ClassVar[str] = "profile.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        return {self.file: canonical(current_profile().model_dump(mode="json", exclude={"customers"}))}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file in files:
            data = parse(self.file, files[self.file]) or {}
            if isinstance(data, dict):
                # A file from before this section says nothing of it: it must not switch the second person off.
                data.setdefault("playbooks", current_profile().playbooks.model_dump())
            try:
                save_profile(data, actor=actor, comment="configuration files")
            except InvalidInput as error:
                raise InvalidInput(f"{self.file}: {error.detail}.", **error.extra) from None


class _ConnectionRow(Row):
    base_url: str = ""
    options: dict[str, Any] = Field(default_factory=dict)


class ConnectionsPart:
    """Addresses and options; a stored secret stays where it is and is asked for where there is none."""

    name: ClassVar[str] = "connections"
    file: ClassVar[str] = "connections.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        rows = Connection.objects.filter(is_active=True).order_by("source", "name")
        data = {f"{row.source}/{row.name}": {"base_url": row.base_url, "options": row.options} for row in rows}
        return {self.file: canonical(data)}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _ConnectionRow)
        for key, data in wanted.items():
            source, _, name = key.partition("/")
            row = Connection.objects.filter(source=source, name=name, is_active=True).first()
            if row is not None and (row.base_url, row.options) == (data.base_url, data.options):
                continue
            try:
                # The stored key stays, unless the address names another host: then it is asked for.
                save_connection(
                    source=source, name=name, base_url=data.base_url, secret=None, options=data.options, actor=actor,
                    may_lack_secret=row is None,
                )  # fmt: skip
            except InvalidInput as error:
                raise InvalidInput(f"{self.file}: {key}: {error.detail}.") from None
        if prune:
            for row in Connection.objects.filter(is_active=True):
                if f"{row.source}/{row.name}" not in wanted:
                    remove_connection(row, actor=actor)


class PlaybooksPart:
    """The playbooks in force, each file byte for byte as it was loaded."""

    name: ClassVar[str] = "playbooks"

    def owns(self, file: str) -> bool:
        return file.startswith("playbooks/") and file.count("/") == 1

    def export(self) -> dict[str, str]:
        return {
            f"playbooks/{row.key}.yaml": row.source_yaml for row in PlaybookVersion.objects.active().order_by("key")
        }

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        for file, text in files.items():
            try:
                stored = store_version(
                    text, name=file, actor=actor, origin="file", comment="configuration files", past_approval=True
                )
            except PlaybookInvalid as error:
                raise InvalidInput(str(error)) from None
            if stored.key != PurePosixPath(file).stem:
                raise InvalidInput(f"{file} holds the playbook {stored.key!r}: name the file {stored.key}.yaml.")
        if prune and files:
            keys = {PurePosixPath(file).stem for file in files}
            for version in PlaybookVersion.objects.active().exclude(key__in=keys).order_by("key"):
                withdraw(version, actor=actor)
