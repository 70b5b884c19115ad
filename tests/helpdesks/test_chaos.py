"""Ten thousand events, twice, late and in disorder, while web, worker, the main process and PostgreSQL are killed.

What comes of them is compared with what comes of the same stories told once, in order, in peace.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.engine.test_chaos import KINDS, Installation, installation, installed  # noqa: F401  # the fixture
from tests.helpdesks.scene import BEGIN, Desk
from tests.loopback import Answer, serving

STORIES, DELIVERIES, SEED = 20, 10_000, 20261128
#: Every so many-th story is an incident and investigated.
INCIDENT_EVERY = 5
END_WITHIN_S = 600.0
#: (external id, delivery id, body)
Told = tuple[str, str, dict[str, Any]]


# -------------------------------------------------------------------------------------------------------------- stories
def story(number: int, ticket: str) -> list[list[Told]]:
    """Three rounds of events of one ticket; a later round tells something new after the earlier ones were worked."""
    chance = random.Random(number)
    is_incident = number % INCIDENT_EVERY == 0
    text = "GET /v2/orders answers 429 since 10:00" if is_incident else "How do I add a colleague to my account?"
    first = [
        _told(ticket, "ticket.created", 0, subject=f"Story {number}", description=text, tags=["api"], status="new",
              created_at=BEGIN.isoformat(), requester={"name": "Kim", "email": f"kim{number}@copperlane.eu"}),
        _told(ticket, "ticket.updated", 2, priority=chance.choice(["low", "high"])),
        _told(ticket, "ticket.updated", 3, status="open", assignee={"id": "7", "email": "ada@altor.example"}),
        _told(ticket, "ticket.message", 5, message=_message("m1", "Any news?", 5)),
        _told(ticket, "ticket.message", 7, message=_message("m2", "We are looking at it.", 7, "agent")),
        _told(ticket, "ticket.updated", 9, tags=["api", chance.choice(["vip", "eu"])]),
    ]  # fmt: skip
    second = [_told(ticket, "ticket.message", 20, message=_message("m3", f"See req_8Kq2LmX0a{number:02d}Zq", 20))]
    if number % 2:
        second.append(_told(ticket, "ticket.updated", 22, subject=f"Story {number}, told anew"))
    third = [_told(ticket, "ticket.solved", 40, previous_status="open")]
    if number % 3 == 0:
        third.append(_told(ticket, "ticket.reopened", 50, previous_status="solved"))
    if number % 4 == 1:
        third.append(_told(ticket, "ticket.redacted", 60, redacted=["m1"]))
    return [first, second, third]


def _told(ticket: str, kind: str, minute: float, **data: Any) -> Told:
    at = (BEGIN + timedelta(minutes=minute)).isoformat()
    body = {"type": kind, "timestamp": at, "data": {"id": ticket, **data}}
    return ticket, f"{ticket}-{kind}-{minute:g}", body


def _message(key: str, text: str, minute: float, author: str = "customer") -> dict[str, Any]:
    return {"id": key, "text": text, "at": (BEGIN + timedelta(minutes=minute)).isoformat(), "author": {"kind": author}}


def disordered(rounds: Iterable[list[Told]], chance: random.Random, *, twice: float) -> list[Told]:
    """All events of a round in any order, a part of them twice."""
    events = [event for told in rounds for event in told]
    events += [event for event in events if chance.random() < twice]
    chance.shuffle(events)
    return events


# -------------------------------------------------------------------------------------------------------------- sending
class Sender:
    """Posts signed events until each is accepted, from several threads."""

    def __init__(self, installed: Installation, secret: str) -> None:
        self.installed, self.webhook = installed, Webhook(secret)
        self.answers: Counter[int] = Counter()

    def send(self, events: list[Told], *, at_once: int = 6) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self._insist, events))

    def _insist(self, told: Told) -> None:
        _, key, body = told
        raw = json.dumps(body)
        address = f"http://127.0.0.1:{self.installed.port}/api/v1/hooks/generic/desk/"
        while not self.installed.ended.is_set():
            now = datetime.now(UTC)
            headers = {
                "Content-Type": "application/json", "webhook-id": key, "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": self.webhook.sign(key, now, raw),
            }  # fmt: skip
            try:
                request = urllib.request.Request(address, raw.encode(), headers)
                with urllib.request.urlopen(request, timeout=20) as answer:
                    self.answers[answer.status] += 1
                    return
            except urllib.error.HTTPError as error:
                assert error.code in (429, 500, 502, 503), f"{error.code} {error.read().decode()}"
            except OSError:
                pass  # killed while it answered, or not up yet
            time.sleep(0.2)


def wait_until_idle(installed: Installation, seconds: float) -> None:
    open_ = """
    SELECT (SELECT count(*) FROM altor_inboundevent WHERE status IN ('received', 'retry')),
           (SELECT count(*) FROM investigations_investigation WHERE status IN ('queued', 'running')),
           (SELECT count(*) FROM investigations_ticketnote WHERE status = 'waiting'),
           (SELECT count(*) FROM investigations_ticketmirror WHERE wants_run)
    """
    notes = """
    SELECT n.id, n.attempts, n.not_before - now(), is_unsure, external_id, reason, r.status, now() - r.finished_at
    FROM investigations_ticketnote n LEFT JOIN investigations_investigation r ON r.id = n.run_id
    WHERE n.status = 'waiting'
    """
    end = time.monotonic() + seconds
    while (left := installed.ask(open_)[0]) != (0, 0, 0, 0):
        assert time.monotonic() < end, f"events, runs, notes, wishes left: {left}; {installed.ask(notes)}"
        time.sleep(0.5)


# ------------------------------------------------------------------------------------------------------------ what came
TICKETS = """
SELECT t.external_id, t.subject, t.description, t.tags, t.priority, t.requester_email, t.opened_at, t.status,
       t.incident_class, t.resolved_at, u.username, m.fields, m.status, m.assignee, m.is_whole, m.last_event_at
