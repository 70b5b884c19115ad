"""Parameters arrive as they were given, results come back as the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from investigations.sources.base import SourceAnswerInvalid
from investigations.sources.clickhouse.values import ValueRefused, bound, reader
from tests.clickhouse.asking import AS_OF, START, ask, create_tables, insert, rows, server_span
from tests.clickhouse_fixtures import Database

TEXTS = [
    "plain",
    "a'b",
    'a"b',
    "a\\b",
    "a\\'b",
    "tab\there",
    "line\nbreak",
    "return\rhere",
    "'; DROP TABLE x; --",
    "{tenant:String}",
    "%(tenant)s %s {} $$",
    "Grüße, 東京 🚚",
    "\\N",
    "null\x00byte",
    "",
    " spaces ",
    "a" * 3000,
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_as_it_was_sent(clickhouse_database: Database, text: str) -> None:
    sql = "SELECT {x:String} AS x, length({x:String}) AS n, {xs:Array(String)} AS xs"
    found = ask(clickhouse_database.url, sql, parameters={"x": text, "xs": [text, "z"]})
    assert found.data["rows"] == [[text, len(text.encode()), [text, "z"]]]


def test_numbers_moments_and_lists_keep_their_value(clickhouse_database: Database) -> None:
    moment = datetime(2026, 5, 2, 11, 59, 59, 123456, tzinfo=timezone(timedelta(hours=2)))
    sql = """SELECT {n:UInt64} AS n, {f:Float64} AS f, {b:Bool} AS b, {at:DateTime64(6, 'UTC')} AS at,
             {s:DateTime} AS s, {ids:Array(UInt32)} AS ids, {no:Nullable(String)} AS no, {text:String} AS text"""
    given = {"n": 2**64 - 1, "f": 0.1, "b": True, "at": moment, "s": AS_OF, "ids": [1, 2], "no": None, "text": AS_OF}
    found = rows(clickhouse_database.url, sql, parameters=given)
    assert found == [
        [
            2**64 - 1,
            0.1,
            True,
            "2026-05-02T09:59:59.123456Z",
            "2026-05-02T12:00:00Z",
            [1, 2],
            None,
            "2026-05-02T12:00:00+00:00",
        ]
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("abc", "UInt32"),
        (1.5, "UInt32"),
        ("x", "Float64"),
        ("a", "Array(String)"),
        (["a"], "String"),
        ({"a": 1}, "String"),
        (datetime(2026, 5, 2), "DateTime64(9)"),
        ("yesterday", "DateTime"),
        (None, "String"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused_before_anything_is_sent(value: Any, kind: str) -> None:
    with pytest.raises(ValueRefused):
        bound(value, kind)


def test_what_only_the_server_can_judge_names_the_parameter(clickhouse_database: Database) -> None:
    for kind, value in (("UInt8", 300), ("UInt8", -1), ("Enum8('a' = 1)", "b"), ("UUID", "no")):
        try:
            found = rows(clickhouse_database.url, f"SELECT {{x:{kind}}}", parameters={"x": value})
        except SourceAnswerInvalid as error:
            assert "ClickHouse" in error.message or "refused" in error.message
        else:
            assert found != [[value]]
    with pytest.raises(SourceAnswerInvalid, match="values for x"):
        ask(clickhouse_database.url, "SELECT {x:String}")


def test_the_window_and_the_customer_are_always_bound(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    insert(clickhouse_database, "otel_traces", [server_span()])
    sql = "SELECT {tenant:String}, {window_start:DateTime64(3, 'UTC')}, {window_end:String} FROM requests"
    found = [["org_a", "2026-05-02T06:00:00.000Z", "2026-05-02T12:00:00+00:00"]]
    assert rows(clickhouse_database.url, sql) == found


def test_buckets_are_utc_whatever_the_servers_zone_is(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    insert(clickhouse_database, "otel_traces", [server_span(at=START + timedelta(minutes=90))])
    sql = "SELECT toStartOfHour(ts) AS t, ts, toDate(ts) AS day FROM requests"
    found = ask(clickhouse_database.url, sql)
    assert found.data["types"][:2] == ["DateTime('UTC')", "DateTime64(9, 'UTC')"]
    assert found.data["rows"] == [["2026-05-02T07:00:00Z", "2026-05-02T07:30:00.000000Z", "2026-05-02"]]


def test_times_without_a_zone_are_read_in_the_servers_zone() -> None:
    read = reader("Nullable(DateTime64(3))", "Europe/Berlin")
    assert read("2026-07-01 12:00:00.500") == "2026-07-01T10:00:00.500000Z"
    assert read(None) is None
    assert reader("DateTime('America/New_York')", "UTC")("2026-01-01 00:00:00") == "2026-01-01T05:00:00Z"
    assert reader("DateTime", "UTC")("1970-01-01 00:00:00") is None
    assert reader("DateTime", "Nowhere/Else")("2026-01-01 00:00:00") == "2026-01-01T00:00:00Z"
    assert reader("Array(UInt64)", "UTC")(["18446744073709551615"]) == [2**64 - 1]
    assert reader("LowCardinality(String)", "UTC")("12") == "12"
    assert datetime.fromisoformat("2026-07-01T10:00:00.500000Z") == datetime(2026, 7, 1, 10, 0, 0, 500000, tzinfo=UTC)
