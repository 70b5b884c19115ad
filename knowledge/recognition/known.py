"""What is known of a ticket's cause: entries whose signs its newest run found, and entries near to its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.services.causes import known_causes
from knowledge.entries.learning import alike, newest_run
from knowledge.models import Entry, EntryUse, Recognition
from knowledge.models.entries import Confidence
from knowledge.models.recognition import State
from knowledge.recognition.settling import by_diagnosis, is_near, states
from knowledge.search.finding import Found
from knowledge.search.matching import Match

#: The order of what a detection query said; what was not asked stands with its words.
_ORDER: Final = {
    State.RECOGNISED: 0, State.POSSIBLE: 1, "": 2, State.NEAR: 2, State.UNKNOWN: 2, State.ELSEWHERE: 3, State.QUIET: 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An entry beside a ticket. `state` is "" for one whose query was not asked; `verdict` is what somebody said of it
    on this ticket.
    """

    entry: Entry
    state: str = ""
    recognition: Recognition | None = None
    match: Match | None = None
    verdict: str = ""

    @property
    def is_recognised(self) -> bool:
        return self.state == State.RECOGNISED


def known_entries(ticket: Ticket, user: User, found: Sequence[Found] | None = None) -> list[KnownEntry]:
    """Of what the person may read, the likeliest first. `found`: entries near to the ticket's words, where they are
    known already.
    """
    run = newest_run(ticket)
    near = {one.entry.pk: one for one in (alike(ticket, run, user) if found is None else found)}
    asked = recognitions(run, user) if run is not None else []
    verdicts = dict(EntryUse.objects.filter(ticket=ticket).values_list("entry_id", "verdict"))
    by_pk = {one.entry_id: (one, state) for one, state in asked}
    # What was asked for and is not there, and has little in common with the ticket's words, is no news.
    wanted = [pk for pk, (one, state) in by_pk.items() if state in (State.RECOGNISED, State.POSSIBLE)]
    order = [*wanted, *(pk for pk, one in near.items() if pk not in wanted and is_near(one))]
    entries = {one.entry_id: one.entry for one, _ in asked} | {pk: one.entry for pk, one in near.items()}
    known = [
        KnownEntry(
            entries[pk],
            by_pk[pk][1] if pk in by_pk else "",
            by_pk[pk][0] if pk in by_pk else None,
            near[pk].match if pk in near else None,
            verdicts.get(pk, ""),
        )
        for pk in order
    ]
    return sorted(known, key=lambda one: _ORDER[one.state])


def recognitions(run: Investigation, user: User) -> list[tuple[Recognition, str]]:
    """What the run asked for, with what it is worth, of the entries that the person may read and that are in use."""
    found = list(Recognition.objects.filter(investigation=run).select_related("entry__owner", "entry__team"))
    kept = {one.entry_id for one in found}
    if not all(one.state for one in found) or not found:  # the run has ended a moment ago
        found += [one for one in by_diagnosis(run) if one.entry_id not in kept]
    settled = states(run, found, known_causes()) if found else {}
    readable = Entry.objects.visible_to(user).exclude(confidence=Confidence.ARCHIVED)
    ids = set(readable.filter(pk__in=[one.entry_id for one in found]).values_list("pk", flat=True))
    return [(one, one.state or settled[one.entry_id]) for one in found if one.entry_id in ids]
