"""Rotations for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from altor.models import Team, User
from escalations.models import Rotation
from escalations.oncall.editing import create_rotation
from escalations.oncall.format import read_form
from tests import factories as make

#: A Monday, 12:00 in Berlin.
NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def people(*names: str, team: Team | None = None, role: str = "agent") -> list[User]:
    team = team or make.team()
    return [
        make.user(name, role=role, teams=(team,), first_name=name.capitalize(), last_name="Example") for name in names
    ]


def layer(*names: str, begins: str = "2026-03-02 09:00", **values: Any) -> dict[str, Any]:
    return {"people": list(names), "begins": begins, **values}


def written(*layers: dict[str, Any], seats: list[dict[str, Any]] | None = None, **values: Any) -> dict[str, Any]:
    """A rotation as a file says it: one seat with these layers, or `seats`."""
    one = [{"key": "primary", "name": "Primary", "layers": list(layers)}]
    return {
        "name": "Support",
        "team": "support",
        "owns": "urgent triage",
        "zone": "Europe/Berlin",
        "seats": seats or one,
        **values,
    }


def rotation(
    *layers: dict[str, Any], now: datetime = NOW, since: datetime | None = None, actor: User | None = None,
    slug: str = "support", **values: Any,
) -> Rotation:  # fmt: skip
    make.team()
    form = read_form(written(*layers, **values))
    return create_rotation(form, actor=actor, now=now, slug=slug, in_force_from=since)
