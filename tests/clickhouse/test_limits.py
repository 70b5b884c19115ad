"""Limits, errors, settings that a server refuses, round trips, broken servers: over real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from altor.embedded.otel_schema import LOGS
from investigations.sources.base import (
    SourceAnswer,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.clickhouse import client as transport
from investigations.sources.clickhouse import layout
from investigations.sources.clickhouse.errors import error_for
from investigations.sources.clickhouse.source import ClickHouseSource
from tests.clickhouse.asking import (
    AS_OF,
    PROFILE,
    START,
    ask,
    check,
    config_for,
    context_for,
    create_tables,
    insert,
    log_line,
    params,
    pass_on,
    rows,
    server_span,
    through,
)
from tests.clickhouse_fixtures import Database
from tests.loopback import Answer, Asked, Upstream, closed_port, serving

COUNT = "SELECT count() FROM requests"


@pytest.fixture
def telemetry(clickhouse_database: Database) -> Database:
    create_tables(clickhouse_database)
    spans = [server_span(at=START + timedelta(minutes=n), ms=n) for n in range(30)]
    insert(clickhouse_database, "otel_traces", spans)
    insert(clickhouse_database, "otel_logs", [log_line(at=START)])
    return clickhouse_database


@pytest.fixture
def proxy(telemetry: Database) -> Iterator[Upstream]:
    with serving(pass_on(telemetry.url)) as upstream:
        upstream.url_of = lambda: through(telemetry.url, upstream.port)  # type: ignore[attr-defined]  # for the tests
        yield upstream


def failing(code: int, text: str = "it says", status: int = 500) -> Answer:
    return Answer(
        status, f"Code: {code}. DB::Exception: {text}. (NAME)".encode(), {"X-ClickHouse-Exception-Code": str(code)}
    )


def is_question(asked: Asked) -> bool:
    """A playbook's query, neither the look at the tables nor the freshness."""
    return b"WITH requests" in asked.body


# ----------------------------------------------------------------------------------------------------------- results
def test_a_longer_result_is_cut_and_says_so(telemetry: Database) -> None:
    found = ask(telemetry.url, "SELECT ts FROM requests ORDER BY ts DESC", max_rows=10)
    assert len(found.data["rows"]) == 10
    assert found.data["rows"][0] == ["2026-05-02T06:29:00.000000Z"]
    assert (found.truncated, found.truncated_why) == (True, "more than 10 rows")
    assert not ask(telemetry.url, "SELECT ts FROM requests", max_rows=30).truncated


@pytest.mark.parametrize(
    ("sql", "count", "truncated"),
    [
        ("SELECT ts FROM requests ORDER BY ts LIMIT 4", 4, False),
        ("SELECT ts FROM requests ORDER BY ts LIMIT 20", 10, True),
        ("SELECT ts FROM requests ORDER BY ts LIMIT 2 BY toStartOfTenMinutes(ts)", 6, False),
        ("SELECT ts FROM requests ORDER BY ts LIMIT 5 BY toStartOfTenMinutes(ts)", 10, True),
        ("SELECT ts FROM requests UNION ALL SELECT ts FROM requests", 10, True),
        ("WITH late AS (SELECT * FROM requests WHERE duration_ms > 20) SELECT ts FROM late ORDER BY ts", 9, False),
        ("WITH late AS (SELECT * FROM requests) SELECT ts FROM late ORDER BY ts LIMIT 15", 10, True),
        ("SELECT ts FROM requests ORDER BY ts LIMIT 3, 6", 6, False),
    ],
)
def test_the_cut_keeps_the_statements_own_meaning(telemetry: Database, sql: str, count: int, truncated: bool) -> None:
    found = ask(telemetry.url, sql, max_rows=10)
    assert (len(found.data["rows"]), found.truncated) == (count, truncated)
    if "ORDER BY" in sql:
        assert found.data["rows"] == sorted(found.data["rows"])


