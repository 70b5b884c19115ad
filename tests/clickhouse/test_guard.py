"""What the word check lets through, and what it refuses with which words."""

from __future__ import annotations

import pytest

from investigations.sources.clickhouse.guard import QueryRefused, parameters_in, read_statement, views_in


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM otel_traces",
        "SELECT * FROM Requests",  # names are case-sensitive: this would be another table
        "SELECT * FROM otel.otel_traces",
        "SELECT * FROM requests, otel_traces",
        "SELECT * FROM requests FINAL, otel_traces",
        "SELECT 1 FROM requests AS a JOIN calls AS b ON a.ts = b.ts, otel_traces",
        "SELECT 1 FROM requests ARRAY JOIN [1] AS x JOIN otel_traces ON 1 = 1",
        "SELECT * FROM requests /* */ JOIN /* */ otel_logs USING (ts)",
        "SELECT * FROM requests -- only these\n, otel_logs",
        "SELECT * FROM requests UNION ALL SELECT * FROM otel_logs",
        "SELECT * FROM (SELECT * FROM otel_logs)",
        "SELECT * FROM (FROM otel_logs SELECT *)",
        "SELECT * FROM (otel_logs)",
        "SELECT * FROM requests WHERE 1 = (SELECT count() FROM otel_logs)",
        "SELECT * FROM requests WHERE EXISTS (SELECT 1 FROM otel_logs)",
        "SELECT * FROM requests WHERE tenant IN otel_logs",
        "SELECT * FROM requests WHERE tenant IN (otel_logs)",
        "SELECT * FROM requests WHERE (tenant, 1) GLOBAL NOT IN otel_logs",
        "SELECT in(tenant, otel_logs) FROM requests",
        "SELECT notIn(tenant, otel_logs) FROM requests",
        "SELECT tenant IN (loop(otel_logs)) FROM requests",
        # a name counts only where the server would take it for the statement's own
        "SELECT * FROM (WITH otel_traces AS (SELECT 1) SELECT 1), otel_traces",
        "SELECT 1 UNION ALL WITH mine AS (SELECT 1) SELECT * FROM mine",
        "WITH early AS (SELECT * FROM late), late AS (SELECT 1) SELECT * FROM early",
        "WITH Mine AS (SELECT 1) SELECT * FROM mine",
        "WITH otel_traces AS (SELECT 1) SELECT * FROM otel_traces",
        "WITH requests AS (SELECT 1) SELECT * FROM requests",
        "SELECT 1 AS otel_traces FROM requests JOIN otel_traces ON 1 = 1",
        # quoting that hides a name
        "SELECT * FROM `otel_traces`",
        'SELECT * FROM "otel_traces"',
        "SELECT $$'$$ FROM otel_traces WHERE $$'$$ != ''",
        "SELECT ‘x’ FROM requests",
        "SELECT 'a\\' FROM requests",
        "SELECT * FROM requests # comment",
        "SELECT * FROM requests\x00",
        # parameters cannot name things
        "SELECT * FROM {table:Identifier}",
        "SELECT {column:Identifier} FROM requests",
        "SELECT * FROM requests WHERE x IN {table:Identifier}",
        # functions and clauses that reach out
        "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'x String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM merge('otel', '.*')",
        "SELECT * FROM view(SELECT 1)",
        "SELECT * FROM system.tables",
        "SELECT file('/etc/passwd')",
        "SELECT dictGet('db.names', 'name', 1)",
        "SELECT joinGet('otel.t', 'v', 1)",
        "SELECT getSetting('max_threads')",
        "SELECT sleepEachRow(1) FROM numbers(100)",
        "SELECT hostName()",
        "SELECT * FROM requests INTO OUTFILE '/tmp/x'",
        "SELECT * FROM requests FORMAT JSON",
        "SELECT * FROM requests SETTINGS max_execution_time = 0",
        "SELECT * FROM requests; DROP TABLE otel_traces",
        "INSERT INTO otel_traces SELECT * FROM requests",
        "EXPLAIN SELECT * FROM requests",
        "FROM otel_traces SELECT *",
        "SELECT * FROM",
        "SELECT (1",
        "SELECT 1)",
        "",
        "-- nothing",
    ],
)
def test_what_reaches_around_the_views_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused):
        read_statement(sql)


