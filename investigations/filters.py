"""Filters of lists, kept in the query string so that a pasted link shows the same view. Unknown values are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q
from django.utils.functional import cached_property

from altor.templatetags.altor_ui import CLASS_NAMES, state_word
from investigations.models import Investigation, Ticket
from investigations.models.investigations import InvestigationQuerySet
from investigations.models.tickets import TicketQuerySet
from investigations.services.closures import unexplained

if TYPE_CHECKING:
    from altor.models import User

SEVERITIES: Final = ("SEV1", "SEV2", "SEV3", "SEV4")
Choices = list[tuple[str, str]]


class _Filter:
    """One value per name, taken from `params` when it is among the choices."""

    def __init__(self, params: Mapping[str, str], user: User) -> None:
        self.params, self.user = params, user

    def chosen(self, name: str) -> str:
        value = self.params.get(name, "")
        return value if value in dict(self.choices[name]) else ""

    @property
    def choices(self) -> Mapping[str, Choices]:
        raise NotImplementedError

    @property
    def is_active(self) -> bool:
        return any(self.chosen(name) for name in self.choices)

    @property
    def selects(self) -> list[tuple[str, str, Choices, str]]:
        """(name, label, choices, chosen) for the template."""
        return [(name, LABELS[name], choices, self.chosen(name)) for name, choices in self.choices.items()]


LABELS: Final = {"state": "State", "class": "Class", "severity": "Severity", "owner": "Owner", "team": "Team"}


class RunFilter(_Filter):
    @cached_property
    def choices(self) -> Mapping[str, Choices]:
        return {
            "state": [
                ("active", "Active"),
                *((str(s), str(s.label)) for s in Investigation.Status),
                ("asked", "Waiting for a person"),
            ],
            "class": list(CLASS_NAMES.items()),
            "severity": [(name, f"SEV {name[3:]}") for name in SEVERITIES],
            "owner": [("me", "Mine"), ("none", "Nobody's")],
        }

    def apply(self, runs: InvestigationQuerySet) -> InvestigationQuerySet:
        match self.chosen("state"):
            case "":
                pass
            case "active":
                runs = runs.unfinished()
            case "asked":
                runs = runs.filter(steps__status="asked").distinct()
            case state:
                runs = runs.filter(status=state)
        if wanted := self.chosen("class"):
            runs = runs.filter(ticket__incident_class=wanted)
        if wanted := self.chosen("severity"):
            runs = runs.filter(severity=wanted)
        if wanted := self.chosen("owner"):
            runs = runs.filter(ticket__owner=self.user if wanted == "me" else None)
        return runs


class TicketFilter(_Filter):
    @cached_property
    def choices(self) -> Mapping[str, Choices]:
        return {
            "state": [
                ("open", "Open"),
                *((str(s), state_word(str(s))) for s in Ticket.Status),
                ("unexplained", "Closed without a word"),
            ],
            "class": [*CLASS_NAMES.items(), ("none", "Not classified")],
            "owner": [("me", "Mine"), ("none", "Nobody's")],
        }

    def apply(self, tickets: TicketQuerySet) -> TicketQuerySet:
        match self.chosen("state"):
            case "":
                pass
            case "open":
                tickets = tickets.exclude(status=Ticket.Status.RESOLVED)
            case "unexplained":
                tickets = unexplained(tickets)
            case state:
                tickets = tickets.filter(status=state)
        if wanted := self.chosen("class"):
            tickets = tickets.filter(incident_class="" if wanted == "none" else wanted)
        if wanted := self.chosen("owner"):
            tickets = tickets.filter(owner=self.user if wanted == "me" else None)
        return tickets


def with_progress(runs: InvestigationQuerySet) -> InvestigationQuerySet:
    """Adds `steps_ended` and `steps_all` for lists."""
    ended = Q(steps__status__in=["done", "skipped", "unavailable"])
    return runs.annotate(steps_all=Count("steps"), steps_ended=Count("steps", filter=ended))
