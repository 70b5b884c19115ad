"""Fills a new demo: tables, people, connections, tickets; and says the same again harmlessly at every later start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altor.demo.desk.towards import launch_secret
from altor.demo.home import ROOT, DemoState
from altor.demo.parts import DemoPart, DemoSetting
from altor.demo.people import create_endpoint, create_people
from altor.registry import parts


@dataclass(frozen=True, slots=True)
class Addresses:
    web: str
    upstreams: str
    clickhouse: str  # with credential: never printed
    desk: str = ""


class SetupFailed(RuntimeError):
    """One line for people."""


def start_loading(home: Path, log: Path) -> subprocess.Popen[bytes]:
    """Load the telemetry's history in a process of its own, while this one makes tables (two cores are enough)."""
    command = [sys.executable, "-m", "altor.demo.feed", "--home", str(home), "--load"]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def fill(state: DemoState, addresses: Addresses, *, tickets: int | None, say: Callable[[str], None]) -> None:
    """People, connections and, the first time, everything else that the apps bring."""
    setting = _setting(state, addresses, tickets=tickets, say=say)
    create_endpoint(state.hook_secret)
    for part in _parts():
        part.connect(setting)
    if not state.is_seeded:
        for part in _parts():
            part.seed(setting)


def connect(state: DemoState, addresses: Addresses) -> None:
    """Only what follows from the addresses."""
    for part in _parts():
        part.connect(_setting(state, addresses, tickets=0, say=lambda _: None))


def _setting(state: DemoState, addresses: Addresses, *, tickets: int | None, say: Callable[[str], None]) -> DemoSetting:
    return DemoSetting(
        world=state.world,
        upstreams=addresses.upstreams,
        clickhouse=addresses.clickhouse,
        desk=addresses.desk,
        launch_secret=launch_secret(state),
        actor=create_people(),
        tickets=tickets,
        say=say,
    )


def progress() -> tuple[int, int]:
    """(ended, all) of the work the demo watches."""
    found = [part.progress() for part in _parts()]
    return sum(done for done, _ in found), sum(known for _, known in found)


def report() -> list[dict[str, Any]]:
    return [row for part in _parts() for row in part.report()]


def _parts() -> list[DemoPart]:
    return [part() for part in parts("DEMO_PARTS")]


def check_loading(process: subprocess.Popen[bytes], log: Path) -> None:
    """SetupFailed when the ended process did not load the telemetry."""
    if process.returncode != 0:
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
        raise SetupFailed(f"The telemetry could not be loaded: {' '.join(tail) or 'no message'}")
