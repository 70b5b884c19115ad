"""What ten million spans in the window cost: the same incidents with their telemetry once and multiplied.

    python -m benchmarks.many_spans --data SHARED --cases DIR [--spans 10000000] [--each]

SHARED holds `serve.py`, the server of the cases' GitHub, Linear and Stripe; DIR cases as
`benchmarks.diagnosis.generate` makes them. Each case's telemetry is loaded into an embedded engine as it is, then
multiplied inside the engine to `--spans` (new ids, shifted by up to a minute), and investigated both times with
`manage.py investigate`. Prints per case the first candidate, wall and own seconds, and of the queries: how many, the
longest, rows and bytes read. `--each` adds a line per query.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.diagnosis.run import ROOT, serving

#: Copies a round of multiplication adds: the engine's memory holds one round.
ROUND: Final = 50
HEAD: Final = (
    f"{'case':<10} {'spans':>12} {'first candidate':<24} {'wall':>6} {'own':>5} {'queries':>7} {'longest':>7}"
    f" {'rows read':>14} {'MB':>8}"
)
MULTIPLY: Final = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes,
                         ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage)
SELECT addNanoseconds(Timestamp, sipHash64(TraceId, copy) % 60000000000),
       lower(hex(sipHash64(TraceId, copy)) || hex(cityHash64(TraceId, copy))), lower(hex(sipHash64(SpanId, copy))),
       if(ParentSpanId = '', '', lower(hex(sipHash64(ParentSpanId, copy)))), SpanName, SpanKind, ServiceName,
       ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes,
       toUInt64(Duration * (0.9 + (sipHash64(SpanId, copy, 1) % 1000) / 5000)), StatusCode, StatusMessage
FROM original ARRAY JOIN range({first}, {last}) AS copy
WHERE addNanoseconds(Timestamp, sipHash64(TraceId, copy) % 60000000000) < (SELECT max(Timestamp) FROM original)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--spans", type=int, default=10_000_000)
    parser.add_argument("--each", action="store_true")
    arguments = parser.parse_args()
    print(HEAD)
    with tempfile.TemporaryDirectory() as home, serving(arguments.data, arguments.cases, clickhouse=False) as address:
        # This process reads what the commands wrote: their home is its home.
        os.environ |= {"ALTOR_HOME": str(Path(home) / "altor"), "ALTOR_DEBUG": "1"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "altor.settings.installation"
        import django

        django.setup()
        for case in sorted(path for path in arguments.cases.iterdir() if (path / "ticket.json").exists()):
            measure(case, address, Path(home), arguments.spans, each=arguments.each)


def measure(case: Path, address: str, home: Path, spans: int, *, each: bool) -> None:
    from altor.embedded.clickhouse import EmbeddedClickHouse, statement
    from altor.embedded.otel_schema import STATEMENTS

    engine = EmbeddedClickHouse(home / case.name)
    store = engine.start()
    try:
        for ddl in STATEMENTS:
            statement(store, ddl)
        for table in ("otel_traces", "otel_logs"):
            load(store, table, gzip.decompress((case / f"{table}.tsv.gz").read_bytes()))
        tell(case, store, address, home, each=each)
        began, have = time.perf_counter(), count(store)
        copied = "CREATE TABLE original ENGINE = MergeTree ORDER BY Timestamp AS SELECT * FROM otel_traces"
        statement(store, copied, timeout_s=60)
        for first in range(1, spans // have, ROUND):
            statement(store, MULTIPLY.format(first=first, last=min(first + ROUND, spans // have)), timeout_s=600)
        statement(store, "OPTIMIZE TABLE otel_traces FINAL", timeout_s=900)
        print(f"{case.name:<10} multiplied in {time.perf_counter() - began:.0f} s")
        tell(case, store, address, home, each=each)
    finally:
        engine.stop()


def load(store: str, table: str, rows: bytes) -> None:
    url = httpx.URL(store)
    answer = httpx.post(
        url.copy_with(query=None), content=rows, timeout=60, trust_env=False,
        params={**dict(url.params), "query": f"INSERT INTO {table} FORMAT TSVWithNames"},
    )  # fmt: skip
    answer.raise_for_status()


def count(store: str) -> int:
    from altor.embedded.clickhouse import statement

    return int(statement(store, "SELECT count() FROM otel_traces").strip())


def tell(case: Path, store: str, address: str, home: Path, *, each: bool) -> None:
    """Twice: the first time also loads the program and warms the engine's caches, and is not told."""
    for _ in range(2):
        document = investigate(case, store, address, home)
    requests = queries(document["investigation"])
    costs = [Cost(step, request) for request, step in requests]
    first, timing = document["candidates"][0], document["timing"]
    print(
        f"{case.name:<10} {count(store):>12,} {first['label']:<19} {first['confidence']:.2f} {timing['wall']:>6.2f}"
        f" {timing['own']:>5.2f} {len(costs):>7} {max((cost.seconds for cost in costs), default=0):>7.2f}"
        f" {sum(cost.rows for cost in costs):>14,} {sum(cost.megabytes for cost in costs):>8,.0f}"
    )
    if each:
        for cost in costs:
            told = f"{cost.seconds:>6.2f} s {cost.rows:>12,} rows {cost.megabytes:>8,.0f} MB {cost.error}"
            print(f"    {cost.step:<24} {told}")


class Cost:
    """What one query took, as the run recorded it."""

    def __init__(self, step: str, request: dict[str, Any]) -> None:
        self.step, self.seconds, self.error = step, request["seconds"], request.get("error", "")
        self.rows = int(request.get("read_rows") or 0)
        self.megabytes = (request.get("read_bytes") or 0) / 1e6


def queries(run: str) -> list[tuple[dict[str, Any], str]]:
    """The run's queries with their steps, from where the run page reads them."""
    from investigations.models import StepResult

    steps = StepResult.objects.filter(investigation_id=int(run.removeprefix("INV-")), source="clickhouse")
    return [(request, step.step_id) for step in steps for request in step.requests]


def investigate(case: Path, store: str, address: str, home: Path) -> dict[str, Any]:
    base = f"{address}/case/{case.name}"
    environment = os.environ | {
        "ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1",
        "ALTOR_LOG_LEVEL": "ERROR",
        "ALTOR_GITHUB_API_URL": f"{base}/github",
        "ALTOR_GITHUB_TOKEN": "obviously-fake",
        "ALTOR_LINEAR_API_URL": f"{base}/linear/graphql",
        "ALTOR_LINEAR_API_KEY": "obviously-fake",
        "ALTOR_STRIPE_API_URL": f"{base}/stripe",
        "ALTOR_STRIPE_API_KEY": "rk_test_obviouslyfake",
        "ALTOR_CLICKHOUSE_URL": store,
    }
    command = [sys.executable, "manage.py", "investigate", str(case / "ticket.json"), "--as-of", "NOW", "-v", "0"]
    command += ["--installation", str(case / "installation.json"), "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