def test_the_request_is_kept_as_it_was_sent(telemetry: Database) -> None:
    found = ask(
        telemetry.url, "SELECT count() FROM requests WHERE route = {r:String} -- why", parameters={"r": "/v2/orders"}
    )
    [request] = found.requests
    assert request.target.startswith("WITH requests AS (SELECT")
    assert "-- why" not in request.target
    assert request.params["r"] == "/v2/orders"
    assert request.params["fence_tenant"] == "org_a"
    assert (request.method, request.status, request.attempt, request.rows, request.read_rows) == (
        "QUERY",
        200,
        1,
        1,
        30,
    )
    assert (request.read_bytes or 0) > 0
    assert request.request_id.startswith("altor-INV-1-")
    assert request.seconds > 0


def test_freshness_is_the_tables_own(telemetry: Database) -> None:
    found = ask(telemetry.url, "SELECT min(ts) FROM requests")
    assert found.newest_at == datetime(2026, 5, 2, 6, 29, tzinfo=UTC)
    assert ask(telemetry.url, "SELECT count() FROM logs").newest_at == START
    early = ask(telemetry.url, COUNT, as_of=START + timedelta(minutes=5))
    assert early.newest_at == START + timedelta(minutes=5)  # nothing after the run's clock counts


# -------------------------------------------------------------------------------------------------------- round trips
def asked_together(url: str, count: int = 5) -> list[SourceAnswer]:
    async def go() -> list[SourceAnswer]:
        async with ClickHouseSource().open(config_for(url), context_for(PROFILE, "org_a", AS_OF)) as session:
            return await asyncio.gather(*(session.call("query", params(COUNT), timeout_s=60) for _ in range(count)))

    return asyncio.run(go())


def test_a_cold_run_asks_once_for_the_layout_and_a_warm_one_not_at_all(telemetry: Database) -> None:
    # Questions and freshness are answered when all are there: one asked after the other's answer would wait in vain.
    all_there = threading.Barrier(5 + 1)

    def meet(asked: Asked) -> None:
        if b"system.columns" not in asked.body:
            all_there.wait(timeout=30)

    with serving(pass_on(telemetry.url, before=meet)) as upstream:
        url = through(telemetry.url, upstream.port)
        asked_together(url)
        assert len(upstream.asked) == 1 + 5 + 1  # layout, questions, freshness
        upstream.asked.clear()
        asked_together(url)
        assert len(upstream.asked) == 5 + 1
        layout.forget()  # as another process: the shared cache knows
        upstream.asked.clear()
        asked_together(url)
        assert len(upstream.asked) == 5 + 1
    assert not all_there.broken


def test_a_table_that_changed_meanwhile_is_looked_at_again(telemetry: Database) -> None:
    telemetry.run("RENAME TABLE otel_logs TO away")
    assert rows(telemetry.url, COUNT) == [[30]]
    with pytest.raises(SourceAnswerInvalid, match="otel_logs does not exist"):
        ask(telemetry.url, "SELECT count() FROM logs")
    telemetry.run("RENAME TABLE away TO otel_logs")
    assert rows(telemetry.url, "SELECT count() FROM logs") == [[1]]
    telemetry.run("DROP TABLE otel_logs")
    without = LOGS.replace(" TimestampTime DateTime DEFAULT toDateTime(Timestamp),", "")
    telemetry.run(without.replace("TimestampTime, Timestamp", "Timestamp").replace("TimestampTime", "Timestamp"))
    assert rows(telemetry.url, "SELECT count() FROM logs") == [[0]]  # the remembered layout had one column more


# --------------------------------------------------------------------------------------- servers that take no settings
def test_a_readonly_user_is_sent_no_settings_and_limited_by_the_statement(telemetry: Database) -> None:
    def strict(asked: Asked) -> Answer | None:
        extra = set(asked.query) - {"database", "query_id", "wait_end_of_query"}
        settings = {name for name in extra if not name.startswith("param_")}
        return failing(164, f"Cannot modify {settings}") if settings else None

    with serving(pass_on(telemetry.reader_url, before=strict)) as upstream:
        found = ask(through(telemetry.reader_url, upstream.port), "SELECT ts FROM requests", max_rows=3)
    assert (len(found.data["rows"]), found.truncated, found.newest_at is not None) == (3, True, True)


