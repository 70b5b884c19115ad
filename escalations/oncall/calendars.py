"""Calendars elsewhere that say who is on call: read again every quarter of an hour, the last good copy kept.

The address is fetched by the guarded client only. What a newer copy says counts from then on; the past stays.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import Team, User
from altor.notify import notify
from altor.outbound import judge_url
from altor.outbound.client import Upstream, open_client
from altor.outbound.errors import OutboundError
from altor.outbound.scope import call_scope
from altor.outbound.state import close_circuit
from altor.queue import enqueue
from escalations.models import ImportedCalendar, Rotation
from escalations.oncall.editing import allow_edit, create_rotation, locked, touched
from escalations.oncall.format import RotationForm
from escalations.oncall.ical_in import Found, read
from escalations.oncall.matching import People
from escalations.oncall.moves import leads_of, moved, tell_moves
from escalations.oncall.rotations import load_one

#: The name under which private addresses are listed.
SOURCE: Final = "calendar"
TASK: Final = "escalations.oncall.tasks.fetch_calendar"
EVERY: Final = timedelta(minutes=15)
_LEASE: Final = timedelta(minutes=5)
_LONGEST_WAIT: Final = timedelta(hours=6)
_TIMEOUT_S: Final = 20.0
_MAX_BYTES: Final = 4_000_000
_AHEAD: Final = timedelta(weeks=30)
_KEPT: Final = timedelta(days=400)
#: Leads are told after this many tries in a row.
_TELL_AFTER: Final = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` None: unchanged since `etag`, or, with an `error`, not there."""

    body: bytes | None
    etag: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """What a calendar says: spans as `ImportedCalendar.spans`, who could not be found, what was passed over."""

    spans: list[list[Any]]
    unmatched: list[list[Any]]
    said: list[str]


def check_url(url: str) -> str:
    """As it is fetched (webcal is https). InvalidInput for an address that may not be."""
    url = url.strip()
    if url.lower().startswith("webcal://"):
        url = f"https://{url[9:]}"
    try:
        if len(url) > 1000 or not url.isprintable():
            raise ValueError("The address has at most 1,000 printable characters")
        judge_url(url, SOURCE)
    except ValueError as error:
        raise InvalidInput(f"{error}.", errors={"url": [f"{error}."]}) from None
    return url


def fetch(url: str, *, etag: str = "") -> Fetched:
    """Ask once, under the rules of the guarded client. Never raises for what the other side does. Blocks."""
    return asyncio.run(_fetch(url, etag))


async def _fetch(url: str, etag: str) -> Fetched:
    key = f"calendar:{hashlib.sha256(url.encode()).hexdigest()[:24]}"
    upstream = Upstream(SOURCE, key, "", limit_of=lambda reply: None, max_bytes=_MAX_BYTES)
    close_circuit(key)  # it keeps a schedule of its own
    headers = {"Accept": "text/calendar, */*;q=0.5"} | ({"If-None-Match": etag} if etag else {})
    async with open_client(upstream) as client:
        with call_scope(_TIMEOUT_S):
            try:
                answer = await client.get(url, headers=headers)
            except OutboundError as error:
                return Fetched(None, error=error.message)
            except (ValueError, UnicodeError):
                return Fetched(None, error="The address cannot be read")
    if answer.status_code == 304 and etag:
        return Fetched(None, etag)
    if answer.status_code != 200:
        hint = " (is the link still shared?)" if answer.status_code in (401, 403, 404, 410) else ""
        return Fetched(None, error=f"It answered {answer.status_code}{hint}")
    return Fetched(answer.content, answer.headers.get("etag", "")[:200])


def planning(body: bytes, *, zone: str, names: Mapping[str, str], now: datetime) -> Planning:
    """InvalidInput for a body that is no calendar."""
    reading = read(body, now - _KEPT, now + _AHEAD, zone=zone)
    people = People((one for one in User.objects.filter(is_active=True) if one.may("oncall.take")), names)
    found: list[tuple[Found, User | None]] = [(one, people.match(one.names)) for one in reading.found]
    missing = Counter(one.name for one, who in found if who is None)
    spans, overlaps = _apart(found)
    said = list(reading.said)
    if overlaps:
        said.append(
            f"{overlaps} times two events overlap: the one that begins later counts. For two people at once, import a "
            "calendar for each seat."
        )
    if not reading.found:
        said.append("It holds no events in the time ahead.")
    return Planning(spans, [[name, n] for name, n in missing.most_common(50)], said)


