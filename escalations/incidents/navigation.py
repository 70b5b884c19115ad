"""The rail's entry of incidents."""

from __future__ import annotations

from typing import Final

from altor.models import User
from altor.shell import NavItem
from escalations.models import Incident


def open_count(user: User) -> int:
    """Incidents that are not closed."""
    return Incident.objects.visible_to(user).open().count()


ITEMS: Final = (
    NavItem("", 37, "incidents", "Incidents", "bell", "incidents:list", "incident.read", "", open_count, "open"),
)
