"""The language check over a reply: what it must know of this installation comes from the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db.models import Count, Max, prefetch_related_objects

from altor.models import User
from investigations.models import Customer, Evidence, Investigation, Ticket
from investigations.replies import ReplyFinding
from knowledge.language.backing import Backing
from knowledge.language.check import check as language_check
from knowledge.language.findings import Finding, Kind
from knowledge.language.names import Directory
from knowledge.replies.filling import substitute
from knowledge.replies.language import language_of
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.promises import update_spans

#: Names shorter than this are words of the language as well.
_SHORTEST: Final = 3
#: References of evidence that name a part of our own systems.
_SERVICES: Final = frozenset({"service", "services", "instance", "table", "cache", "job", "queue"})
_HOSTS: Final = frozenset({"instance", "node", "pod"})
_SECONDS: Final = {"ms": 0.001, "s": 1.0}
_REPOSITORY: Final = re.compile(r"https?://[^/\s]+/([\w.-]+)/([\w.-]+)/(?:commit|pull|tree|blob|compare)/")


def check(ticket: Ticket, run: Investigation | None, text: str) -> Sequence[ReplyFinding]:
    """For `REPLY_CHECKS`: leaks and wording, in the order of the text."""
    if not text.strip():
        return []
    backing = backing_of(run) if run is not None else None
    found = language_check(text, directory_of(ticket, run), backing=backing, language=language_of(text))
    # A time that is promised for the next update is ours to set: no evidence carries it.
    ours = update_spans(text)
    return [
        _as_finding(one)
        for one in found
        if one.kind != Kind.UNBACKED or not any(first <= one.start < last for first, last in ours)
    ]


def check_for_many(run: Investigation | None, text: str, language: str) -> Sequence[ReplyFinding]:
    """As `check`, over a text that goes to several customers: no customer's name is anybody's own in it."""
    if not text.strip():
        return []
    services, hosts, repositories = _of_run(run) if run is not None else (set(), set(), set())
    names = _names(
        services=services, hosts=hosts, people=_people(), repositories=repositories, other_customers=_customers(),
    )  # fmt: skip
    found = language_check(text, names, backing=backing_of(run) if run is not None else None, language=language)
    ours = update_spans(text)
    return [
        _as_finding(one)
        for one in found
        if one.kind != Kind.UNBACKED or not any(first <= one.start < last for first, last in ours)
    ]


def wording_of(text: str, language: str) -> Sequence[ReplyFinding]:
    """What the check finds in a template's own words, with the placeholders' examples in it and without any ticket.
    Places are those of the text with the examples.
    """
    if not text.strip():
        return []
    examples = {name: one.example for name, one in PLACEHOLDERS.items()}
    filled, directory = substitute(text, examples), _names(people=_people(), own=examples.values())
    return [_as_finding(one) for one in language_check(filled, directory, language=language)]


def backing_of(run: Investigation) -> Backing:
    """What the run's evidence states, as sentences, figures and times, and what its diagnosis concludes. One query."""
    document = run.diagnosis or {}
    facts: list[object] = [document.get("summary"), *(_moment(document.get(name)) for name in ("onset", "as_of"))]
    facts += [_moment(end) for end in document.get("onset_between") or ()]
    for candidate in (document.get("candidates") or ())[:1]:
        facts += [candidate.get("title"), *(why.get("says") for why in candidate.get("why") or ())]
    for one in _evidence_of(run):
        facts += [one.summary, one.title, one.at, *(str(value) for value in (one.ref or {}).values())]
        facts += _measured(one.figures if isinstance(one.figures, dict) else {})
    return Backing.of([fact for fact in facts if fact not in ("", None)])


def _evidence_of(run: Investigation) -> Iterable[Evidence]:
    """One query however often it is asked of this run: evidence of a finished one does not change."""
    prefetch_related_objects([run], "evidence")
    return run.evidence.all()