FROM investigations_ticket t JOIN investigations_ticketmirror m ON m.ticket_id = t.id
LEFT JOIN altor_user u ON u.id = t.owner_id
"""
MESSAGES = """
SELECT t.external_id, m.external_id, m.text, m.author, m.at, m.is_redacted, m.is_ours
FROM investigations_ticketmessage m JOIN investigations_ticket t ON t.id = m.ticket_id ORDER BY 1, 2
"""
CLAIMS = """
SELECT t.external_id, c.kind, c.value FROM investigations_ticketclaim c
JOIN investigations_ticket t ON t.id = c.ticket_id ORDER BY 1, 2, 3
"""
RUNS = """
SELECT t.external_id, r.status, r.top_label, r.trigger, r.event_key, r.claims::text, r.previous_id IS NOT NULL
FROM investigations_investigation r JOIN investigations_ticket t ON t.id = r.ticket_id ORDER BY 1, r.id
"""
#: A beginning is told anew when the opening comes after it is no longer waited for: the earliest counts.
PHASES = """
SELECT ticket_ref, kind, at FROM altor_phaseevent
WHERE kind IN ('ticket.replied', 'ticket.customer_wrote', 'ticket.resolved', 'ticket.reopened')
UNION ALL SELECT ticket_ref, kind, min(at) FROM altor_phaseevent WHERE kind = 'ticket.received' GROUP BY 1, 2
ORDER BY 1, 2, 3
"""


def came_of(installed: Installation, desk: Desk) -> dict[str, dict[str, Any]]:
    """External id -> all that came of the ticket's events, with its own id taken out."""
    found: dict[str, dict[str, Any]] = {}
    for name, sql in (
        ("ticket", TICKETS),
        ("messages", MESSAGES),
        ("claims", CLAIMS),
        ("runs", RUNS),
        ("phases", PHASES),
    ):
        for row in installed.ask(sql):
            ticket = str(row[0]).removeprefix("TK-")
            line = re.sub(rf"\b{re.escape(ticket)}\b", "ID", json.dumps(row[1:], default=str, sort_keys=True))
            found.setdefault(ticket, {}).setdefault(name, []).append(line)
    for ticket, notes in desk.notes.items():
        texts = [re.sub(r"INV-\d+|altor-[0-9a-f]{16}|\d+.\d s|http\S+", "…", note["text"]) for note in notes]
        found[ticket]["notes"] = texts
    return found


