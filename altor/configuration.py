"""The installation's configuration as a folder of files: export, compare, apply.

Each app adds its parts through the setting CONFIGURATION_PARTS. A part knows its files and nothing else; secrets never
leave the database. Files are canonical (sorted keys, one style), so that a difference is a difference.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, TypeVar
from zoneinfo import available_timezones

from django.db import DataError, IntegrityError, transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import InboundEndpoint, Team, User
from altor.registry import parts


class ConfigurationPart(Protocol):
    """One kind of configuration. File names are relative, with forward slashes."""

    name: ClassVar[str]

    def export(self) -> dict[str, str]:
        """File name -> text of everything of this kind."""
        ...

    def owns(self, file: str) -> bool: ...

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        """Make the database as the files say. InvalidInput names the file. Without `prune` nothing is removed."""
        ...


def canonical(data: Any) -> str:
    """YAML with sorted keys, block style, long lines unbroken."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    stream = io.StringIO()
    yaml.dump(_sorted(data), stream)
    return stream.getvalue()


def _sorted(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _sorted(data[key]) for key in sorted(data)}
    return [_sorted(item) for item in data] if isinstance(data, list) else data


def parse(file: str, text: str) -> Any:
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        said = " ".join(str(error).split())
        raise InvalidInput(f"{file} is not valid YAML: {said[:300]}.") from None


