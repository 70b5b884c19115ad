"""How long the inbound endpoint takes to store and answer: p50, p95 and p99 over real sockets.

    python benchmarks/inbound.py [--events 2000] [--at-once 8]

Starts gunicorn (gthread, as `manage.py up` does) on a database of its own and posts signed events. The promise is
p99 < 50 ms; exit 1 when it is broken.
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
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "altor.settings.installation")
os.environ.setdefault("ALTOR_DEBUG", "1")
os.environ.setdefault("ALTOR_HOME", str(ROOT / ".altor" / "bench"))
os.environ.setdefault("ALTOR_LOG_LEVEL", "ERROR")
PROMISE_MS = 50.0


def prepare() -> str:
    """A migrated database and a fresh endpoint; its secret."""
    import django

    django.setup()
    from django.core.management import call_command

    from altor.models import InboundEndpoint, InboundEvent
    from investigations.services.endpoints import create_endpoint

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    InboundEvent.objects.all().delete()
    InboundEndpoint.objects.all().delete()
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


def post_all(port: int, secret: str, numbers: range) -> list[float]:
    """Milliseconds of each request, over one connection that is kept."""
    from standardwebhooks.webhooks import Webhook

    signer, took = Webhook(secret), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for number in numbers:
        ticket = {"id": number, "subject": "API is slow", "description": "since 09:00 UTC " * 20}
        body = json.dumps({"type": "ticket.created", "data": ticket})
        at = datetime.now(tz=UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": f"msg_{number}",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(f"msg_{number}", at, body),
        }
        started = time.perf_counter()
        connection.request("POST", "/api/v1/hooks/generic/bench/", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        took.append((time.perf_counter() - started) * 1000)
        if answer.status != 202:
            raise SystemExit(f"{answer.status}: {text[:300]!r}")
    connection.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    secret, port = prepare(), free_port()
    command = [sys.executable, "-m", "gunicorn", "altor.wsgi:application", "-b", f"127.0.0.1:{port}"]
    web = subprocess.Popen(
        [*command, "-k", "gthread", "--threads", "8", "-w", "2", "--log-level", "error", "--graceful-timeout", "2"],
        cwd=ROOT,
    )
    try:
        wait_for(port)
        post_all(port, secret, range(50))  # warm
        share = options.events // options.at_once
        parts = [range(1000 + n * share, 1000 + (n + 1) * share) for n in range(options.at_once)]
        started = time.perf_counter()
        with ThreadPoolExecutor(options.at_once) as pool:
            took = sorted(
                ms for part in pool.map(lambda numbers: post_all(port, secret, numbers), parts) for ms in part
            )
        seconds = time.perf_counter() - started
    finally:
        web.terminate()
        try:
            web.wait(35)  # gunicorn's grace for connections that are kept
        except subprocess.TimeoutExpired:
            web.kill()
    cuts = statistics.quantiles(took, n=100)
    print(f"{len(took)} events, {options.at_once} at once, {len(took) / seconds:.0f}/s")
    print(f"p50 {cuts[49]:.1f} ms  p95 {cuts[94]:.1f} ms  p99 {cuts[98]:.1f} ms  worst {took[-1]:.1f} ms")
    sys.exit(0 if cuts[98] < PROMISE_MS else 1)


if __name__ == "__main__":
    main()
