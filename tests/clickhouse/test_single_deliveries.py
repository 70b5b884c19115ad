"""The shipped question that follows webhook deliveries one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from investigations.playbooks.loader import LIBRARY, parse_playbook
from tests.clickhouse.asking import AS_OF, ask, client_span, create_tables, insert
from tests.clickhouse_fixtures import Database


def delivery(event: str, attempt: int, status: str, *, minutes_ago: int, waited: float = 1.0, **more: Any) -> Any:
    named = {
        "webhook.event_type": "order.created", "webhook.event_id": event, "webhook.attempt": str(attempt),
        "webhook.queue_seconds": str(waited), "http.response.status_code": status,
        "server.address": "hooks.example.com",
    }  # fmt: skip
    return client_span(named, SpanName="webhook.deliver", at=AS_OF - timedelta(minutes=minutes_ago), **more)


def test_an_events_attempts_stand_together_and_what_went_well_at_once_is_left_out(
    clickhouse_database: Database,
) -> None:
    create_tables(clickhouse_database)
    insert(
        clickhouse_database,
        "otel_traces",
        [
            delivery("evt_1", 1, "500", minutes_ago=30),
            delivery("evt_1", 2, "200", minutes_ago=20),
            delivery("evt_2", 1, "200", minutes_ago=15),
            delivery("evt_3", 1, "200", minutes_ago=10, waited=90.0),
            delivery("evt_4", 1, "500", minutes_ago=5, tenant="org_b"),
        ],
    )
    path = LIBRARY / "webhook.yaml"
    step = parse_playbook(path.read_text(), name=path.name).step("each")
    answer = ask(clickhouse_database.url, step.query)
    rows = [dict(zip(answer.data["columns"], row, strict=True)) for row in answer.data["rows"]]
    assert [(row["event_id"], row["attempt"], row["status"]) for row in rows] == [
        ("evt_3", 1, 200), ("evt_1", 2, 200), ("evt_1", 1, 500),
    ]  # fmt: skip
    assert rows[0]["waited_s"] == 90
