"""When a fix may be expected: only what Linear says, with where it stands there and how much it promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Eta:
    """`source`: due_date, cycle_end, project_target. `confidence`: stated, planned, rough."""

    on: date
    source: str
    confidence: str

    @property
    def words(self) -> str:
        """For people: "5 May 2026, the due date of the issue (stated)". Never without its source."""
        return f"{self.on.day} {self.on:%B %Y}, {_SOURCES[self.source]} ({self.confidence})"


_SOURCES: Final = {
    "due_date": "the due date of the issue",
    "cycle_end": "the end of the cycle it is planned in",
    "project_target": "the target date of its project",
}


def eta_of(
    *, due_on: date | None, cycle_ends_at: datetime | None, project_target_on: date | None, is_open: bool, now: datetime
) -> Eta | None:
    """The most binding date that is not over: somebody set a due date for this issue; a cycle is a plan, and what it
    does not finish moves on; a project's target says little of one issue. None without any: nothing is guessed.
    """
    if not is_open:
        return None
    today = now.astimezone(UTC).date()
    cycle_end = cycle_ends_at.astimezone(UTC).date() if cycle_ends_at else None
    for on, source, confidence in (
        (due_on, "due_date", "stated"),
        (cycle_end, "cycle_end", "planned"),
        (project_target_on, "project_target", "rough"),
    ):
        if on is not None and on >= today:
            return Eta(on, source, confidence)
    return None
