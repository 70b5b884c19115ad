"""Whom a question may be put to, and how the choice is written: `team:api`, `rotation:platform`, `person:eli`."""

from __future__ import annotations

from altor.errors import InvalidInput
from altor.models import Team, User
from altor.roles import PERMISSIONS, Role
from escalations.interruptions.asking import Audience
from escalations.models import Rotation

_WORKERS = PERMISSIONS["escalation.work"][0]


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups for a select: rotations, teams with somebody who may answer, then product engineers."""
    rotations = Rotation.objects.active().select_related("team")
    able = User.objects.filter(is_active=True, role__in=_WORKERS)
    teams = Team.objects.filter(members__in=able).distinct()
    engineers = able.filter(role=Role.ENGINEER)
    groups = [
        ("Whoever is on call", [(f"rotation:{one.slug}", f"{one.name} ({one.owns})") for one in rotations]),
        ("A team", [(f"team:{one.slug}", one.name) for one in teams]),
        ("A person", [(f"person:{one.username}", str(one)) for one in engineers]),
    ]
    return [(title, many) for title, many in groups if many]


def audience(written: str) -> Audience:
    """InvalidInput names what nobody answers to."""
    kind, _, name = written.strip().partition(":")
    to = None
    match kind:
        case "team":
            team = Team.objects.filter(slug=name).first()
            to = Audience(team=team) if team is not None else None
        case "rotation":
            rotation = Rotation.objects.active().filter(slug=name).select_related("team").first()
            to = Audience(rotation=rotation) if rotation is not None else None
        case "person":
            person = User.objects.filter(username=name, is_active=True).first()
            to = Audience(person=person) if person is not None else None
    if to is None:
        words = "Choose whom you ask." if not written.strip() else f"There is no {written.strip()[:80]!r} to ask."
        raise InvalidInput(words, errors={"to": ["team:…, rotation:… or person:…, of which there is one."]})
    return to