@pytest.mark.parametrize(
    ("sql", "views"),
    [
        ("SELECT 1", set()),
        ("SELECT count() FROM requests WHERE route = 'FROM otel_traces'", {"requests"}),
        ("SELECT count() FROM requests -- FROM otel_traces", {"requests"}),
        ("SELECT 'it''s', 'a\\'b' FROM logs", {"logs"}),
        ("WITH slow AS (SELECT * FROM requests WHERE duration_ms > 1e3) SELECT * FROM slow JOIN calls ON 1 = 1",
         {"requests", "calls"}),
        ("WITH 5 AS five, (SELECT max(ts) FROM logs) AS latest SELECT five, latest", {"logs"}),
        ("SELECT x FROM numbers(3) AS n ARRAY JOIN [1, 2] AS x, [3, 4] AS y WHERE number % 2 = 0", set()),
        ("SELECT status IN (200, 201), route IN ['a'], tenant IN {ids:Array(String)} FROM requests", {"requests"}),
        ("SELECT * FROM requests WHERE trace_id IN (SELECT trace_id FROM calls)", {"requests", "calls"}),
        ("SELECT sum(weight) OVER w FROM requests WINDOW w AS (PARTITION BY route ORDER BY ts DESC)", {"requests"}),
        ("SELECT arrayMap(x -> x + 1, [1, 2]), status::String, status > 1 ? 'a' : 'b' FROM requests", {"requests"}),
        ("SELECT format('{} {}', method, route) FROM requests ORDER BY ts WITH FILL", {"requests"}),
        ("SELECT * FROM deliveries AS d LEFT JOIN logs AS l ON d.trace_id = l.body, numbers(2)",
         {"deliveries", "logs"}),
    ],
)  # fmt: skip
def test_ordinary_analysis_passes(sql: str, views: set[str]) -> None:
    assert views_in(sql) == views


def test_the_reason_helps_the_author() -> None:
    for sql, reason in (
        ("SELECT * FROM otel_logs", "otel_logs is not a view: read from requests, calls, deliveries, logs"),
        ("SELECT 1;", "without a semicolon"),
        ("SELECT 1 FROM requests FORMAT CSV", "FORMAT is not allowed"),
        ("SELECT {x}", "a parameter is written {name:Type}"),
    ):
        with pytest.raises(QueryRefused, match=reason.replace("{", r"\{").replace("}", r"\}")):
            read_statement(sql)


def test_parameters_are_found_with_their_types_and_not_in_texts_or_comments() -> None:
    sql = (
        "SELECT {a:String}, '{b:String}', {c:DateTime64(9, 'UTC')} /* {d:String} */ FROM requests WHERE x = {a:String}"
    )
    assert parameters_in(sql) == {"a": "String", "c": "DateTime64(9, 'UTC')"}
    with pytest.raises(QueryRefused, match="two types"):
        read_statement("SELECT {a:String}, {a:UInt8}")


@pytest.mark.parametrize(
    ("sql", "limit", "has_limit"),
    [
        ("SELECT 1", None, False),
        ("SELECT 1 LIMIT 10", 10, True),
        ("SELECT 1 LIMIT 5, 10", 10, True),
        ("SELECT 1 LIMIT 10 OFFSET 5", 10, True),
        ("SELECT 1 LIMIT 2 BY route", None, False),
        ("SELECT 1 LIMIT 2 BY route LIMIT 7", 7, True),
        ("SELECT 1 LIMIT {n:UInt32}", None, True),
        ("SELECT * FROM (SELECT 1 LIMIT 3)", None, False),
    ],
)
def test_the_statements_own_limit_is_known(sql: str, limit: int | None, has_limit: bool) -> None:
    found = read_statement(sql)
    assert (found.limit, found.has_limit) == (limit, has_limit)
