"""Queries of a packet: taken apart for people, put together again for a console, with the same answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from altor.embedded.clickhouse import statement
from escalations.packets.format import Query
from escalations.packets.queries import Queries, filled, literal, split, whole

VIEW = (
    "SELECT Timestamp AS ts, SpanAttributes[{attr_tenant:String}] AS tenant FROM spans WHERE ts >= {fence_start:String}"
)
OWN = "SELECT tenant, count() AS n FROM requests WHERE tenant = {tenant:String} GROUP BY tenant"


def record(target: str, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"source": "clickhouse", "method": "QUERY", "target": target, "params": params or {}, **more}


def test_views_are_told_apart_from_the_statement():
    sql = f"WITH logs AS (SELECT 1 AS a),\nrequests AS ({VIEW})\n{OWN}"
    assert split(sql) == ({"logs": "SELECT 1 AS a", "requests": VIEW}, OWN)


def test_a_with_of_the_statements_own_is_kept_whole():
    own = "slow AS (\n  SELECT 1\n)\nSELECT * FROM slow"
    assert split(f"WITH requests AS ({VIEW}),\n{own}") == ({"requests": VIEW}, f"WITH {own}")


@pytest.mark.parametrize("sql", ["SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "", "WITH "])
def test_a_statement_without_our_views_stays_as_it_was_sent(sql):
    views, text = split(sql)
    assert (views, text) == ({}, sql) or whole_of(views, text) == sql


def whole_of(views: dict[str, str], text: str) -> str:
    return whole(Query(id="Q1", source="clickhouse", method="QUERY", text=text, views=list(views)), views)


def test_the_same_request_is_told_once_however_many_pieces_of_evidence_it_made():
    queries = Queries()
    first, _ = queries.add([record(f"WITH requests AS ({VIEW})\n{OWN}", {"tenant": "a", "attr_tenant": "t"})])
    again, more = queries.add([record(f"WITH requests AS ({VIEW})\n{OWN}", {"tenant": "a", "attr_tenant": "t"})] * 5)
    assert first == ["Q1"] and set(again) == {"Q1"} and more == 2
    assert [one.params for one in queries.found] == [{"tenant": "a"}]
    assert "SpanAttributes['t']" in queries.views["requests"]


def test_views_that_differ_keep_apart():
    queries = Queries()
    queries.add([record(f"WITH requests AS ({VIEW})\n{OWN}", {"attr_tenant": "a"})])
    queries.add([record(f"WITH requests AS ({VIEW})\n{OWN}", {"attr_tenant": "b"})])
    assert [one.views for one in queries.found] == [["requests"], ["requests@2"]]
    assert whole(queries.found[1], queries.views).startswith(
        "WITH requests AS (SELECT Timestamp AS ts, SpanAttributes['b']"
    )


@pytest.mark.parametrize(
    ("value", "kind", "sql"),
    [
        ("it's \\ so", "String", "'it\\'s \\\\ so'"), (7, "UInt32", "7"), (7.0, "UInt32", "7"), (0.5, "Float64", "0.5"),
        ("7; DROP TABLE x", "UInt32", "CAST('7; DROP TABLE x', 'UInt32')"), (True, "Bool", "CAST('true', 'Bool')"),
        (["a'b", "c"], "Array(String)", "CAST('[\\'a\\\\\\'b\\', \\'c\\']', 'Array(String)')"),
    ],
)  # fmt: skip
def test_values_are_written_as_literals_that_hold_them(value, kind, sql):
    assert literal(value, kind) == sql


def test_what_has_no_value_stays_a_parameter():
    assert filled("SELECT {a:String}, {b:UInt8}", {"a": "x"}) == "SELECT 'x', {b:UInt8}"


HOSTILE = [
    "plain",
    "it's",
    'a "quoted" one',
    "back\\slash",
    "semi; DROP TABLE spans",
    "new\nline",
    "{tenant:String}",
    "ü€",
]


def test_the_complete_query_gives_what_the_query_as_sent_gave(clickhouse_database):
    """In a real engine: parameters of its own on one side, what an engineer pastes on the other."""
    clickhouse_database.run(
        "CREATE TABLE spans (ts DateTime, tenant String, ms Float64) ENGINE = MergeTree ORDER BY ts"
    )
    for n, name in enumerate(HOSTILE):
        at = int(datetime(2026, 5, 1, 10, n, tzinfo=UTC).timestamp())
        told = name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        clickhouse_database.run(f"INSERT INTO spans VALUES ({at}, '{told}', {n + 0.5})")
    sent = (
        "WITH requests AS (SELECT * FROM spans WHERE ts >= parseDateTimeBestEffort({fence_start:String}))\n"
        "SELECT tenant, ms FROM requests\nWHERE tenant IN {names:Array(String)} AND ms >= {least:Float64}\n"
        "  AND tenant != {not:String}\nORDER BY ms LIMIT {most:UInt32}"
    )
    params = {
        "fence_start": "2026-05-01T10:00:00Z", "names": HOSTILE, "least": 0.5, "not": "plain", "most": 100,
    }  # fmt: skip
    queries = Queries()
    queries.add([record(sent, params)])
    pasted = whole(queries.found[0], queries.views)
    assert "{" not in pasted.replace("{tenant:String}", "")
    as_sent = _with_parameters(clickhouse_database.url, sent, params)
    assert statement(clickhouse_database.url, pasted) == as_sent
    assert as_sent.count("\n") == len(HOSTILE) - 1


def _with_parameters(url: str, sql: str, params: dict[str, Any]) -> str:
    def told(value: Any) -> str:
        if isinstance(value, list):
            inner = ", ".join(
                "'" + one.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'" for one in value
            )
            return f"[{inner}]"
        return str(value)

    given = {f"param_{name}": told(value) for name, value in params.items()}
    parts = httpx.URL(url)
    answer = httpx.post(parts.copy_merge_params(given), content=sql.encode(), timeout=20, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text
