"""The review of an incident on one page: what happened, how long it took, what was promised and kept, what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from altor.models import User
from altor.words import duration
from escalations.incidents.customers import Customers, customers_of
from escalations.models import FollowUp, Incident, IncidentEvent, IncidentUpdate


@dataclass(frozen=True, slots=True)
class Lasted:
    """`span` is None where one of its ends is not known."""

    title: str
    span: timedelta | None

    @property
    def shown(self) -> str:
        return duration(self.span)


@dataclass(frozen=True, slots=True)
class Review:
    incident: Incident
    history: Sequence[IncidentEvent]
    updates: Sequence[IncidentUpdate]
    customers: Customers
    follow_ups: Sequence[FollowUp]

    @property
    def durations(self) -> list[Lasted]:
        one = self.incident
        return [
            Lasted("Began to declared", _between(one.began_at, one.declared_at)),
            Lasted("Declared to fixed", _between(one.declared_at, one.fixed_at)),
            Lasted("Fixed to back to normal", _between(one.fixed_at, one.back_since)),
            Lasted("Declared to closed", _between(one.declared_at, one.closed_at)),
        ]

    @property
    def promised(self) -> int:
        """Updates that customers had been promised by a time that has come."""
        return len([one for one in self.updates if one.promised_for is not None]) + self.missed

    @property
    def kept(self) -> int:
        return len([one for one in self.updates if one.promised_for is not None and not one.is_late])

    @property
    def missed(self) -> int:
        """Promised times that passed and were never followed by an update."""
        answered = {one.promised_for for one in self.updates}
        late = [one.at for one in self.history if one.what == IncidentEvent.What.LATE]
        return len([at for at in late if at not in answered])


def review_of(incident: Incident, user: User, *, reads_directory: bool | None = None) -> Review:
    return Review(
        incident, list(incident.history.select_related("by")), list(incident.updates.select_related("by")),
        customers_of(incident, user, reads_directory=reads_directory),
        list(incident.follow_ups.select_related("owner")),
    )  # fmt: skip


def _between(begin: datetime | None, end: datetime | None) -> timedelta | None:
    return end - begin if begin is not None and end is not None and end >= begin else None


def markdown(review: Review) -> str:
    """The review as Markdown; what people wrote cannot become markup."""
    return "\n".join(_lines(review)) + "\n"


def _lines(review: Review) -> Iterator[str]:
    one = review.incident
    yield f"# {one.ref}: {inert(one.title)}\n"
    yield f"- Severity: {one.severity}"
    yield f"- State: {one.get_status_display()}"
    yield f"- Commander: {inert(str(one.commander or 'nobody'))}"
    yield f"- Declared: {_at(one.declared_at)} by {inert(str(one.declared_by or 'somebody'))}"
    if one.began_at is not None:
        yield f"- Began: {_at(one.began_at)}"
    yield ""
    yield "## How long\n"
    for lasted in review.durations:
        yield f"- {lasted.title}: {lasted.shown}"
    yield f"- Customer updates promised: {review.promised}, kept in time: {review.kept}\n"
    yield "## Cause\n"
    yield f"{inert(one.cause_text) or 'Not named yet.'}" + (f" (`{one.cause_label}`)" if one.cause_label else "")
    if one.unproven_reason:
        yield f"\nClosed without proof of recovery: {inert(one.unproven_reason)}"
    yield "\n## Customers\n"
    found = review.customers
    yield f"{len(found.wrote)} wrote, {len(found.silent)} did not; {len(found.untold)} of these were not told.\n"
    for item in found.listed:
        told = " ".join(item.tickets) if item.has_written else ("told" if item.is_told else "not told")
        yield f"- {inert(item.name)}: {told}"
    yield "\n## Follow-ups\n"
    for follow in review.follow_ups:
        mark = "x" if follow.done_at is not None else " "
        link = f" <{follow.link}>" if follow.link and ">" not in follow.link else ""
        yield f"- [{mark}] {inert(follow.text)} ({inert(str(follow.owner or 'nobody'))}, by {follow.due_on}){link}"
    if not review.follow_ups:
        yield "None."
    yield "\n## Timeline\n"
    for event in review.history:
        by = f", {inert(str(event.by))}" if event.by is not None else ""
        text = f": {inert(event.text)}" if event.text else ""
        yield f"- {_at(event.at)} {event.get_what_display()}{by}{text}"


def _at(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M UTC}"


#: What begins markup anywhere in a line.
_MARKUP = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>#|~!"})


def inert(text: str) -> str:
    """One line in which nothing is a link, an image or HTML."""
    return " ".join(text.split()).translate(_MARKUP)
