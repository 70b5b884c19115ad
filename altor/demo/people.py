"""The demo's people, teams and the address its helpdesk posts to."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from altor.demo.credentials import PASSWORD
from altor.demo.world.company import VENDOR_DOMAIN
from altor.models import InboundEndpoint, Membership, Team, User
from altor.roles import Role

#: username, first name, last name, role, teams
PEOPLE: Final = (
    ("lead", "Ruth", "Adeyemi", Role.LEAD, ("Support", "Billing support")),
    ("ana", "Ana", "Reyes", Role.AGENT, ("Support",)),
    ("ben", "Ben", "Fischer", Role.AGENT, ("Support", "Billing support")),
    ("engineer", "Petr", "Zeman", Role.ENGINEER, ("Support",)),
    ("viewer", "Noor", "Haddad", Role.READ_ONLY, ("Support",)),
    ("admin", "Kim", "Sato", Role.ADMIN, ("Support", "Billing support")),
)
TEAMS: Final = (("Support", "support", True), ("Billing support", "billing", False))


@transaction.atomic
def create_people() -> User:
    """Teams and people, each once; returns the administrator."""
    teams = {
        name: Team.objects.get_or_create(slug=slug, defaults={"name": name, "is_default": is_default})[0]
        for name, slug, is_default in TEAMS
    }
    # One hash for all: the password is the same and printed anyway, and a slow hash for each would be felt.
    sample = User()
    sample.set_password(PASSWORD)
    for username, first, last, role, memberships in PEOPLE:
        user, _ = User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first, "last_name": last, "email": f"{username}@{VENDOR_DOMAIN}", "role": role, "password": sample.password,
                "is_staff": role == Role.ADMIN, "is_superuser": role == Role.ADMIN,
            },
        )  # fmt: skip
        for name in memberships:
            Membership.objects.get_or_create(user=user, team=teams[name])
    return User.objects.get(username="admin")


def create_endpoint(secret: str) -> InboundEndpoint:
    """The address that the demo's helpdesk posts tickets to."""
    endpoint, _ = InboundEndpoint.objects.update_or_create(
        source="generic",
        connection="harborline",
        defaults={"title": "Harborline helpdesk", "secrets": secret, "ticket_prefix": "HD", "is_active": True},
    )
    return endpoint
