"""The stored rows that a packet is made of, read once, with the questions that its parts ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from altor.models import User
from investigations.models import Evidence, Investigation, StepResult, Ticket

UNDECIDED: Final = "inconclusive"


@dataclass(frozen=True)
class Material:
    """One run with its rows. `tickets`: the run's own first. Queries when made; pure afterwards, but for messages."""

    run: Investigation
    tickets: Sequence[Ticket]
    now: datetime
    user: User | None
    steps: Sequence[StepResult] = field(default_factory=tuple)
    evidence: Sequence[Evidence] = field(default_factory=tuple)

    @cached_property
    def diagnosis(self) -> Mapping[str, Any]:
        return self.run.diagnosis or {}

    @cached_property
    def top(self) -> Mapping[str, Any]:
        candidates: Sequence[Mapping[str, Any]] = self.diagnosis.get("candidates") or []
        return candidates[0] if candidates else {}

    @property
    def is_decided(self) -> bool:
        return bool(self.top) and self.top.get("label") != UNDECIDED

    @cached_property
    def rests_on(self) -> Mapping[str, Any]:
        return self.diagnosis.get("rests_on") or {}

    @cached_property
    def by_ref(self) -> Mapping[str, Evidence]:
        return {item.ref_id: item for item in self.evidence}

    @cached_property
    def reasons(self) -> list[str]:
        """Evidence behind the first candidate, what moved it most first; only rows that exist."""
        told = (str(why.get("evidence") or "") for why in self.top.get("why") or ())
        return list(dict.fromkeys(ref for ref in told if ref in self.by_ref))

    @cached_property
    def ordered(self) -> Sequence[Evidence]:
        """The evidence as an engineer reads it: the reasons, what else the diagnosis chose, breaches, the rest."""
        chosen = [str(item.get("ref_id") or "") for item in self.diagnosis.get("evidence") or ()]
        order = {ref: place for place, ref in enumerate(dict.fromkeys([*self.reasons, *chosen]))}
        last = len(order)
        return sorted(
            self.evidence, key=lambda item: (order.get(item.ref_id, last), item.verdict != "abnormal", item.pk)
        )

    def refs(self, *names: str) -> list[str]:
        """Those of the references that are evidence of the run."""
        return list(dict.fromkeys(name for name in names if name in self.by_ref))

    def facts(self, source: str) -> Iterator[tuple[StepResult, Mapping[str, Any]]]:
        """(step, facts of one of its measures) of the steps that asked this source."""
        for step in self.steps:
            if step.source == source and isinstance(step.facts, Mapping):
                for value in step.facts.values():
                    if isinstance(value, Mapping):
                        yield step, value

    def of_step(self, step: StepResult) -> list[str]:
        return [item.ref_id for item in self.evidence if item.step_id == step.pk]

    @cached_property
    def onset(self) -> datetime | None:
        return moment(self.diagnosis.get("onset"))

    @cached_property
    def window(self) -> tuple[datetime | None, datetime]:
        """What the run looked at."""
        return moment(self.run.inputs.get("window_start")), moment(self.run.inputs.get("window_end")) or self.run.as_of


def material_of(
    run: Investigation, *, tickets: Sequence[Ticket] = (), now: datetime, user: User | None = None
) -> Material:
    """Two queries, and one for the tickets' customers where they are not selected."""
    own = [run.ticket, *(ticket for ticket in tickets if ticket.pk != run.ticket_id)]
    return Material(
        run=run,
        tickets=list({ticket.pk: ticket for ticket in own}.values()),
        now=now,
        user=user,
        steps=list(run.steps.select_related("answered_by").order_by("position", "pk")),
        evidence=list(run.evidence.select_related("step").order_by("pk")),
    )


def moment(value: Any) -> datetime | None:
    """A stored time, None where there is none or it is no time."""
    if isinstance(value, datetime):
        return value
    try:
        found = parse_datetime(str(value or ""))
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def address(name: str, *arguments: str) -> str:
    """The full address of a page, for readers outside of Altor."""
    return f"{settings.BASE_URL}{reverse(name, args=arguments)}"


def link(url: Any) -> str:
    """The address when it may be followed from anywhere, else nothing."""
    text = str(url or "")
    return text if text.startswith(("https://", "http://")) and text.isprintable() and " " not in text else ""


def sentence(text: str) -> str:
    """One line that ends as a sentence."""
    flat = " ".join(text.split())
    return flat if not flat or flat.endswith((".", "!", "?", "…")) else f"{flat}."
