"""Lets the demo go on: new telemetry every few seconds, new tickets through the signed webhook while somebody watches.

    python -m altor.demo.feed --home HOME --web URL       goes on until it is stopped
    python -m altor.demo.feed --home HOME --load          loads the history into empty tables and ends

Knows nothing of the database: it meets Altor as a telemetry pipeline and a helpdesk would.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from standardwebhooks import Webhook

from altor.demo.home import DemoState
from altor.demo.telemetry.generator import Telemetry
from altor.demo.telemetry.store import Address, StoreError, TelemetryStore
from altor.demo.world.build import TELEMETRY_H
from altor.demo.world.tickets import PlannedTicket
from altor.embedded.clickhouse import EmbeddedClickHouse

log = logging.getLogger(__name__)
TELEMETRY_EVERY_S: Final = 10.0
TICKETS_EVERY_S: Final = 1.0
#: Rows are written this long after their time, as a collector's batches arrive.
LAG: Final = timedelta(seconds=2)
#: After a pause longer than this, the gap is not filled from its beginning.
LONGEST_GAP: Final = timedelta(hours=TELEMETRY_H)
#: Tickets that became due while the demo was stopped arrive this far apart.
CATCH_UP_S: Final = 20.0
HOOK_PATH: Final = "/api/v1/hooks/generic/harborline/"


class TelemetryFeed:
    """Keeps `[telemetry_until, now - LAG)` filled. Used for the first load too."""

    def __init__(self, home: Path, state: DemoState, store: TelemetryStore) -> None:
        self._home = home
        self._state = state
        self._store = store
        self._telemetry = Telemetry(state.world)

    def load_history(self) -> int:
        """Everything up to now, into empty tables. Returns the number of spans. Newest hours first, in one pass a day."""
        world = self._telemetry.world
        now = datetime.now(UTC) - LAG
        spans_written = 0
        end = now
        while end > world.at(-TELEMETRY_H):
            start = max(end - timedelta(hours=24), world.at(-TELEMETRY_H))
            spans, logs = self._telemetry.between(start, end)
            self._store.write(spans, logs)
            spans_written += spans.count("\n")
            end = start
        self._store.write("", self._telemetry.usage())
        self._state.telemetry_until = now.isoformat()
        self._state.save(self._home)
        return spans_written

    def resume(self) -> None:
        """After a stop between writing rows and remembering it, go on behind the newest row."""
        newest = self._store.newest()
        if newest is not None and newest.isoformat() > self._state.telemetry_until:
            self._state.telemetry_until = (newest + timedelta(microseconds=1)).isoformat()

    def advance(self) -> int:
        """Add what happened since the last call. Returns the number of spans."""
        end = datetime.now(UTC) - LAG
        start = max(datetime.fromisoformat(self._state.telemetry_until), end - LONGEST_GAP)
        if start >= end:
            return 0
        spans, logs = self._telemetry.between(start, end)
        self._store.write(spans, logs)
        self._state.telemetry_until = end.isoformat()
        self._state.save(self._home)
        return spans.count("\n")


class TicketFeed:
    """Sends each live ticket when it is due, signed as the Standard Webhooks convention wants it."""

    def __init__(self, home: Path, state: DemoState, web: str) -> None:
        self._home = home
        self._state = state
        self._signer = Webhook(state.hook_secret)
        self._client = httpx.Client(base_url=web, timeout=10.0, trust_env=False)
        self._waiting = [t for t in state.world.tickets if t.live_s is not None and t.id not in state.sent]
        self._not_before = datetime.now(UTC)

    def due(self, now: datetime) -> PlannedTicket | None:
        if not self._waiting or not self._state.opened_at or now < self._not_before:
            return None
        ticket = self._waiting[0]
        opened = datetime.fromisoformat(self._state.opened_at)
        return ticket if now >= opened + timedelta(seconds=ticket.live_s or 0) else None

    def send(self, ticket: PlannedTicket, now: datetime) -> bool:
        """True when Altor took the ticket (or had it already)."""
        body = json.dumps(
            {"type": "ticket.created", "timestamp": now.isoformat(), "data": ticket.payload(now)}, separators=(",", ":")
        )
        delivery = f"msg_demo_{self._state.seed}_{ticket.id}"
        headers = {
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(delivery, now, body),
            "Content-Type": "application/json",
        }
        try:
            answer = self._client.post(HOOK_PATH, content=body.encode(), headers=headers)
        except httpx.HTTPError as error:
            log.warning("ticket %s not delivered: %s", ticket.id, error)
            return False
        if not answer.is_success:
            log.warning("ticket %s refused: HTTP %s %s", ticket.id, answer.status_code, answer.text[:200])
            return False
        self._waiting.remove(ticket)
        self._state.sent.append(ticket.id)
        self._state.save(self._home)
        return True

    def step(self) -> None:
        now = datetime.now(UTC)
        ticket = self.due(now)
        if ticket is None:
            return
        pause_s = CATCH_UP_S if self.send(ticket, now) and self._is_behind(now) else 5.0
        self._not_before = now + timedelta(seconds=pause_s)

    def _is_behind(self, now: datetime) -> bool:
        return bool(self._waiting) and now > datetime.fromisoformat(self._state.opened_at) + timedelta(
            seconds=self._waiting[0].live_s or 0
        )


def open_store(home: Path) -> TelemetryStore:
    """The demo's engine, where it answers now. Its port and password are new after every start."""
    address = EmbeddedClickHouse(home / "clickhouse").address()
    if address is None:
        raise StoreError("ClickHouse does not answer")
    return TelemetryStore(Address.parse(address))


def load(home: Path, state: DemoState) -> int:
    """Create the tables and, unless they hold telemetry already, fill them."""
    store = open_store(home)
    try:
        store.create()
        feed = TelemetryFeed(home, state, store)
        newest = store.newest()
        if newest is None:
            feed.load_history()
        elif not state.telemetry_until:  # a first load was interrupted
            store.create(reset=True)
            feed.load_history()
    finally:
        store.close()
    return 0


def run(home: Path, state: DemoState, web: str) -> int:
    if not state.opened_at:
        state.opened_at = datetime.now(UTC).isoformat()
        state.save(home)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tickets = TicketFeed(home, state, web)
    telemetry: TelemetryFeed | None = None
    parent, seconds = os.getppid(), 0.0
    while not stop.wait(TICKETS_EVERY_S) and os.getppid() == parent:
        seconds += TICKETS_EVERY_S
        if seconds >= TELEMETRY_EVERY_S:
            seconds = 0.0
            try:
                if telemetry is None:
                    telemetry = TelemetryFeed(home, state, open_store(home))
                    telemetry.resume()
                telemetry.advance()
            except (httpx.HTTPError, StoreError) as error:
                log.warning("telemetry waits: %s", error)
                telemetry = None  # the engine may come back at another address
        tickets.step()
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--web", default="")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s demo feed: %(message)s")
    state = DemoState.load(options.home)
    if state is None:
        log.error("no demo in %s", options.home)
        return 2
    try:
        return load(options.home, state) if options.load else run(options.home, state, options.web)
    except (httpx.HTTPError, StoreError) as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