def _measured(figures: Mapping[str, Any]) -> Iterator[object]:
    """The figures of a piece of evidence, durations as such."""
    unit = figures.get("unit")
    for name, value in figures.items():
        if name == "series" or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        yield value
        if unit in _SECONDS and name in ("value", "baseline", "threshold"):
            yield timedelta(seconds=value * _SECONDS[unit])


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None


def directory_of(ticket: Ticket, run: Investigation | None) -> Directory:
    """Names of this installation that a customer must not read, and those of the ticket that they may. Up to five
    queries.
    """
    services, hosts, repositories = _of_run(run) if run is not None else (set(), set(), set())
    own = _own(ticket)
    return _names(
        services=services,
        hosts=hosts,
        people=_people(),
        repositories=repositories,
        other_customers=_customers(),
        own=own,
    )


def _customers() -> frozenset[str]:
    """Names, ids and domains of all; what is the ticket's own is told apart by `own`. One query while none changed,
    and the same set each time: a large directory is compiled once and not for every customer anew.
    """
    state = Customer.objects.aggregate(count=Count("pk"), last=Max("updated_at"))
    return _named(state["count"], state["last"])


@lru_cache(maxsize=2)
def _named(count: int, last: datetime | None) -> frozenset[str]:
    rows = Customer.objects.values_list("name", "org_id", "domains")
    return frozenset(name for row in rows for name in (row[0], row[1], *row[2]) if name)


def _own(ticket: Ticket) -> set[str]:
    """What the customer themself wrote or is called, and who may sign a reply to them."""
    own = {ticket.requester_name, ticket.requester_email, ticket.external_id, ticket.ref}
    own |= {str(value) for value in (ticket.organization or {}).values() if isinstance(value, str)}
    if ticket.customer is not None:
        own |= {ticket.customer.name, ticket.customer.org_id, *ticket.customer.domains, *ticket.customer.emails}
    signers = User.objects.filter(memberships__team=ticket.team, is_active=True)
    own |= {f"{first} {last}".strip() for first, last in signers.values_list("first_name", "last_name")}
    return own | set(ticket.claims.values_list("value", flat=True))


def _people() -> set[str]:
    """Users by name; a first name alone is what a reply is signed with."""
    found: set[str] = set()
    for username, first, last, email in User.objects.values_list("username", "first_name", "last_name", "email"):
        found |= {username, email, f"{first} {last}".strip() if first and last else ""}
    return found


def _of_run(run: Investigation) -> tuple[set[str], set[str], set[str]]:
    """(services, hosts, repositories) that the run's evidence and profile name."""
    services, hosts, repositories = set(), set(), set()
    for one in _evidence_of(run):
        for name, value in (one.ref or {}).items():
            if name in _HOSTS:
                hosts.add(str(value))
            elif name in _SERVICES:
                services.add(str(value))
        services |= _column(one.columns, one.rows, _SERVICES)
        if match := _REPOSITORY.match(one.url or ""):
            repositories |= {f"{match.group(1)}/{match.group(2)}", match.group(2)}
    profile = run.profile if isinstance(run.profile, dict) else {}
    repositories |= {str(name) for name in profile.get("repositories") or [] if isinstance(name, str)}
    return services, hosts, repositories


def _column(columns: Sequence[str], rows: Sequence[Sequence[Any]], wanted: Iterable[str]) -> set[str]:
    places = [place for place, name in enumerate(columns or ()) if name in wanted]
    return {str(row[place]) for row in rows or () for place in places if place < len(row) and row[place]}


def _names(**groups: Iterable[str]) -> Directory:
    named = ("services", "hosts", "people", "repositories", "other_customers", "own")
    kept = {
        group: frozenset(name.strip() for name in groups.get(group, ()) if name and len(name.strip()) >= _SHORTEST)
        for group in named
    }
    return Directory(**kept)


def _as_finding(found: Finding) -> ReplyFinding:
    return ReplyFinding(
        kind=str(found.kind), is_leak=bool(found.is_leak), start=found.start, end=found.end, quote=found.quote,
        why=found.why, suggestion=found.suggestion or "",
    )  # fmt: skip
