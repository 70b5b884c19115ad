"""A sign of life of a worker cluster, as seen from outside: do its workers still take what is handed to them?

A worker killed while it waits can leave the cluster's inner queue locked for ever: everything lives, nothing works, and
what was handed over before stays invisible until its retry. So the broker slips a small task into its own cluster
every few seconds, past the database, and whichever worker takes it (or any other task) touches a file named after the
session the cluster runs in. The supervisor looks at the file's age.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from django_q.signing import SignedPackage

#: A pulse is handed to the workers this often.
EVERY_S: Final = 10.0
_FUNCTION: Final = "altor.pulse.beat"
#: Entry number of a pulse: none, so that acknowledging it does nothing.
_NO_ENTRY: Final = 0


class Pulse:
    """Makes the pulses of one cluster; lives in the process that hands out its tasks."""

    def __init__(self) -> None:
        self._due = 0.0

    def entries(self) -> list[tuple[int, str]]:
        """One entry in the broker's form when a pulse is due, else nothing."""
        now = time.monotonic()
        if now < self._due:
            return []
        self._due = now + EVERY_S
        task: dict[str, Any] = {
            "id": uuid4().hex, "name": "pulse", "func": _FUNCTION, "args": (), "kwargs": {}, "started": timezone.now(),
        }  # fmt: skip
        return [(_NO_ENTRY, SignedPackage.dumps(task))]


def beat() -> None:
    """Tell that this process works. Cheap; called by the pulse and by long work on its way."""
    path = _file(os.getsid(0))
    try:
        path.touch()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def silent_for(session: int) -> float | None:
    """Seconds since a worker of the cluster in that session (id of its first process) did anything; None before."""
    try:
        return max(time.time() - _file(session).stat().st_mtime, 0.0)
    except FileNotFoundError:
        return None


def forget_all() -> None:
    """Remove the files of clusters that ran before: session ids come again."""
    for path in _file(0).parent.glob("pulse-*"):
        path.unlink(missing_ok=True)


def _file(session: int) -> Path:
    home: Path = settings.HOME
    return home / "run" / f"pulse-{session}"
