"""What the logical views cost: the same questions over the views and over the raw table, in one run on one engine.

    python benchmarks/clickhouse_views.py [--spans 5000000] [--rounds 5] [--tenants 200]

Starts an embedded engine in a temporary directory, makes spans inside it (nothing is sent), then asks each question
alternately as a playbook asks it (over the source, views resolved, fence and limits applied) and as raw SQL written by
hand for exactly this telemetry (over the same HTTP client): names known, no fallback to older ones. Prints medians in
milliseconds, the ratio, the source's own time, rows read, and how many result rows are alike.
"""
# ruff: noqa: E501  # statements read better in whole lines

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.test")

AS_OF = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
HOURS = 24
#: Spans are made by the engine: 8 of 10 are requests, the rest calls to a database.
FILL = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes,
                         Duration, StatusCode)
SELECT fromUnixTimestamp64Nano(toInt64(toUnixTimestamp('2026-05-02 12:00:00', 'UTC') - {hours} * 3600) * 1000000000
         + toInt64(number * ({hours} * 3600 * 1e9 / {spans}))),
       lower(hex(sipHash64(number))), lower(hex(cityHash64(number))),
       if(number % 10 < 8, concat('GET ', route), 'SELECT orders'), if(number % 10 < 8, 'Server', 'Client'),
       ['core-api', 'billing', 'gateway'][1 + number % 3] AS service,
       map('service.version', ['a1b2c3d', 'd4e5f6a'][1 + number % 2], 'cloud.region', ['eu-west-1', 'us-east-1'][1 + number % 2],
           'k8s.pod.name', concat(service, '-', toString(number % 12))),
       if(number % 10 < 8,
          map('tenant.id', concat('org_', toString(sipHash64(number) % {tenants})), 'http.request.method', 'GET', 'http.route', route,
              'http.response.status_code', ['200', '200', '200', '404', '500'][1 + sipHash64(number, 1) % 5],
              'api.key_id', concat('key_', toString(number % 400)), 'client.address', '192.0.2.7',
              'user_agent.original', 'sdk/1.2', 'SampleRate', '20', 'url.path', '/v1/orders/17', 'server.address', 'api.example.com'),
          map('tenant.id', concat('org_', toString(sipHash64(number) % {tenants})), 'db.system.name', 'postgresql',
              'db.collection.name', 'orders', 'server.address', 'db-1')),
       1000000 + sipHash64(number, 2) % 400000000, 'Unset'
FROM (SELECT number, ['/v1/orders', '/v1/orders/{{id}}', '/v1/search', '/v1/customers'][1 + number % 4] AS route
      FROM numbers({first}, {count}))