class Row(BaseModel):
    """One named thing in a file; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


RowT = TypeVar("RowT", bound=Row)


def read_rows(file: str, text: str, model: type[RowT]) -> dict[str, RowT]:
    """The file as name -> row; InvalidInput names file, row and field."""
    data = parse(file, text)
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{file} is a mapping: `name: {{key: value}}`, one for each.")
    rows = {}
    for name, row in data.items():
        try:
            rows[str(name)] = model.model_validate({} if row is None else row)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise InvalidInput(
                f"{file}: {name}{'.' + field if field else ''}: {first['msg'].removeprefix('Value error, ')}."
            ) from None
    return rows


def exported() -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts("CONFIGURATION_PARTS"):
        found |= part().export()
    return dict(sorted(found.items()))


def read_folder(folder: Path) -> dict[str, str]:
    """Relative name -> text of every YAML file, byte for byte; hidden files and folders (.git) are passed over."""
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.")
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix in (".yaml", ".yml") and not any(part.startswith(".") for part in name.parts):
            try:
                found[name.as_posix()] = path.read_bytes().decode()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidInput(f"{name} cannot be read: {error}.") from None
    return found


def difference(folder: Path) -> str:
    """Unified diff from the installation to the folder; empty when they agree."""
    have, want = exported(), read_folder(folder)
    lines: list[str] = []
    for file in sorted({*have, *want}):
        before, after = have.get(file, ""), want.get(file, "")
        lines += difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"installation/{file}", f"folder/{file}"
        )
    return "".join(lines)


def write_folder(folder: Path) -> list[str]:
    """Write every file; files of ours that no longer stand for anything are removed."""
    files = exported()
    known = [part() for part in parts("CONFIGURATION_PARTS")]
    for old in read_folder(folder) if folder.is_dir() else {}:
        if old not in files and any(part.owns(old) for part in known):
            (folder / old).unlink()
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return list(files)


@transaction.atomic
def apply_folder(folder: Path, *, prune: bool = False, actor: User | None = None) -> list[str]:
    """All or nothing; gives the names of the files that changed something. InvalidInput for a file that no part owns,
    so that a misspelt name is not passed over.
    """
    files, before = read_folder(folder), exported()
    known = [part() for part in parts("CONFIGURATION_PARTS")]
    strangers = [file for file in files if not any(part.owns(file) for part in known)]
    if strangers:
        raise InvalidInput(f"Nothing reads {', '.join(strangers)}.")
    for part in known:
        try:
            with transaction.atomic():
                part.apply({file: text for file, text in files.items() if part.owns(file)}, prune=prune, actor=actor)
        except (IntegrityError, DataError) as error:
            why = str(error).splitlines()[0]
            raise InvalidInput(f"The files of {part.name} do not go together: {why}.") from None
    after = exported()
    return [file for file in sorted({*before, *after}) if before.get(file) != after.get(file)]


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"there is no time zone {name!r}")
    return name


class _TeamRow(Row):
    name: str = Field(min_length=1, max_length=80)
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    default: bool = False


class TeamsPart:
    name: ClassVar[str] = "teams"
    file: ClassVar[str] = "teams.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        return {self.file: canonical({team.slug: self._told(team) for team in Team.objects.order_by("slug")})}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _TeamRow)
        defaults = [slug for slug, row in wanted.items() if row.default]
        if len(defaults) > 1:
            raise InvalidInput(f"{self.file}: {' and '.join(defaults)} are both the default team; there is one.")
        known = {team.slug: team for team in Team.objects.select_for_update().order_by("pk")}
        before = {slug: self._told(team) for slug, team in known.items()}
        if defaults:
            Team.objects.filter(is_default=True).exclude(slug=defaults[0]).update(is_default=False)
        for slug, row in wanted.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", slug):
                raise InvalidInput(f"{self.file}: {slug!r} is no short name: small letters, digits, - and _.")
            if before.get(slug) != row.model_dump():
                values = {"name": row.name, "timezone": row.timezone, "is_default": row.default}
                Team.objects.update_or_create(slug=slug, defaults=values)
                _tell("team", slug, before.get(slug), row.model_dump(), actor)
        if prune:
            for slug in known.keys() - wanted.keys():
                team = Team.objects.filter(slug=slug, tickets=None, is_default=False).first()
                if team is not None:
                    team.delete()
                    _tell("team", slug, before[slug], None, actor)

    @staticmethod
    def _told(team: Team) -> dict[str, Any]:
        return {"name": team.name, "timezone": team.timezone, "default": team.is_default}


def _tell(kind: str, name: str, before: Any, after: Any, actor: User | None) -> None:
    verb = "created" if before is None else "removed" if after is None else "changed"
    record_event(
        actor=actor,
        action=f"{kind}.{verb}",
        object_kind=kind,
        object_ref=name,
        before=before,
        after=after,
        reason="configuration files",
    )


class _EndpointRow(Row):
    title: str = Field("", max_length=80)
    ticket_prefix: str = Field("TK", pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    active: bool = True


class EndpointsPart:
    """Addresses for inbound events, without their secrets."""

    name: ClassVar[str] = "endpoints"
    file: ClassVar[str] = "endpoints.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        rows = InboundEndpoint.objects.order_by("source", "connection")
        return {self.file: canonical({str(row): self._told(row) for row in rows})}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _EndpointRow)
        before = {str(row): self._told(row) for row in InboundEndpoint.objects.select_for_update().order_by("pk")}
        for name, row in wanted.items():
            source, _, connection = name.partition("/")
            if not re.fullmatch(r"[a-z0-9_-]{1,20}/[a-z0-9_-]{1,60}", name):
                raise InvalidInput(f"{self.file}: {name!r} is not `source/connection`.")
            if before.get(name) != row.model_dump():
                values = {"title": row.title, "ticket_prefix": row.ticket_prefix, "is_active": row.active}
                InboundEndpoint.objects.update_or_create(source=source, connection=connection, defaults=values)
                _tell("endpoint", name, before.get(name), row.model_dump(), actor)
        if prune:
            for name in before.keys() - wanted.keys():
                if before[name]["active"]:  # the row stays: its events stay readable
                    source, _, connection = name.partition("/")
                    InboundEndpoint.objects.filter(source=source, connection=connection).update(is_active=False)
                    _tell("endpoint", name, before[name], {**before[name], "active": False}, actor)

    @staticmethod
    def _told(row: InboundEndpoint) -> dict[str, Any]:
        return {"title": row.title, "ticket_prefix": row.ticket_prefix, "active": row.is_active}
