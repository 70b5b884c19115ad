"""The sidebar's call against a plain list of Django REST framework, on one database and in one run.

    python benchmarks/widget.py [--tickets 100000] [--rounds 5] [--seconds 4] [--connections 8]

Both run under gunicorn (gthread, two workers of four threads) on a PostgreSQL of their own. The peer is what one would
write first: a ListAPIView with a ModelSerializer and cursor pagination, 20 runs of one ticket, without authentication
and with two middlewares. The sidebar's call is the product's whole stack, authenticated by a sidebar's token of a
person. Every worker has met every ticket before; how long first answers take is told apart. Rounds alternate; medians
are printed. Exit 1 when the call answers less than half as many requests a second.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.installation")
os.environ.setdefault("ALTOR_DEBUG", "1")
os.environ.setdefault("ALTOR_HOME", str(ROOT / ".altor" / "bench-widget"))
os.environ.setdefault("ALTOR_LOG_LEVEL", "ERROR")
#: Of requests a second, against the plain list.
AIM: Final = 0.5
NOW: Final = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
#: Tickets that are asked for in turn: nothing is won by asking for one again and again.
ASKED: Final = 200
RUNS_OF_FIRST: Final = 20
#: So often is everything asked for beforehand. A worker of the two that has not met a ticket then is one of 256.
MEETINGS: Final = 8


def prepare(tickets: int) -> Sequence[tuple[str, str]]:
    """A database with that many tickets, each with a finished run. (address, token) of the tickets asked for."""
    import django

    django.setup()
    from django.core.management import call_command

    from investigations.models import Ticket

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    if Ticket.objects.count() != tickets:
        fill(tickets)
    return addresses()


def fill(tickets: int) -> None:
    from django.db import connection

    from altor.models import InboundEndpoint, Team, User
    from altor.models.people import Membership
    from investigations.models import Evidence, HelpdeskConnection, Investigation, PlaybookVersion, StepResult, Ticket
    from investigations.services.playbooks import ensure_library
    from tests import factories as make

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE investigations_ticket, investigations_customer, altor_inboundendpoint CASCADE")
    ensure_library()
    team = Team.objects.get_or_create(name="Bench", slug="bench")[0]
    person, _ = User.objects.get_or_create(username="bench", defaults={"email": "bench@altor.example"})
    Membership.objects.get_or_create(user=person, team=team)
    endpoint = InboundEndpoint.objects.create(source="generic", connection="bench")
    HelpdeskConnection.objects.create(
        endpoint=endpoint, origins=["https://desk.example"], launch_secret="obviously-fake-launch-secret"
    )
    customer = make.customer("org_bench", name="Northwind Freight")
    book = PlaybookVersion.objects.active().get(key="rate_limit")
    steps = book.document["steps"]
    for begin in range(0, tickets, 2000):
        numbers = range(begin, min(begin + 2000, tickets))
        stored = Ticket.objects.bulk_create(
            Ticket(
                ref=f"BN-{number}", connection="bench", external_id=str(number), subject="Many 429 answers",
                opened_at=NOW, team=team, customer=customer, status="diagnosed", incident_class="rate_limit",
            )
            for number in numbers
        )  # fmt: skip
        runs = Investigation.objects.bulk_create(
            Investigation(
                ticket=ticket, playbook=book, event_key=f"bench:{ticket.ref}:{again}", as_of=NOW, status="done",
                diagnosis=make.diagnosis(), top_label="rl.limiter_deploy", confidence=0.86, severity="SEV2",
                seconds=2.3, finished_at=NOW, live_version=9,
            )
            for ticket in stored
            for again in range(RUNS_OF_FIRST if ticket.external_id == "0" else 1)
        )  # fmt: skip
        shown = [run for run in runs if run.ticket.external_id == "0" or int(run.ticket.external_id) < tickets // 5]
        made = StepResult.objects.bulk_create(
            StepResult(
                investigation=run, step_id=step["id"], position=n, title=step["title"], source=step["source"],
                status="done", verdict="normal", seconds=0.4,
            )
            for run in shown
            for n, step in enumerate(steps[:7], 1)
        )  # fmt: skip
        Evidence.objects.bulk_create(
            Evidence(
                investigation=step.investigation, step=step, ref_id=f"E{step.position}", source=step.source,
                kind="status_429_share", summary="43% of this customer's requests are rejected with 429.",
                verdict="abnormal" if step.position < 3 else "normal", at=NOW - timedelta(hours=2), fetched_at=NOW,
                sha256="0" * 64,
            )
            for step in made
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def addresses() -> Sequence[tuple[str, str]]:
    from django.utils import timezone

    from altor.models import User
    from investigations.models import HelpdeskConnection
    from investigations.widget.tokens import Voucher, new_token, write_token

    connection = HelpdeskConnection.objects.select_related("endpoint").get()
    person = User.objects.get(username="bench")
    found = []
    for number in range(ASKED):
        token = new_token(connection, voucher=Voucher.SIGNED, now=timezone.now(), ticket=str(number), user=person)
        found.append((f"/api/v1/widget/generic/{number}/", write_token(token)))
    return found


def serve(target: str, port: int, settings: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", target, "-b", f"127.0.0.1:{port}", "-k", "gthread"]
    sizes = ["-w", "2", "--threads", "4", "--keep-alive", "30", "--graceful-timeout", "1"]
    return subprocess.Popen(
        [*command, *sizes, "--log-level", "error"], cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": settings}
    )


def load(
    port: int, asked: Sequence[tuple[str, dict[str, str]]], connections: int, seconds: float
) -> tuple[float, list[float]]:
    """Requests a second, and milliseconds of each."""
    took: list[list[float]] = [[] for _ in range(connections)]
    failures: list[str] = []
    end = time.monotonic() + seconds

    def work(mine: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        turn = mine
        while time.monotonic() < end and not failures:
            path, headers = asked[turn % len(asked)]
            turn += connections
            began = time.perf_counter()
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            text = answer.read()
            took[mine].append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                failures.append(f"{answer.status}: {text[:200]!r}")
        client.close()

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(failures[0])
    every = [ms for part in took for ms in part]
    return len(every) / (time.monotonic() - began), every


def meet(port: int, asked: Sequence[tuple[str, dict[str, str]]], connections: int) -> None:
    """Ask for everything once, each on a connection of its own: whichever worker takes it."""

    def work(mine: int) -> None:
        for path, headers in asked[mine::connections]:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("GET", path, headers=headers)
            client.getresponse().read()
            client.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    widget = [(path, {"Authorization": f"Widget {token}"}) for path, token in prepare(options.tickets)]
    from benchmarks.inbound import free_port, wait_for

    contenders: dict[str, tuple[int, Any]] = {
        "plain list": (free_port(), [("/list/", {})]), "sidebar": (free_port(), widget),
    }  # fmt: skip
    servers = [
        serve("benchmarks.widget_peer:application", contenders["plain list"][0], "benchmarks.widget_peer_settings"),
        serve("altor.wsgi:application", contenders["sidebar"][0], os.environ["DJANGO_SETTINGS_MODULE"]),
    ]
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for name, (port, asked) in contenders.items():
            wait_for(port)
            load(port, asked[:1], options.connections, 3.0)  # until the workers have imported all
            _, first = load(port, asked, options.connections, 2.0)
            print(f"{name}: first answers p50 {statistics.median(first):.1f} ms")
            for _ in range(MEETINGS):
                meet(port, asked, options.connections)
        for number in range(options.rounds):
            for name in sorted(contenders, reverse=bool(number % 2)):
                port, asked = contenders[name]
                rate, every = load(port, asked, options.connections, options.seconds)
                rates[name].append(rate)
                times[name] += every
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(30)
    for name in contenders:
        each = " ".join(f"{rate:.0f}" for rate in rates[name])
        cuts = statistics.quantiles(times[name], n=100)
        print(
            f"{name:<11} {statistics.median(rates[name]):6.0f} requests/s (best {max(rates[name]):.0f})"
            f"  p50 {cuts[49]:5.1f} ms  p99 {cuts[98]:6.1f} ms  rounds {each}"
        )
    share = statistics.median(rates["sidebar"]) / statistics.median(rates["plain list"])
    print(f"the sidebar's call answers {share:.2f} times as many requests a second (aim: {AIM})")
    sys.exit(0 if share >= AIM else 1)


if __name__ == "__main__":
    main()
