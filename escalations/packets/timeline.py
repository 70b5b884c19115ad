"""What happened when: the onset, changes, bugs, money, incidents, what the customer wrote and what we answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from escalations.packets.changes import deployments, incidents, is_same, issues, standing
from escalations.packets.format import Change, Event, EventKind, Onset
from escalations.packets.material import Material, address, link, moment
from investigations.diagnosis.texts import between, since
from investigations.helpdesks.base import Author
from investigations.models import Evidence, Investigation

#: Events kept; a line that long is not read.
MOST: Final = 60
#: A deployment is told when it went live this near to the onset; others only fill the page.
_NEAR: Final = timedelta(hours=12)
#: Two accounts of one reply, ours and the helpdesk's.
_SAME_REPLY: Final = timedelta(seconds=90)
_ISSUE: Final = ("issue", "bug")
_DEPLOYMENT: Final = ("deployment", "pull", "commit", "version")
_ACCOUNT: Final = ("audit_log",)
_EARLIER_RUNS: Final = 10


def onset_of(material: Material) -> Onset:
    document = material.diagnosis
    refs = material.refs(*(material.rests_on.get("since") or ()))
    if material.onset is None:
        return Onset(words="Not established", evidence=refs)
    ends = document.get("onset_between") or []
    first, last = (moment(ends[0]), moment(ends[1])) if len(ends) == 2 else (None, None)
    words = since(document) or ""
    if between(document) and first and last:
        words += f", between {_clock(first)} and {_clock(last)}"
    return Onset(at=material.onset, earliest=first, latest=last, words=words, evidence=refs)


def timeline_of(material: Material, change: Change | None, added: Sequence[Event] = ()) -> list[Event]:
    """Oldest first; of one commit that two sources tell, one event with the evidence of both."""
    events = [
        *_onset(material),
        *_measured(material, change),
        *_deployed(material, change),
        *_reported(material),
        *_incidents(material),
        *_written(material),
        *_earlier(material),
        *added,
    ]
    return _without_twins(events)[-MOST:]


def _onset(material: Material) -> Iterator[Event]:
    onset = onset_of(material)
    if onset.at is not None:
        told = f"Between {_clock(onset.earliest)} and {_clock(onset.latest)}" if onset.earliest and onset.latest else ""
        yield Event(
            at=onset.at, kind="onset", title="The problem begins", detail=told, evidence=onset.evidence, is_key=True
        )


def _measured(material: Material, change: Change | None) -> Iterator[Event]:
    """Evidence that has a time of its own and is told nowhere else."""
    for item in material.evidence:
        kind = _kind(item)
        if item.at is None or (kind == "measurement" and item.verdict != "abnormal"):
            continue
        # That a figure moved at the onset is what the onset says.
        if kind == "measurement" and material.onset and abs(item.at - material.onset) < timedelta(minutes=5):
            continue
        ids = [str(value) for value in (item.ref or {}).values()]
        is_key = change is not None and any(one == change.id or is_same(one, change.id) for one in ids)
        yield Event(
            at=item.at, kind=kind, title=item.title or item.kind, detail=item.summary, evidence=[item.ref_id],
            url=link(item.url), is_key=is_key,
        )  # fmt: skip


def _deployed(material: Material, change: Change | None) -> Iterator[Event]:
    for how, item, _ in deployments(material):
        at = moment(item.get("live_at")) or moment(item.get("created_at"))
        if at is None or (material.onset is not None and abs(at - material.onset) > _NEAR):
            continue
        sha, service = str(item.get("sha") or ""), str(item.get("service") or "")
        short = str(item.get("short_sha") or sha)[:7]
        title = str(item.get("title") or "")
        named = "" if short in title else f": {title}"
        yield Event(
            at=at, kind="deployment", title=f"Deployment {short} of {service}{named}",
            detail=standing(item, how).capitalize(),
            # The step's evidence tells of the one deployment it was made of, which stands in the timeline already.
            url=link(item.get("compare_url") or item.get("url")),
            is_key=change is not None and is_same(sha, change.id),
        )  # fmt: skip


def _reported(material: Material) -> Iterator[Event]:
    start, end = material.window
    for item, refs in issues(material):
        at = moment(item.get("created_at"))
        if at is not None and (start is None or at >= start) and at <= end:
            title = f"{item['identifier']} reported: {item.get('title') or ''}"
            yield Event(at=at, kind="issue", title=title, evidence=refs, url=link(item.get("url")))


def _incidents(material: Material) -> Iterator[Event]:
    for item, refs in incidents(material):
        at = moment(item.get("started_at"))
        if at is not None:
            title = f"{item.get('page') or 'Status page'}: {item.get('name') or ''}"
            detail = str(item.get("status") or "")
            yield Event(at=at, kind="incident", title=title, detail=detail, evidence=refs, url=link(item.get("url")))


def _written(material: Material) -> Iterator[Event]:
    """When customers wrote and when we answered; what they wrote stays in the helpdesk."""
    for ticket in material.tickets:
        yield Event(
            at=ticket.opened_at, kind="customer", title=f"{ticket.customer or 'The customer'} opened {ticket.ref}"
        )
        for message in ticket.messages.filter(is_public=True, at__lte=material.now).only("at", "author", "is_public"):
            if message.author == Author.CUSTOMER:
                yield Event(at=message.at, kind="customer", title=f"The customer wrote again ({ticket.ref})")
            elif message.author == Author.AGENT:
                yield Event(at=message.at, kind="reply", title=f"We replied ({ticket.ref})")


def _earlier(material: Material) -> Iterator[Event]:
    run = material.run
    runs = Investigation.objects.filter(ticket=run.ticket_id, pk__lt=run.pk, status=Investigation.Status.DONE)
    for found in runs.only("pk", "as_of", "diagnosis").order_by("-pk")[:_EARLIER_RUNS]:
        candidates = (found.diagnosis or {}).get("candidates") or []
        said = str(candidates[0].get("title") or candidates[0].get("label")) if candidates else "named no cause"
        yield Event(
            at=found.as_of, kind="run", title=f"{found.ref} found: {said}",
            url=address("investigations:run", found.ref),
        )  # fmt: skip


def _kind(item: Evidence) -> EventKind:
    if item.kind in _DEPLOYMENT:
        return "deployment"
    if item.kind in _ISSUE:
        return "issue"
    if item.kind in _ACCOUNT:
        return "account"
    by_source: dict[str, EventKind] = {"stripe": "billing", "statuspage": "incident", "linear": "issue"}
    return by_source.get(item.source, "measurement")


def _without_twins(events: Sequence[Event]) -> list[Event]:
    kept: list[Event] = []
    for event in sorted(events, key=lambda one: (one.at, one.kind != "onset", one.kind, one.title)):
        twin = next((place for place, other in enumerate(kept) if _is_twin(event, other)), None)
        if twin is None:
            kept.append(event)
            continue
        other = kept[twin]
        kept[twin] = other.model_copy(
            update={
                "title": max(other.title, event.title, key=len),
                "detail": max(other.detail, event.detail, key=len),
                "evidence": list(dict.fromkeys([*other.evidence, *event.evidence])),
                "url": other.url or event.url,
                "is_key": other.is_key or event.is_key,
            }
        )
    return kept


def _is_twin(one: Event, other: Event) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == "reply":
        return abs(one.at - other.at) <= _SAME_REPLY and one.title == other.title
    if one.kind == "deployment":
        return abs(one.at - other.at) <= timedelta(minutes=15) and bool(_shas(one) & _shas(other))
    return one.title == other.title and one.at == other.at


def _shas(event: Event) -> set[str]:
    words = event.title.replace(":", " ").split()
    return {word for word in words if len(word) == 7 and all(letter in "0123456789abcdef" for letter in word)}


def _clock(at: datetime | None) -> str:
    return f"{at.day} {at:%b %H:%M} UTC" if at else ""