def _apart(found: Sequence[tuple[Found, User | None]]) -> tuple[list[list[Any]], int]:
    """In order and apart: where events of two people overlap the one that begins later wins, the shorter of two that
    begin together. And how often that was.
    """
    edges = sorted({edge for one, _ in found for edge in (one.begin, one.end)})
    spans: list[list[Any]] = []
    live: list[tuple[Found, User | None]] = []
    overlaps, at, was_double = 0, 0, False
    for low, high in pairwise(edges):
        while at < len(found) and found[at][0].begin <= low:
            live.append(found[at])
            at += 1
        live = [pair for pair in live if pair[0].end > low]
        if not live:
            was_double = False
            continue
        one, who = max(live, key=lambda pair: (pair[0].begin, pair[0].begin - pair[0].end, pair[0].uid))
        is_double = len({(other.pk if other else event.title) for event, other in live}) > 1
        overlaps += is_double and not was_double
        was_double = is_double
        row = [low.isoformat(), high.isoformat(), who.pk if who else None, one.name]
        if spans and spans[-1][1] == row[0] and spans[-1][2:] == row[2:]:
            spans[-1][1] = row[1]
        else:
            spans.append(row)
    return spans, overlaps


def start_import(*, name: str, team: Team, owns: str, zone: str, url: str, actor: User, now: datetime) -> Rotation:
    """A rotation whose one seat follows a calendar. It is read first: InvalidInput with the reason when that fails."""
    allow_edit(actor, team)
    url = check_url(url)
    got = fetch(url)
    if got.body is None:
        raise InvalidInput(f"The calendar cannot be read: {got.error}.", errors={"url": [f"{got.error}."]})
    plan = planning(got.body, zone=zone, names={}, now=now)
    layer = {"calendar": "calendar"}
    form = RotationForm.model_validate(
        {
            "name": name, "team": team.slug, "owns": owns, "zone": zone,
            "seats": [{"key": "primary", "name": "Primary", "layers": [layer]}],
        }
    )  # fmt: skip
    with transaction.atomic():
        rotation = create_rotation(form, actor=actor, now=now, comment="Imported from a calendar")
        row = ImportedCalendar(rotation=rotation, key="calendar", url=url, zone=zone)
        _keep(row, plan, got.etag, now)
        row.save(force_insert=True)
        touched(rotation)
        record_event(
            actor=actor, action="rotation.calendar_added", object_kind="rotation", object_ref=rotation.slug,
            after={"calendar": row.key, "shifts": len(plan.spans)},
        )  # fmt: skip
    return rotation


def add_calendar(rotation: Rotation, *, key: str, url: str, zone: str, actor: User, now: datetime) -> ImportedCalendar:
    """Another calendar that a layer may follow; read at once. The same key gets the new address."""
    allow_edit(actor, rotation.team)
    url = check_url(url)
    got = fetch(url)
    if got.body is None:
        raise InvalidInput(f"The calendar cannot be read: {got.error}.", errors={"url": [f"{got.error}."]})
    with transaction.atomic():
        rotation = locked(rotation)
        row = ImportedCalendar.objects.filter(rotation=rotation, key=key).first()
        row = row or ImportedCalendar(rotation=rotation, key=key)
        row.url, row.zone = url, zone
        plan = planning(got.body, zone=zone, names=row.names, now=now)
        _store(rotation, row, plan, got.etag, now)
        record_event(
            actor=actor, action="rotation.calendar_added", object_kind="rotation", object_ref=rotation.slug,
            after={"calendar": key, "shifts": len(plan.spans)},
        )  # fmt: skip
    return row


def choose_names(calendar: ImportedCalendar, names: Mapping[str, str], *, actor: User, now: datetime) -> None:
    """Who is meant by a name of the calendar: name -> user name ("" takes it back). It is read again soon."""
    allow_edit(actor, calendar.rotation.team)
    known = set(
        User.objects.filter(username__in=[who for who in names.values() if who]).values_list("username", flat=True)
    )
    unknown = sorted({who for who in names.values() if who} - known)
    if unknown:
        raise InvalidInput(f"Nobody is called {unknown[0]!r}.")
    with transaction.atomic():
        row = ImportedCalendar.objects.select_for_update().get(pk=calendar.pk)
        before = dict(row.names)
        row.names = {name: who for name, who in {**row.names, **names}.items() if who}
        row.etag, row.next_fetch_at = "", now
        row.save(update_fields=["names", "etag", "next_fetch_at"])
        record_event(
            actor=actor, action="rotation.calendar_names", object_kind="rotation", object_ref=row.rotation.slug,
            before=before, after=dict(row.names),
        )  # fmt: skip
        enqueue(TASK, row.pk)


