"""The line on the page of connections that tells whether issues can be filed."""

from __future__ import annotations

from typing import Any, Final

from escalations.models import LinearConnection
from investigations.panels import ConnectionCard


def context() -> dict[str, Any]:
    return {"row": LinearConnection.objects.filter(is_active=True).order_by("name").first()}


CARD: Final = ConnectionCard("escalations/_linear_card.html", context)
