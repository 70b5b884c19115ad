"""How many investigations a second two workers finish, when every upstream answers after the same time.

    python -m benchmarks.throughput --data SHARED --cases DIR [--runs 60] [--latency 0.02] [--workers 2]

SHARED holds `serve.py`, DIR cases as `benchmarks.diagnosis.generate` makes them. Per case: an installation of its own
(embedded database, the case's profile), whose upstreams a proxy answers from a recording after `--latency` seconds;
then `--runs` copies of the ticket are queued at once and worked off by a real cluster. Prints runs a second, the median
and 95th percentile of a run's own and wall seconds, and the processor time of the workers per run. Proxy and database
run on the same processors.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.chain import Proxy
from benchmarks.chain import serving as proxied
from benchmarks.diagnosis.run import ROOT, serving

HEAD: Final = (
    f"{'case':<10} {'first candidate':<20} {'runs/s':>7} {'wall median':>12} {'p95':>6} {'own median':>11} {'p95':>6}"
    f" {'CPU/run':>8}"
)
TICKS: Final = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latency", type=float, default=0.02)
    options = parser.parse_args()
    print(HEAD)
    with serving(options.data, options.cases) as address:
        for case in sorted(path for path in options.cases.iterdir() if (path / "ticket.json").exists()):
            # A process per case: settings are read once.
            child = multiprocessing.get_context("spawn").Process(
                target=measure, args=(case, address, options.runs, options.workers, options.latency)
            )
            child.start()
            child.join()


def measure(case: Path, address: str, runs: int, workers: int, latency_s: float) -> None:
    with TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        home.chmod(0o755)  # the database runs as another user when we are root
        target = urlsplit(address)
        port = stack.enter_context(proxied(proxy := Proxy(target.hostname or "", target.port or 80, latency_s)))
        prepare(home, f"http://127.0.0.1:{port}/case/{case.name}", workers)
        try:
            tell(case, home, proxy, runs)
        finally:
            from altor.embedded.postgres import EmbeddedPostgres

            EmbeddedPostgres(home / "pg").stop()


def prepare(home: Path, base: str, workers: int) -> None:
    os.environ |= {
        "ALTOR_HOME": str(home),
        "ALTOR_DEBUG": "1",
        "ALTOR_WORKERS": str(workers),
        "ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1",
        "ALTOR_LOG_LEVEL": "ERROR",
        "ALTOR_GITHUB_API_URL": f"{base}/github",
        "ALTOR_GITHUB_TOKEN": "obviously-fake",
        "ALTOR_LINEAR_API_URL": f"{base}/linear/graphql",
        "ALTOR_LINEAR_API_KEY": "obviously-fake",
        "ALTOR_STRIPE_API_URL": f"{base}/stripe",
        "ALTOR_STRIPE_API_KEY": "rk_test_obviouslyfake",
        "ALTOR_CLICKHOUSE_URL": f"http://default:fake@{base.removeprefix('http://')}/clickhouse?database=otel",
        "DJANGO_SETTINGS_MODULE": "altor.settings.installation",
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def tell(case: Path, home: Path, proxy: Proxy, runs: int) -> None:
    from django.core.management import call_command

    from investigations.models import Investigation
    from investigations.services.playbooks import ensure_library

    ensure_library()
    call_command("profile", "import", str(case / "installation.json"), stdout=StringIO())
    ticket = json.loads((case / "ticket.json").read_text())
    with (home / "log").open("wb") as log:
        cluster = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "qcluster"], stdout=log, stderr=log, start_new_session=True
        )
    try:
        # The first runs record the answers and warm the workers.
        begin(ticket, "warm", 4)
        wait(0)
        proxy.misses, before = 0, processor_seconds(cluster.pid)
        started = time.monotonic()
        begin(ticket, "run", runs)
        wait(0)
        seconds, cpu = time.monotonic() - started, processor_seconds(cluster.pid) - before
    finally:
        cluster.terminate()  # the first process only: it ends the others in order
        cluster.wait(20)
    done = list(Investigation.objects.filter(ticket__ref__contains="run").order_by("pk"))
    finished = [run for run in done if run.status == Investigation.Status.DONE]
    wall = [run.seconds or 0.0 for run in finished]
    own = [(run.seconds or 0.0) - (run.upstream_seconds or 0.0) for run in finished]
    print(
        f"{case.name:<10} {finished[0].top_label:<20} {len(finished) / seconds:>7.1f} {statistics.median(wall):>11.2f}s"
        f" {high(wall):>5.2f}s {statistics.median(own):>10.2f}s {high(own):>5.2f}s {cpu / len(finished):>7.2f}s"
    )
    if len(finished) < len(done) or proxy.misses:
        print(f"  {len(done) - len(finished)} runs not done, {proxy.misses} answers not recorded")


def begin(ticket: dict[str, Any], name: str, count: int) -> None:
    from investigations.services.profiles import current_profile
    from investigations.services.runs import start_investigation
    from investigations.services.tickets import upsert_ticket

    now = current_profile().now
    for number in range(count):
        copy, _ = upsert_ticket({**ticket, "id": f"{name}{number}"}, now=now)
        start_investigation(ticket=copy, trigger="api", as_of=now)


def wait(left: int) -> None:
    from investigations.models import Investigation

    end = time.monotonic() + 300
    while Investigation.objects.unfinished().count() > left:
        if time.monotonic() > end:
            raise SystemExit("the runs do not end")
        time.sleep(0.02)


def processor_seconds(root: int) -> float:
    """User and system time of the cluster's processes that live."""
    found, parents = 0.0, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS)
    for process, (_, seconds) in parents.items():
        above = process
        while above in parents and above != root:
            above = parents[above][0]
        found += seconds if above == root else 0.0
    return found


def high(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


if __name__ == "__main__":
    main()
