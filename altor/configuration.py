"""The installation's configuration as a folder of files: export, compare, apply.

Each app adds its parts through the setting CONFIGURATION_PARTS. A part knows its files and nothing else; secrets never
leave the database. Files are canonical (sorted keys, one style), so that a difference is a difference.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from django.db import transaction
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

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
        raise InvalidInput(f"{file} is not valid YAML: {str(error).splitlines()[0]}") from None


def exported() -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts("CONFIGURATION_PARTS"):
        found |= part().export()
    return dict(sorted(found.items()))


def read_folder(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.")
    return {str(path.relative_to(folder).as_posix()): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


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
        path.write_text(text)
    return list(files)


@transaction.atomic
def apply_folder(folder: Path, *, prune: bool = False, actor: User | None = None) -> None:
    """All or nothing. InvalidInput for a file that no part owns, so that a misspelt name is not passed over."""
    files = read_folder(folder)
    known = [part() for part in parts("CONFIGURATION_PARTS")]
    strangers = [file for file in files if not any(part.owns(file) for part in known)]
    if strangers:
        raise InvalidInput(f"Nothing reads {', '.join(strangers)}.")
    for part in known:
        part.apply({file: text for file, text in files.items() if part.owns(file)}, prune=prune, actor=actor)


class TeamsPart:
    name: ClassVar[str] = "teams"
    file: ClassVar[str] = "teams.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        teams = Team.objects.order_by("slug")
        return {
            self.file: canonical(
                {
                    team.slug: {"name": team.name, "timezone": team.timezone, "default": team.is_default}
                    for team in teams
                }
            )
        }

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        wanted = parse(self.file, files[self.file]) if self.file in files else {}
        for slug, data in sorted((wanted or {}).items(), key=lambda item: bool(item[1].get("default"))):
            if data.get("default"):
                Team.objects.filter(is_default=True).exclude(slug=slug).update(is_default=False)
            Team.objects.update_or_create(
                slug=slug,
                defaults={
                    "name": data["name"],
                    "timezone": data.get("timezone", "UTC"),
                    "is_default": bool(data.get("default")),
                },
            )
        if prune and self.file in files:
            Team.objects.exclude(slug__in=wanted or {}).filter(tickets=None, is_default=False).delete()


class EndpointsPart:
    """Addresses for inbound events, without their secrets."""

    name: ClassVar[str] = "endpoints"
    file: ClassVar[str] = "endpoints.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        rows = InboundEndpoint.objects.order_by("source", "connection")
        data = {
            f"{row.source}/{row.connection}": {
                "title": row.title,
                "ticket_prefix": row.ticket_prefix,
                "active": row.is_active,
            }
            for row in rows
        }
        return {self.file: canonical(data)}

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        wanted = (parse(self.file, files[self.file]) or {}) if self.file in files else {}
        for name, data in wanted.items():
            source, _, connection = name.partition("/")
            InboundEndpoint.objects.update_or_create(
                source=source,
                connection=connection,
                defaults={
                    "title": data.get("title", ""),
                    "ticket_prefix": data.get("ticket_prefix", "TK"),
                    "is_active": bool(data.get("active", True)),
                },
            )
        if prune and self.file in files:
            for row in InboundEndpoint.objects.all():
                if f"{row.source}/{row.connection}" not in wanted:
                    InboundEndpoint.objects.filter(pk=row.pk).update(is_active=False)  # its events stay readable
