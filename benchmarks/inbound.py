"""How long the inbound door takes to store and answer, how fast it takes a burst, and how fast that is worked off.

    python benchmarks/inbound.py [--rate 50] [--seconds 40] [--burst 10000] [--drain 120]

Starts gunicorn (gthread, as `manage.py up` does) on a database of its own. Signed events come at a steady rate, each
measured from the moment it was due, beside the floor: an address that touches nothing, at the same rate. Then a burst
as fast as eight senders can, and at last a cluster of two workers that works it off for `--drain` seconds. The promise
is p99 <= 50 ms at the steady rate; exit 1 when it is broken.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.installation")
os.environ.setdefault("ALTOR_DEBUG", "1")
os.environ.setdefault("ALTOR_HOME", str(ROOT / ".altor" / "bench"))
os.environ.setdefault("ALTOR_LOG_LEVEL", "ERROR")
os.environ.setdefault("ALTOR_AUTO_INVESTIGATE", "0")  # runs are measured elsewhere
PROMISE_MS = 50.0
SENDERS = 8
_local = threading.local()


def prepare() -> str:
    """A migrated database and a fresh endpoint; its secret."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from altor.models import InboundEndpoint
    from investigations.services.endpoints import create_endpoint

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE altor_inboundendpoint, investigations_ticket, django_q_ormq CASCADE")
    assert not InboundEndpoint.objects.exists()
    return create_endpoint(source="generic", connection="bench", actor=None)[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the web process did not start")


def asked(port: int, method: str, path: str, body: str, headers: dict[str, str]) -> int:
    """The status of one request, over the thread's own connection."""
    connection = getattr(_local, "connection", None) or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    _local.connection = connection
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 202):
        raise SystemExit(f"{answer.status}: {text[:300]!r}")
    return int(answer.status)


def sender(port: int, secret: str) -> Callable[[int], int]:
    from standardwebhooks.webhooks import Webhook

    signer = Webhook(secret)

    def post(number: int) -> int:
        """Every tenth event opens a ticket, the others tell something of it."""
        ticket = {"id": number // 10, "subject": "API is slow", "description": "since 09:00 UTC " * 20}
        told = ticket if number % 10 == 0 else {"id": number // 10, "priority": str(number % 10)}
        body = json.dumps({"type": "ticket.updated", "timestamp": datetime.now(tz=UTC).isoformat(), "data": told})
        at = datetime.now(tz=UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": f"msg_{number}",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(f"msg_{number}", at, body),
        }
        return asked(port, "POST", "/api/v1/hooks/generic/bench/", body, headers)

    return post


def steady(ask: Callable[[int], int], rate: float, count: int, first: int) -> list[float]:
    """Milliseconds of each request from the moment it was due, sorted: waiting for a free sender counts too."""
    began = time.perf_counter() + 0.2

    def one(number: int) -> float:
        due = began + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        ask(first + number)
        return (time.perf_counter() - due) * 1000

    with ThreadPoolExecutor(SENDERS) as pool:
        return sorted(pool.map(one, range(count)))


def told(name: str, took: list[float]) -> float:
    cuts = statistics.quantiles(took, n=100)
    figures = "  ".join(f"p{place} {cuts[place - 1]:6.1f} ms" for place in (50, 95, 99))
    print(f"{name:<34} {len(took):>6}  {figures}  worst {took[-1]:.1f} ms", flush=True)
    return cuts[98]


def drain(seconds: float) -> None:
    """Work off what waits with a cluster of two workers, for so long."""
    from django.db import connection

    from altor.models import InboundEvent

    waiting = InboundEvent.objects.waiting().count()
    cluster = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env=os.environ | {"ALTOR_WORKERS": "2"},
    )  # fmt: skip
    try:
        while InboundEvent.objects.waiting().count() == waiting:  # until it has started
            time.sleep(0.1)
        began, left = time.monotonic(), InboundEvent.objects.waiting().count()
        while left and time.monotonic() - began < seconds:
            time.sleep(1)
            now_left = InboundEvent.objects.waiting().count()
            took, done = time.monotonic() - began, left - now_left
            if not now_left:
                break
        print(f"worked off: {done} events in {took:.0f} s, {done / took:.0f}/s, {now_left} left")
    finally:
        cluster.terminate()
        cluster.wait(30)
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--burst", type=int, default=10_000)
    parser.add_argument("--drain", type=float, default=120.0)
    options = parser.parse_args()
    secret, port = prepare(), free_port()
    command = [sys.executable, "-m", "gunicorn", "altor.wsgi:application", "-b", f"127.0.0.1:{port}"]
    web = subprocess.Popen(
        [*command, "-k", "gthread", "--threads", "4", "-w", "2", "--log-level", "error", "--graceful-timeout", "2"],
        cwd=ROOT,
    )
    try:
        wait_for(port)
        post, count = sender(port, secret), round(options.rate * options.seconds)
        steady(post, options.rate, 100, 0)  # warm
        told(
            f"floor (health/live) at {options.rate:g}/s",
            steady(lambda _: asked(port, "GET", "/api/v1/health/live", "", {}), options.rate, count, 0),
        )
        p99 = told(f"events at {options.rate:g}/s", steady(post, options.rate, count, 1000))
        if options.burst:
            began = time.perf_counter()
            with ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(post, range(100_000, 100_000 + options.burst)))
            seconds = time.perf_counter() - began
            print(
                f"burst: {options.burst} events stored in {seconds:.1f} s, {options.burst / seconds:.0f}/s", flush=True
            )
    finally:
        web.terminate()
        try:
            web.wait(35)  # gunicorn's grace for connections that are kept
        except subprocess.TimeoutExpired:
            web.kill()
    if options.drain:
        drain(options.drain)
    sys.exit(0 if p99 < PROMISE_MS else 1)


if __name__ == "__main__":
    main()