@pytest.mark.slow
def test_ten_thousand_events_end_as_the_same_stories_told_in_peace(
    installation: Installation,  # noqa: F811
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(SEED)
    killed: Counter[str] = Counter()
    rounds = _rounds(chance)
    with ThreadPoolExecutor(1) as pool, _ready(installation) as (sender, desk):
        peace = pool.submit(_in_peace)
        began = time.monotonic()
        stop = threading.Event()
        killer = threading.Thread(target=_kill, args=(installation, stop, killed, random.Random(SEED)), daemon=True)
        killer.start()
        for events in rounds:
            sender.send(events)
            wait_until_idle(installation, END_WITHIN_S)
        stop.set()
        killer.join(10)
        seconds = time.monotonic() - began
        found = came_of(installation, desk) | peace.result()
    deliveries = sum(len(events) for events in rounds)
    record_property(
        "chaos",
        f"{deliveries} deliveries, {len(found)} tickets, answers {dict(sender.answers)}, killed {dict(killed)}, "
        f"{installation.starts} starts, {seconds:.0f} s",
    )
    assert deliveries >= DELIVERIES
    assert not _differences(found)
    incidents = [came for ticket, came in found.items() if int(ticket.rpartition("-")[2]) % INCIDENT_EVERY == 0]
    assert all(len(came["runs"]) == 2 and len(came["notes"]) == 1 for came in incidents)
    assert sum(len(came.get("runs", [])) for came in found.values()) == 2 * len(incidents)
    assert set(killed) == set(KINDS), killed


def _differences(found: dict[str, dict[str, Any]]) -> list[str]:
    """What came of a ticket and not of the same story in peace (+), or only there (-); a line each."""
    lines = []
    for ticket, came in sorted(found.items()):
        peace = found[f"peace-{ticket.rpartition('-')[2]}"]
        for name in sorted(came.keys() | peace.keys()):
            mine, theirs = Counter(came.get(name, [])), Counter(peace.get(name, []))
            lines += [f"{ticket} {name} + {one}" for one in (mine - theirs).elements()]
            lines += [f"{ticket} {name} - {one}" for one in (theirs - mine).elements()]
    return lines


def _rounds(chance: random.Random) -> list[list[Told]]:
    """The stories of so many tickets that there are ten thousand deliveries. What was late or sent again of a round
    comes in the next.
    """
    rounds: list[list[Told]] = [[], [], []]
    number = 0
    while sum(map(len, rounds)) < DELIVERIES:
        which = number % STORIES
        told = story(which, f"{number // STORIES}-{which}")
        for place, events in enumerate(told):
            rounds[place] += disordered([events], chance, twice=0.15)
        number += 1
    for place in (0, 1):
        rounds[place + 1] += chance.sample(rounds[place], 150)
    for events in rounds:
        chance.shuffle(events)
    return rounds


@contextmanager
def _ready(of: Installation) -> Iterator[tuple[Sender, Desk]]:
    """Started, with a helpdesk and a source that answer."""
    desk = Desk()
    with serving(lambda asked: Answer(body={"n": 7.0}, delay_s=0.02)) as upstream, serving(desk) as helpdesk:
        secret = of.seed(upstream.url, helpdesk.url, module="tests.helpdesks.chaos_seed")
        of.keeper.start()
        yield Sender(of, secret), desk


def _in_peace() -> dict[str, dict[str, Any]]:
    """What comes of every story told once, one event after the other, the next when all have been worked: in an
    installation of its own, in which nothing is killed.
    """
    told = [[event for events in story(number, f"peace-{number}") for event in events] for number in range(STORIES)]
    with installed() as calm, _ready(calm) as (sender, desk):
        for place in range(max(map(len, told))):
            sender.send([events[place] for events in told if place < len(events)])
            wait_until_idle(calm, 120)
        return came_of(calm, desk)


def _kill(installed: Installation, stop: threading.Event, killed: Counter[str], chance: random.Random) -> None:
    """In turns of eight, so that each kind has its share however long it takes; most of a faster pace is starting."""
    kinds = list(KINDS)
    stop.wait(10)
    while not stop.is_set():
        turn = [*kinds[:2] * 3, *kinds[2:]]
        chance.shuffle(turn)
        for kind in turn:
            killed[kind] += installed.kill_one(kind, chance)
            if stop.wait(chance.uniform(9.0, 21.0)):
                return
