"""A directory of customers, the shipped playbooks in force, a team."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from altor.models import Membership, Team, User
from investigations.models import Customer, PlaybookVersion
from investigations.playbooks.format import Playbook

WRITTEN = datetime(2026, 3, 5, 12, 41, 56, tzinfo=UTC)
LIBRARY = Path(__file__).parents[2] / "investigations" / "playbooks" / "library"


def shipped_playbooks() -> list[Playbook]:
    return [Playbook.model_validate(YAML(typ="safe").load(path.read_text())) for path in sorted(LIBRARY.glob("*.yaml"))]


@pytest.fixture(scope="session")
def playbooks() -> list[Playbook]:
    return shipped_playbooks()


@pytest.fixture
def library(db: None, playbooks: list[Playbook]) -> None:
    store_playbooks(playbooks)


def store_playbooks(playbooks: list[Playbook]) -> None:
    """Version 1 of each, in force. Without the checks of the loader, which take most of a test's time."""
    for playbook in playbooks:
        PlaybookVersion.objects.update_or_create(
            key=playbook.key,
            version=1,
            defaults={
                "title": playbook.title,
                "incident_class": playbook.incident_class,
                "source_yaml": "",
                "document": playbook.model_dump(mode="json", by_alias=True),
                "sha256": "0" * 64,
                "is_active": True,
            },
        )


@pytest.fixture
def directory(db: None) -> dict[str, Customer]:
    rows: list[dict[str, Any]] = [
        {
            "org_id": "org_k3p7elJo60",
            "name": "Copper Lane",
            "domains": ["copperlane.eu"],
            "stripe_customer": "cus_zSukxPGDP3WoJG",
        },
        {
            "org_id": "org_6NPLjySWlA",
            "name": "Quarry Tools",
            "domains": ["quarrytools.eu"],
            "stripe_customer": "cus_9N7QMoQDzxnxJY",
        },
        {"org_id": "org_twin_a", "name": "Twin North", "domains": ["twin.example"]},
        {"org_id": "org_twin_b", "name": "Twin South", "domains": ["twin.example"]},
        {"org_id": "48213", "name": "Brightside", "domains": [], "emails": ["ada@gmail.com"]},
    ]
    return {row["org_id"]: Customer.objects.create(**row) for row in rows}


@pytest.fixture
def support(db: None) -> Team:
    return Team.objects.create(name="First line", slug="first-line", is_default=True)


@pytest.fixture
def agent(support: Team) -> User:
    user = User.objects.create_user("ada", "ada@altor.example", "not-a-real-password")
    Membership.objects.create(user=user, team=support)
    return user


@pytest.fixture
def payload() -> dict[str, Any]:
    return {
        "id": 71631,
        "channel": "chat",
        "created_at": "2026-03-05T12:41:56Z",
        "subject": "API is slow",
        "description": "Hi,\n\nREssponsE times went up about 01:15 (UTC+2), UserS Complain.\n\nThanks,\nDmitri Singh",
        "requester": {"name": "Dmitri Singh", "email": "dmitri@mail.example"},
        "organization": {"name": "Copper Lane", "domain": "copperlane.eu", "external_id": "org_k3p7elJo60"},
        "tags": [],
        "priority": "normal",
    }
