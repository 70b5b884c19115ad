"""Panels that apps above add to the pages of tickets, runs and today: the setting `TICKET_PANELS` lists them.

A page leaves a placeholder that htmx fills from the panel's address; without scripts it is a link to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from django.urls import reverse

from altor.registry import parts

if TYPE_CHECKING:
    from altor.models import User

Place = Literal["ticket", "run", "today"]


@dataclass(frozen=True, slots=True)
class Panel:
    """`url_name` takes a ticket's reference, nothing in the place `today`. `name` is unique among the panels."""

    name: str
    title: str
    icon: str
    url_name: str
    places: frozenset[Place]
    permission: str = ""
    #: It has the place of the run page's plain draft, which is shown until it is there.
    holds_reply: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    panel: Panel
    url: str


@dataclass(frozen=True, slots=True)
class ConnectionCard:
    """A connection of an app above, as a line below the sources on the page of connections (`CONNECTION_CARDS`).

    `template` is rendered with what `context` gives, and `may_edit`.
    """

    template: str
    context: Callable[[], dict[str, Any]]


_OF_A_TICKET: Final = ("ticket", "run")


def panels(place: Place, user: User, ticket_ref: str = "") -> list[Placed]:
    """Those for this place that the person may open, in the setting's order."""
    found: list[Panel] = [panel for panel in parts("TICKET_PANELS") if place in panel.places]
    arguments = [ticket_ref] if place in _OF_A_TICKET else []
    return [
        Placed(panel, reverse(panel.url_name, args=arguments))
        for panel in found
        if not panel.permission or user.may(panel.permission)
    ]
