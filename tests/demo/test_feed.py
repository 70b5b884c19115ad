"""The feed against a real engine and a real HTTP receiver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from altor.demo.feed import HOOK_PATH, TelemetryFeed, TicketFeed, load, open_store
from altor.demo.home import DemoState
from altor.demo.telemetry.store import Address, StoreError, TelemetryStore
from altor.demo.world.build import TELEMETRY_H
from altor.embedded.clickhouse import EmbeddedClickHouse


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo's home with its engine running."""
    path = tmp_path_factory.mktemp("demo")
    engine = EmbeddedClickHouse(path / "clickhouse")
    engine.start()
    yield path
    engine.stop()


@pytest.fixture
def state(home: Path) -> DemoState:
    state = DemoState.fresh(seed=3)
    state.anchor = (datetime.now(UTC) - timedelta(minutes=30)).replace(second=0, microsecond=0).isoformat()
    state.save(home)
    open_store(home).create(reset=True)
    return state


def rows(store: TelemetryStore, query: str) -> list[str]:
    return store._send(query).split()


@pytest.mark.slow
def test_history_loads_in_seconds_and_reaches_the_present(home, state):
    began = time.monotonic()
    assert load(home, state) == 0
    assert time.monotonic() - began < 45
    store = open_store(home)
    count, distinct, oldest = rows(
        store, "SELECT count(), uniqExact(SpanId), dateDiff('hour', min(Timestamp), now()) FROM otel_traces"
    )
    assert int(count) == int(distinct) > 100_000
    assert TELEMETRY_H - 1 <= int(oldest) <= TELEMETRY_H + 2
    assert datetime.now(UTC) - store.newest() < timedelta(minutes=2)
    assert int(rows(store, "SELECT count() FROM otel_logs WHERE Body = 'usage reported'")[0]) == 70


@pytest.mark.slow
def test_loading_again_adds_nothing_and_an_interrupted_load_begins_anew(home, state):
    store = open_store(home)
    state.telemetry_until = datetime.now(UTC).isoformat()
    store.write(*TelemetryFeed(home, state, store)._telemetry.between(state.world.at(-2), state.world.at(-1)))
    before = rows(store, "SELECT count() FROM otel_traces")
    load(home, state)
    assert rows(store, "SELECT count() FROM otel_traces") == before
    state.telemetry_until = ""
    load(home, state)
    assert int(rows(store, "SELECT count() FROM otel_traces")[0]) > 50 * int(before[0])


def test_feed_goes_on_behind_the_newest_row(home, state):
    store = open_store(home)
    state.telemetry_until = state.world.at(-1).isoformat()
    feed = TelemetryFeed(home, state, store)
    assert feed.advance() > 500
    assert feed.advance() == 0 or store.newest() > state.world.at(0)
    newest = store.newest()
    state.telemetry_until = state.world.at(-1).isoformat()  # rows were written, the note of it was lost
    feed.resume()
    assert datetime.fromisoformat(state.telemetry_until) > newest
    total, distinct = rows(store, "SELECT count(), uniqExact(SpanId) FROM otel_traces")
    assert total == distinct


def test_engine_s_refusal_is_one_line(home):
    store = TelemetryStore(Address.parse(EmbeddedClickHouse(home / "clickhouse").address()))
    with pytest.raises(StoreError, match="Code: "):
        store._send("SELECT * FROM no_such_table")


def test_no_engine_is_said(tmp_path):
    with pytest.raises(StoreError, match="does not answer"):
        open_store(tmp_path)


# ---------------------------------------------------------------------------------------------- tickets
@pytest.fixture
def opened(state: DemoState) -> DemoState:
    state.opened_at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    return state


def test_due_ticket_arrives_signed_in_the_neutral_shape(home, opened, httpserver: HTTPServer):
    got: list[dict] = []

    def take(request: Request) -> Response:
        got.append(Webhook(opened.hook_secret).verify(request.data, dict(request.headers)))
        return Response(status=202)

    httpserver.expect_request(HOOK_PATH, method="POST").respond_with_handler(take)
    feed = TicketFeed(home, opened, httpserver.url_for(""))
    ticket = feed.due(datetime.now(UTC))
    feed.step()
    assert [event["type"] for event in got] == ["ticket.created"]
    data = got[0]["data"]
    assert data["id"] == ticket.id == opened.sent[0]
    assert {
        "id",
        "channel",
        "created_at",
        "subject",
        "description",
        "requester",
        "organization",
        "tags",
        "priority",
    } == set(data)
    assert DemoState.load(home).sent == [ticket.id]


def test_ticket_is_not_sent_before_its_time(home, opened, httpserver: HTTPServer):
    opened.opened_at = datetime.now(UTC).isoformat()
    assert TicketFeed(home, opened, httpserver.url_for("")).due(datetime.now(UTC)) is None


def test_refused_ticket_is_tried_again_and_not_counted_as_sent(home, opened, httpserver: HTTPServer):
    httpserver.expect_request(HOOK_PATH).respond_with_data("busy", status=503)
    feed = TicketFeed(home, opened, httpserver.url_for(""))
    ticket = feed.due(datetime.now(UTC))
    assert not feed.send(ticket, datetime.now(UTC))
    assert feed.due(datetime.now(UTC)) == ticket and opened.sent == []


def test_tickets_missed_while_stopped_come_one_after_another(home, opened, httpserver: HTTPServer):
    opened.opened_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    httpserver.expect_request(HOOK_PATH).respond_with_data("", status=202)
    feed = TicketFeed(home, opened, httpserver.url_for(""))
    feed.step()
    feed.step()
    assert len(opened.sent) == 1
    assert feed.due(datetime.now(UTC) + timedelta(seconds=25)) is not None


def test_a_ticket_is_sent_once_over_restarts(home, opened, httpserver: HTTPServer):
    httpserver.expect_request(HOOK_PATH).respond_with_data("", status=202)
    TicketFeed(home, opened, httpserver.url_for("")).step()
    again = TicketFeed(home, DemoState.load(home), httpserver.url_for(""))
    assert opened.sent[0] not in [ticket.id for ticket in again._waiting]
