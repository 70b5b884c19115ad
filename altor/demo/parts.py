"""What apps above this one add to the demo: classes named by the setting `DEMO_PARTS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from altor.demo.world.build import World
from altor.models import User


@dataclass(frozen=True, slots=True)
class DemoSetting:
    """What a part needs to know to fill its tables."""

    world: World
    upstreams: str  # http://127.0.0.1:port, without a path
    clickhouse: str  # http://user:password@host:port/?database=otel
    actor: User
    tickets: int | None  # how many past tickets to create, newest first; None = all
    say: Callable[[str], None]
    desk: str = ""  # the stand-in helpdesk: http://127.0.0.1:port, "" without one
    launch_secret: str = ""  # of its sidebar


class DemoPart(Protocol):
    def connect(self, setting: DemoSetting) -> None:
        """What must be right at every start, such as addresses of the upstream servers. Idempotent."""
        ...

    def seed(self, setting: DemoSetting) -> None:
        """Fill the tables of a new demo. Safe to run again: what exists stays."""
        ...

    def progress(self) -> tuple[int, int]:
        """(ended, all) of the work that goes on in the background."""
        ...

    def report(self) -> list[dict[str, Any]]:
        """What came out, JSON-able, one row a piece of work."""
        ...
