"""The shipped question for the service in which a request's trouble began, over spans of several services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from investigations.diagnosis.callgraph import chain
from investigations.playbooks.format import CallGraph
from investigations.playbooks.loader import LIBRARY, parse_playbook
from tests.clickhouse.asking import AS_OF, ask, create_tables, insert, server_span
from tests.clickhouse_fixtures import Database

ONSET = AS_OF - timedelta(hours=1)
ENDPOINT = "GET /v2/orders"


def request(number: int, *, pricing_ms: float, stock_ms: float = 5.0, failed: str = "") -> Iterator[dict[str, Any]]:
    """web calls orders, which calls pricing and stock; each call is a client span with the server span below it."""
    at = AS_OF - timedelta(minutes=3 * number + 2)
    trace = f"trace{number}"
    orders_ms = pricing_ms + stock_ms + 10

    def span(name: str, above: str, service: str, kind: str, ms: float, **attributes: str) -> dict[str, Any]:
        return server_span(
            at=at, ms=ms, attributes=attributes, TraceId=trace, SpanId=f"{trace}-{name}", SpanKind=kind,
            ParentSpanId=f"{trace}-{above}" if above else "", ServiceName=service,
            StatusCode="Error" if service in failed.split() else "Unset",
            SpanName=ENDPOINT if name == "web" else f"call {name}",
        )  # fmt: skip

    inside = {"http.route": "", "http.request.method": "", "http.response.status_code": "", "tenant.id": ""}
    yield span("web", "", "web", "Server", orders_ms + 20)
    yield span("to-orders", "web", "web", "Client", orders_ms + 2, **inside)
    yield span("orders", "to-orders", "orders", "Server", orders_ms, **inside)
    for name, ms in (("pricing", pricing_ms), ("stock", stock_ms)):
        yield span(f"to-{name}", "orders", "orders", "Client", ms + 1, **inside)
        yield span(name, f"to-{name}", name, "Server", ms, **inside)


def asked(database: Database, book: str) -> dict[str, Any]:
    path = LIBRARY / f"{book}.yaml"
    step = parse_playbook(path.read_text(), name=path.name).step("chain")
    answer = ask(
        database.url, step.query, fence="everyone", parameters={"endpoint": ENDPOINT, "onset": ONSET.isoformat()}
    )
    rows = [dict(zip(answer.data["columns"], row, strict=True)) for row in answer.data["rows"]]
    measure = step.measure["graph"]
    assert isinstance(measure, CallGraph)
    return chain(measure, rows)


@pytest.fixture
def database(clickhouse_database: Database) -> Database:
    create_tables(clickhouse_database)
    return clickhouse_database


def fill(database: Database, **after: Any) -> None:
    """40 requests, half of them after the onset."""
    spans = [
        span
        for number in range(40)
        for span in request(number, **({"pricing_ms": 10.0} | (after if number < 20 else {})))
    ]
    insert(database, "otel_traces", spans)


def test_the_time_is_traced_to_the_deepest_service_that_added_it(database: Database) -> None:
    fill(database, pricing_ms=300.0)
    facts = asked(database, "latency")
    assert (facts["front"], facts["services"], facts["deep"]) == ("web", 4.0, True)
    best = facts["best"]
    assert (best["part"], best["path"]) == ("pricing", ["web", "orders", "pricing"])
    assert best["share"] == pytest.approx(1.0)
    assert (best["before"], best["after"]) == pytest.approx((10.0, 300.0))


def test_what_the_front_added_itself_stays_with_it(database: Database) -> None:
    fill(database)
    since = f"Timestamp >= '{ONSET:%Y-%m-%d %H:%M:%S}' AND ServiceName = 'web' AND SpanKind = 'Server'"
    slower = "ALTER TABLE otel_traces UPDATE Duration = Duration + 500000000 WHERE"
    database.run(f"{slower} {since} SETTINGS mutations_sync = 2")
    facts = asked(database, "latency")
    assert (facts["best"]["part"], facts["deep"]) == ("web", False)


def test_failures_are_traced_to_where_they_begin(database: Database) -> None:
    fill(database, failed="web orders stock")
    facts = asked(database, "api_error")
    assert (facts["best"]["part"], facts["best"]["path"]) == ("stock", ["web", "orders", "stock"])
    assert (facts["best"]["before"], facts["best"]["after"]) == (0.0, 1.0)


def test_one_service_and_few_requests_tell_nothing_deep(database: Database) -> None:
    assert asked(database, "latency") == {"services": 0.0}
    insert(database, "otel_traces", [span for number in range(3) for span in request(number, pricing_ms=10.0)])
    assert asked(database, "latency") == {"services": 4.0}