def test_a_user_that_may_write_is_held_to_reading(proxy: Upstream) -> None:
    ask(proxy.url_of(), COUNT)  # type: ignore[attr-defined]
    [question] = [each for each in proxy.asked if is_question(each)]
    assert question.query["readonly"] == "1"
    assert question.query["max_execution_time"] == "30"
    assert question.query["max_result_rows"] == "5001"
    assert question.query["result_overflow_mode"] == "throw"
    assert question.query["wait_end_of_query"] == "1"
    assert question.method == "POST"


@pytest.mark.parametrize("code", [164, 452, 115])
def test_a_server_that_turns_settings_down_is_asked_again_without_them_once(telemetry: Database, code: int) -> None:
    def picky(asked: Asked) -> Answer | None:
        return failing(code) if "max_execution_time" in asked.query else None

    with serving(pass_on(telemetry.url, before=picky)) as upstream:
        url = through(telemetry.url, upstream.port)
        assert rows(url, COUNT) == [[30]]
        upstream.asked.clear()
        assert rows(url, COUNT) == [[30]]
        assert len([each for each in upstream.asked if is_question(each)]) == 1


# -------------------------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (158, SourceLimited), (159, SourceLimited), (160, SourceLimited), (241, SourceLimited), (307, SourceLimited),
        (396, SourceLimited), (201, SourceLimited), (497, SourceRefused), (516, SourceRefused), (192, SourceRefused),
        (60, SourceAnswerInvalid), (47, SourceAnswerInvalid), (62, SourceAnswerInvalid), (457, SourceAnswerInvalid),
        (209, SourceUnavailable), (210, SourceUnavailable), (999, SourceUnavailable), (1002, SourceUnavailable),
    ],
)  # fmt: skip
def test_codes_become_the_error_that_tells_what_to_do(telemetry: Database, code: int, kind: type[SourceError]) -> None:
    def broken(asked: Asked) -> Answer | None:
        return failing(code, "secret_detail password=hunter22", 500) if is_question(asked) else None

    with serving(pass_on(telemetry.url, before=broken)) as upstream, pytest.raises(kind) as caught:
        ask(through(telemetry.url, upstream.port), COUNT)
    assert f"code {code}" in caught.value.message
    assert "hunter22" not in caught.value.message
    assert caught.value.requests
    assert all(request.error for request in caught.value.requests)


def test_the_engines_own_refusals_are_mapped(telemetry: Database) -> None:
    for sql, kind, words in (
        ("SELECT nonsense FROM requests", SourceAnswerInvalid, "nonsense"),
        ("SELECT nosuchfunction(1)", SourceAnswerInvalid, "nosuchfunction"),
        ("SELECT FROM WHERE", SourceAnswerInvalid, ""),
        ("SELECT repeat('x', 1000) FROM numbers(5000)", SourceLimited, ""),
    ):
        with pytest.raises(kind) as caught:
            if kind is SourceLimited:
                transport_limit = transport.MAX_BYTES
                transport.MAX_BYTES = 100_000  # type: ignore[misc]  # smaller than the answer
            try:
                ask(telemetry.url, sql)
            finally:
                if kind is SourceLimited:
                    transport.MAX_BYTES = transport_limit  # type: ignore[misc]
        assert words in caught.value.message


def test_a_query_that_runs_too_long_ends_in_time(telemetry: Database) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        ask(telemetry.url, "SELECT sum(cityHash64(number, number + 1)) FROM numbers(100000000000)", timeout_s=1.0)
    assert time.monotonic() - started < 30  # of minutes
    assert caught.value.kind in ("limited", "unavailable")


def test_a_busy_server_is_asked_again(telemetry: Database) -> None:
    left = iter([1, 1])

    def busy(asked: Asked) -> Answer | None:
        return failing(202) if is_question(asked) and next(left, 0) else None

    with serving(pass_on(telemetry.url, before=busy)) as upstream:
        found = ask(through(telemetry.url, upstream.port), COUNT)
    assert found.data["rows"] == [[30]]
    assert [request.attempt for request in found.requests] == [1, 2, 3]