"""
WINDOW = "Timestamp >= parseDateTime64BestEffort({start:String}, 9) AND Timestamp < parseDateTime64BestEffort({end:String}, 9)"


@dataclass(frozen=True)
class Question:
    name: str
    view: str  # as a playbook writes it
    raw: str  # as it would be written for this telemetry only
    fence: str


QUESTIONS = (
    Question(
        "one customer, errors over time",
        "SELECT toStartOfInterval(ts, INTERVAL 10 MINUTE) AS t, count() AS n, countIf(status >= 500) AS bad "
        "FROM requests GROUP BY t ORDER BY t",
        "SELECT toStartOfInterval(Timestamp, INTERVAL 10 MINUTE) AS t, count() AS n, "
        "countIf(toUInt16OrZero(SpanAttributes['http.response.status_code']) >= 500) AS bad FROM otel_traces "
        f"WHERE {WINDOW} AND SpanKind = 'Server' AND SpanAttributes['tenant.id'] = {{tenant:String}} GROUP BY t ORDER BY t",
        "customer",
    ),
    Question(
        "everyone, level per endpoint over time",
        "SELECT toStartOfInterval(ts, INTERVAL 10 MINUTE) AS t, tenant = {tenant:String} AS mine, endpoint, count() AS n, "
        "sum(weight) AS w, avg(log(greatest(duration_ms, 0.1))) AS m FROM requests WHERE status < 400 "
        "GROUP BY t, mine, endpoint ORDER BY t, endpoint, mine",
        "SELECT toStartOfInterval(Timestamp, INTERVAL 10 MINUTE) AS t, SpanAttributes['tenant.id'] = {tenant:String} AS mine, "
        "concat(SpanAttributes['http.request.method'], ' ', SpanAttributes['http.route']) AS endpoint, count() AS n, "
        "sum(toFloat64OrZero(SpanAttributes['SampleRate'])) AS w, avg(log(greatest(Duration / 1e6, 0.1))) AS m "
        f"FROM otel_traces WHERE {WINDOW} AND SpanKind = 'Server' "
        "AND toUInt16OrZero(SpanAttributes['http.response.status_code']) < 400 GROUP BY t, mine, endpoint "
        "ORDER BY t, endpoint, mine",
        "everyone",
    ),
    Question(
        "everyone, calls per table over time",
        "SELECT toStartOfInterval(ts, INTERVAL 15 MINUTE) AS t, kind, db_table, count() AS n, quantile(0.95)(duration_ms) AS p95 "
        "FROM calls GROUP BY t, kind, db_table ORDER BY t, kind, db_table",
        "SELECT toStartOfInterval(Timestamp, INTERVAL 15 MINUTE) AS t, 'db' AS kind, SpanAttributes['db.collection.name'] AS db_table, "
        "count() AS n, quantile(0.95)(Duration / 1e6) AS p95 FROM otel_traces "
        f"WHERE {WINDOW} AND SpanKind = 'Client' AND SpanName != 'webhook.deliver' GROUP BY t, kind, db_table ORDER BY t, kind, db_table",
        "everyone",
    ),
    Question(
        "everyone, plain count",
        "SELECT count() AS n FROM requests",
        f"SELECT count() AS n FROM otel_traces WHERE {WINDOW} AND SpanKind = 'Server'",
        "everyone",
    ),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=5_000_000)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def fill(address: str, spans: int, tenants: int) -> float:
    from altor.embedded.clickhouse import statement
    from altor.embedded.otel_schema import STATEMENTS

    for ddl in STATEMENTS:
        statement(address, ddl)
    started, batch = time.perf_counter(), 500_000
    for first in range(0, spans, batch):
        count = min(batch, spans - first)
        sql = FILL.format(hours=HOURS, spans=spans, tenants=tenants, first=first, count=count)
        statement(address, sql, timeout_s=600)
    return time.perf_counter() - started


async def measure(address: str, rounds: int) -> list[dict[str, Any]]:
    from investigations.profile import Profile
    from investigations.services.connections import clickhouse_config
    from investigations.sources.base import RunContext
    from investigations.sources.clickhouse.client import ask
    from investigations.sources.clickhouse.source import ClickHouseSource

    start = AS_OF - timedelta(hours=HOURS)
    deadline = asyncio.get_running_loop().time() + 3600
    context = RunContext(as_of=AS_OF, profile=Profile(), deadline=deadline, tenant="org_7", run_ref="bench")
    moments = {"start": start.isoformat(), "end": AS_OF.isoformat()}
    found = []
    async with ClickHouseSource().open(clickhouse_config(address), context) as session:
        for question in QUESTIONS:
            params = {"sql": question.view, "fence": question.fence, "window_start": start, "window_end": AS_OF}
            bound = moments | ({"tenant": "org_7"} if "{tenant" in question.raw else {})
            view, raw, own = [], [], []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                answer = await session.call("query", params, timeout_s=300)
                view.append(time.perf_counter() - began)
                own.append(view[-1] - answer.requests[-1].seconds)
                began = time.perf_counter()
                result = await ask(session.client, question.raw, bound, database="otel", settings={}, query_id="")
                raw.append(time.perf_counter() - began)
            pairs = zip(answer.data["rows"], result.rows, strict=False)
            same = sum(_alike(mine[-1], theirs[-1]) for mine, theirs in pairs)
            found.append(
                {
                    "question": question.name,
                    # The first round reads from disk and is not counted.
                    "view_ms": statistics.median(view[1:]) * 1000,
                    "raw_ms": statistics.median(raw[1:]) * 1000,
                    "own_ms": statistics.median(own[1:]) * 1000,
                    "view_rows_read": answer.requests[-1].read_rows,
                    "raw_rows_read": result.read_rows,
                    "rows": len(answer.data["rows"]),
                    "rows_alike": same,
                }
            )
    return found


def _alike(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, float):
        return math.isclose(mine, float(theirs), rel_tol=1e-6)  # threads add in their own order
    return str(mine) == str(theirs)


def main() -> None:
    given = arguments()
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    from altor.embedded.clickhouse import EmbeddedClickHouse

    with tempfile.TemporaryDirectory() as home:
        engine = EmbeddedClickHouse(Path(home))
        address = engine.start()
        try:
            seconds = fill(address, given.spans, given.tenants)
            results = asyncio.run(measure(address, given.rounds))
        finally:
            engine.stop()
    if given.json:
        print(json.dumps({"spans": given.spans, "fill_seconds": round(seconds, 1), "results": results}))
        return
    print(
        f"{given.spans:,} spans of {HOURS} h, made in {seconds:.1f} s, {given.rounds} rounds, {os.cpu_count()} CPUs\n"
    )
    print(f"{'question':42} {'views':>9} {'raw':>9} {'ratio':>6} {'own':>7} {'rows read':>22} {'alike':>12}")
    for each in results:
        print(
            f"{each['question']:42} {each['view_ms']:7.1f}ms {each['raw_ms']:7.1f}ms {each['view_ms'] / each['raw_ms']:6.2f} "
            f"{each['own_ms']:5.1f}ms {each['view_rows_read']:>10,} /{each['raw_rows_read']:>10,} "
            f"{each['rows_alike']:>5}/{each['rows']}"
        )


if __name__ == "__main__":
    main()
