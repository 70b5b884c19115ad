"""From enqueue to the first line of the task, and how fast a backlog is drained: a real cluster on the real database.

    python benchmarks/queue_latency.py [--single 60] [--backlog 500] [--workers 2]

An embedded database of its own in a temporary folder; ALTOR_DATABASE_URL is taken instead when it is set.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]


def mark(path: str, number: int, sent: float) -> None:
    """The task: note how long it took to come here. `O_APPEND` keeps lines of several workers whole."""
    line = f"{number} {time.time() - sent:.6f} {time.time():.6f}\n".encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)
    os.close(file)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--single", type=int, default=60, help="tasks sent one by one to an idle queue")
    arguments.add_argument("--backlog", type=int, default=500, help="tasks queued at once, then drained")
    arguments.add_argument("--workers", type=int, default=2)
    options = arguments.parse_args()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the database runs as another user when we are root
        prepare(home, options.workers)
        try:
            print(json.dumps(measure(home / "marks", options.single, options.backlog), indent=1))
        finally:
            from altor.embedded.postgres import EmbeddedPostgres

            EmbeddedPostgres(home / "pg").stop()


def prepare(home: Path, workers: int) -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    path = os.pathsep.join(sys.path[:2])
    os.environ |= {"ALTOR_HOME": str(home), "ALTOR_DEBUG": "1", "ALTOR_WORKERS": str(workers), "PYTHONPATH": path}
    os.environ["DJANGO_SETTINGS_MODULE"] = "altor.settings.installation"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def measure(marks: Path, single: int, backlog: int) -> dict[str, float]:
    """Milliseconds and tasks per second."""
    command = [sys.executable, str(ROOT / "manage.py"), "qcluster"]
    with (marks.parent / "log").open("wb") as log:
        cluster = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        send(marks, 0)
        wait_for(marks, 1)
        for number in range(1, single + 1):
            send(marks, number)
            wait_for(marks, number + 1)
            time.sleep(0.05)
        waits = sorted(float(line.split()[1]) * 1000 for line in marks.read_text().splitlines()[1:])
        began = time.time()
        for number in range(backlog):
            send(marks, number)
        queued = time.time()
        wait_for(marks, 1 + single + backlog)
        ended = max(float(line.split()[2]) for line in marks.read_text().splitlines())
        return {
            "start_ms_median": round(statistics.median(waits), 1),
            "start_ms_p95": round(waits[int(len(waits) * 0.95)], 1),
            "start_ms_worst": round(waits[-1], 1),
            "enqueued_per_s": round(backlog / (queued - began)),
            "drained_per_s": round(backlog / (ended - began)),
        }
    finally:
        cluster.terminate()  # the first process only: it ends the others in order
        cluster.wait(20)


def send(marks: Path, number: int) -> None:
    from django_q.tasks import async_task

    async_task("queue_latency.mark", str(marks), number, time.time())


def wait_for(marks: Path, lines: int) -> None:
    end = time.monotonic() + 120
    while not marks.exists() or marks.read_bytes().count(b"\n") < lines:
        if time.monotonic() > end:
            raise SystemExit(f"the cluster does not answer; see {marks.parent / 'log'}")
        time.sleep(0.002)


if __name__ == "__main__":
    main()