def test_an_error_inside_a_200_is_an_error(telemetry: Database) -> None:
    def late(asked: Asked) -> Answer | None:
        torn = b'{"meta": [{"name": "n", "type": "UInt8"}], "data": [[1],\nCode: 241. DB::Exception: Memory limit. (X)'
        return Answer(200, torn) if is_question(asked) else None

    with serving(pass_on(telemetry.url, before=late)) as upstream, pytest.raises(SourceLimited, match="memory"):
        ask(through(telemetry.url, upstream.port), COUNT)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"data": [{"id": "x", '), SourceAnswerInvalid),
        (Answer(200, b"<html>Login</html>"), SourceAnswerInvalid),
        (Answer(200, {"meta": [{"name": "a", "type": "UInt8"}], "data": [[1, 2]]}), SourceAnswerInvalid),
        (Answer(200, b"[]"), SourceAnswerInvalid),
        (Answer(200, b'{"meta": [], "data": []}', keep_back=9), SourceUnavailable),
        (Answer(503, b"<html><h1>503</h1></html>"), SourceUnavailable),
        (Answer(500, b"oops"), SourceUnavailable),
        (Answer(404, b"no such page"), SourceAnswerInvalid),
        (Answer(401, b"who?"), SourceRefused),
        (Answer(200, b"", reset=True), SourceUnavailable),
        (Answer(302, b"", {"Location": "http://127.0.0.2:9/"}), SourceRefused),
        (Answer(307, b"", {"Location": "http://169.254.169.254/latest"}), SourceRefused),
        (Answer(302, b"", {"Location": "http://localhost:9/"}), SourceRefused),
    ],
)
def test_broken_servers_give_the_fitting_error(answer: Answer, kind: type[SourceError]) -> None:
    with serving(lambda asked: answer) as upstream, pytest.raises(kind) as caught:
        ask(f"http://u:p@127.0.0.1:{upstream.port}?database=otel", COUNT, timeout_s=30)
    assert "127.0.0.1" not in caught.value.message
    assert "169.254" not in caught.value.message


def test_a_closed_port_and_a_hanging_server_end_in_time_and_open_the_circuit() -> None:
    url = f"http://u:p@127.0.0.1:{closed_port()}?database=otel"
    for _ in range(4):
        with pytest.raises(SourceUnavailable, match="no connection"):
            ask(url, COUNT)
    with pytest.raises(SourceUnavailable, match="Not asked"):
        ask(url, COUNT)
    report = check(url)
    assert (report.ok, report.details["kind"]) == (False, "unavailable")
    assert "no connection" in report.message  # a person's test is always carried out
    with serving(lambda asked: Answer(delay_s=30)) as upstream:
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match="no answer within 1 s"):
            ask(f"http://u:p@127.0.0.1:{upstream.port}", COUNT, timeout_s=1)
        assert time.monotonic() - started < 20  # of the 30 that it would last


def test_a_query_nobody_waits_for_is_stopped(telemetry: Database) -> None:
    def slow(asked: Asked) -> Answer | None:
        if b"KILL QUERY" in asked.body:
            return Answer(200, b"")
        return Answer(delay_s=20) if is_question(asked) else None

    with serving(pass_on(telemetry.url, before=slow)) as upstream:
        with pytest.raises(SourceUnavailable):
            ask(through(telemetry.url, upstream.port), COUNT, timeout_s=0.7)
        [question] = [each for each in upstream.asked if is_question(each)]
        [kill] = [each for each in upstream.asked if b"KILL QUERY" in each.body]
    assert kill.query["param_query_id"] == question.query["query_id"]


def test_addresses_that_are_not_allowed_are_never_dialled(settings: Settings, telemetry: Database) -> None:
    for url in ("http://169.254.169.254:8123", "http://10.0.0.5:8123", "https://10.0.0.5:8443", "ftp://127.0.0.1:1"):
        with pytest.raises(SourceRefused, match="not allowed"):
            ask(url.replace("//", "//u:p@"), COUNT)
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    with pytest.raises(SourceRefused, match="not allowed"):
        ask(telemetry.url, COUNT)
    settings.PRIVATE_UPSTREAMS = "clickhouse=127.0.0.1:" + telemetry.url.rpartition(":")[2].partition("?")[0]
    assert rows(telemetry.url, COUNT) == [[30]]


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch, telemetry: Database) -> None:
    with serving(lambda asked: Answer(500)) as upstream:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, upstream.url)
        assert rows(telemetry.url, COUNT) == [[30]]
        assert upstream.asked == []