def refresh(calendar_id: int, *, now: datetime | None = None) -> str:
    """Fetch one calendar and keep what it says; the error, "" when all is well. Safe to run twice: the second finds the
    same. The last good copy counts as long as there is an error.
    """
    now = now or timezone.now()
    row = ImportedCalendar.objects.select_related("rotation").filter(pk=calendar_id).first()
    if row is None or not row.rotation.is_active:
        return ""
    got = fetch(row.url, etag=row.etag)
    error, plan = got.error, None
    if got.body is not None:
        try:
            plan = planning(got.body, zone=row.zone, names=row.names, now=now)
        except InvalidInput as wrong:
            error = wrong.detail
    with transaction.atomic():
        rotation = locked(row.rotation)
        fresh = ImportedCalendar.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if fresh.url != row.url or fresh.names != row.names:
            return ""  # changed while we asked: whoever changed it asked again
        if error:
            _failed(rotation, fresh, error, now)
        elif plan is not None:
            _store(rotation, fresh, plan, got.etag, now)
        else:
            _well(fresh, now)
            fresh.save()
    return error


def _well(row: ImportedCalendar, now: datetime) -> None:
    row.fetched_at = row.tried_at = now
    row.next_fetch_at, row.failures, row.error = now + EVERY, 0, ""


def _keep(row: ImportedCalendar, plan: Planning, etag: str, now: datetime) -> None:
    """Put what was read into the row: what lies before now stays as it was read then."""
    first = not row.spans
    old = [] if first else list(_clipped(row.spans, now - _KEPT, now))
    new = plan.spans if first else list(_clipped(plan.spans, now, now + 2 * _AHEAD))
    if old and new and old[-1][1] == new[0][0] and old[-1][2:] == new[0][2:]:
        new[0] = [old.pop()[0], *new[0][1:]]
    row.spans, row.unmatched, row.said, row.etag = [*old, *new], plan.unmatched, plan.said, etag
    _well(row, now)


def _clipped(spans: Iterable[Sequence[Any]], begin: datetime, end: datetime) -> Iterable[list[Any]]:
    for since, until, who, name in spans:
        low, high = max(datetime.fromisoformat(since), begin), min(datetime.fromisoformat(until), end)
        if low < high:
            yield [low.isoformat(), high.isoformat(), who, name]


def _store(rotation: Rotation, row: ImportedCalendar, plan: Planning, etag: str, now: datetime) -> None:
    before = load_one(rotation, now=now)
    spans = row.spans
    _keep(row, plan, etag, now)
    row.save()
    if row.spans == spans:
        return
    touched(rotation)
    after = load_one(rotation, now=now)
    why = f"The calendar of {rotation.name} changed."
    key = f"{rotation.slug}:calendar:{now.timestamp():.0f}"
    tell_moves(rotation, _known_moves(moved(before, after, now), spans), why=why, key=key, actor=None, now=now)


def _known_moves(moves: Iterable[Any], spans: Sequence[Sequence[Any]]) -> list[Any]:
    """Without what is only now near enough to be seen: a calendar that goes on as planned moves nobody."""
    if not spans:
        return list(moves)
    edge = max(datetime.fromisoformat(span[1]) for span in spans)
    found = []
    for one in moves:
        gained = tuple(span for span in one.gained if span[0] < edge)
        if gained or one.lost:
            found.append(type(one)(one.person, one.seat, gained, one.lost))
    return found


def _failed(rotation: Rotation, row: ImportedCalendar, error: str, now: datetime) -> None:
    row.failures += 1
    row.tried_at, row.error = now, error[:300]
    row.next_fetch_at = now + min(EVERY * 2 ** min(row.failures - 1, 8), _LONGEST_WAIT)
    row.save(update_fields=["failures", "tried_at", "error", "next_fetch_at"])
    if row.failures == _TELL_AFTER:
        since = f"{row.fetched_at:%-d %B %H:%M} UTC" if row.fetched_at else "never"
        notify(
            "oncall.calendar", subject_ref=rotation.slug,
            title=f"The on-call calendar of {rotation.name} cannot be read",
            lines=[error, f"The last good copy counts; it was read {since}."], url_path=f"/on-call/{rotation.slug}/",
            key=f"oncall.calendar:{row.pk}:{now.timestamp():.0f}", team=rotation.team, people=leads_of(rotation),
            now=now,
        )  # fmt: skip


def sweep(now: datetime | None = None) -> int:
    """Queue calendars that are due. A worker that is killed leaves one for the next time. One query when none is."""
    now = now or timezone.now()
    with transaction.atomic():
        due = ImportedCalendar.objects.filter(next_fetch_at__lte=now, rotation__is_active=True)
        ids = list(
            due.select_for_update(skip_locked=True, of=("self",)).order_by("pk").values_list("pk", flat=True)[:50]
        )
        if ids:
            ImportedCalendar.objects.filter(pk__in=ids).update(next_fetch_at=now + _LEASE)
        for pk in ids:
            enqueue(TASK, pk)
    return len(ids)