def test_a_reverse_proxys_prefix_is_kept(telemetry: Database) -> None:
    with serving(pass_on(telemetry.url)) as upstream:
        url = through(telemetry.url, upstream.port).replace("?", "/some/prefix?")
        assert rows(url, COUNT) == [[30]]
        assert {each.path for each in upstream.asked} == {"/some/prefix"}


def test_no_more_than_the_allowed_number_of_queries_at_once(telemetry: Database) -> None:
    seen = {"now": 0, "most": 0}
    guard = threading.Lock()

    def count(asked: Asked) -> None:
        if is_question(asked):
            with guard:
                seen["now"] += 1
                seen["most"] = max(seen["most"], seen["now"])
            time.sleep(0.1)
            with guard:
                seen["now"] -= 1

    with serving(pass_on(telemetry.url, before=count)) as upstream:
        found = asked_together(through(telemetry.url, upstream.port), 20)
    assert len(found) == 20
    assert 4 <= seen["most"] <= ClickHouseSource.concurrency


def test_a_link_is_given_only_where_a_page_for_queries_is_named(telemetry: Database) -> None:
    for page, link in (("https://play.example.com/play", "https://play.example.com/play"), ("javascript:alert(1)", "")):
        assert ask(f"{telemetry.url}&ui_url={page}", COUNT).url == link
    assert ask(telemetry.url, COUNT).url == ""


# ------------------------------------------------------------------------------------------------ testing a connection
def test_the_check_tells_version_layout_rights_and_warns(telemetry: Database) -> None:
    report = check(telemetry.url)
    assert report.ok
    assert report.message.startswith("ClickHouse 26.")
    assert report.details["readonly"] == "0"
    assert any(scope.writes for scope in report.scopes)
    assert any("may write" in warning for warning in report.warnings)
    assert telemetry.run("SHOW TABLES") == "otel_logs\notel_traces\n"  # the probe leaves nothing behind

    reader = check(telemetry.reader_url)
    assert (reader.ok, reader.identity, reader.details["readonly"]) == (True, "reader", "1")
    assert not any(scope.writes for scope in reader.scopes)
    assert reader.warnings == ()


def test_the_check_reports_a_refused_password(telemetry: Database) -> None:
    report = check(telemetry.url.replace("altor:", "altor:wrong"))
    assert (report.ok, report.details["kind"]) == (False, "refused")
    assert "user or password is wrong" in report.message


def test_messages_hold_the_servers_first_sentence_only() -> None:
    text = (
        "Received ClickHouse exception, code: 47, server response: Code: 47. DB::Exception: Unknown expression "
        "identifier `x` In scope SELECT x FROM t WHERE tenant = 'org_a'. (UNKNOWN_IDENTIFIER) (for url http://10.0.0.9:8123)"
    )
    assert error_for(text, "q").message == (
        "ClickHouse: a column does not exist (code 47): Unknown expression identifier `x`"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fence": "nobody"}, "fence"),
        ({"max_rows": 0}, "max_rows"),
        ({"window_start": "2026-05-01T00:00:00"}, "window_start"),
        ({"surprise": 1}, "surprise"),
        ({"sql": ""}, "sql"),
    ],
)
def test_wrong_parameters_are_named(telemetry: Database, changes: dict[str, Any], words: str) -> None:
    given = {"sql": COUNT, **changes}
    with pytest.raises(SourceAnswerInvalid, match=words):
        ask(telemetry.url, given.pop("sql"), **given)


def test_secrets_in_telemetry_are_taken_out_of_answers(telemetry: Database) -> None:
    body = "login with Bearer abcdefghijklmnopqrstuvwxyz0123 failed for ann@example.com"
    insert(telemetry, "otel_logs", [log_line(body=body)])
    [[text]] = rows(telemetry.url, "SELECT body FROM logs WHERE body LIKE 'login%'")
    assert "abcdefghij" not in text
    assert "ann@" not in text
