"""How good the diagnoses of a period were, from people's verdicts: shares, kept confidence, grades, per playbook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models.functions import Coalesce

from altor.models import User
from investigations.diagnosis import calibration
from investigations.diagnosis.calibration import Calibration
from investigations.models import Feedback, Investigation, PlaybookVersion
from investigations.models.investigations import InvestigationQuerySet
from investigations.services.accuracy import Accuracy, Judged, KeptWord, accuracy_of, judged_of, kept_word_of
from investigations.services.agreement import tally

#: The periods by the name they have in addresses; None has no beginning.
PERIODS: Final[dict[str, timedelta | None]] = {
    "30": timedelta(days=30),
    "90": timedelta(days=90),
    "365": timedelta(days=365),
    "all": None,
}
DEFAULT: Final = "90"


@dataclass(frozen=True, slots=True)
class Book:
    """A playbook as it is named: by its version in force, or by its newest."""

    key: str  # "" stands for runs without a playbook
    title: str
    incident_class: str


@dataclass(frozen=True, slots=True)
class PlaybookQuality:
    book: Book
    accuracy: Accuracy
    kept: KeptWord


@dataclass(frozen=True, slots=True)
class Quality:
    """Of `finished` runs those in `judged` have a verdict. `since` is None for all time, `chosen` for all playbooks."""

    period: str  # a name of PERIODS
    since: datetime | None
    chosen: Book | None
    books: tuple[Book, ...]  # all there are, by title
    finished: int
    judged: tuple[Judged, ...]
    accuracy: Accuracy
    kept: KeptWord
    grades: tuple[tuple[Feedback.Grade, int], ...]  # each of the four, best first
    ungraded: int
    playbooks: tuple[PlaybookQuality, ...]  # most judged first
    calibration: Calibration


def quality_of(user: User, *, period: str, playbook: str = "", now: datetime) -> Quality:
    """Over the runs that the person may see whose diagnosis was reached since the period began. Three queries.

    An unknown `playbook` has no run; "" means every one. KeyError for an unknown period.
    """
    length = PERIODS[period]
    since = None if length is None else now - length
    runs = _runs_of(user, since=since, playbook=playbook)
    judged = judged_of(runs)
    books = _books()
    counts = tally(item.grade for item in judged if item.grade)
    return Quality(
        period=period,
        since=since,
        chosen=books.get(playbook, Book(playbook, playbook, "")) if playbook else None,
        books=tuple(sorted(books.values(), key=lambda book: (book.title, book.key))),
        finished=runs.count(),
        judged=tuple(judged),
        accuracy=accuracy_of(judged),
        kept=kept_word_of(judged),
        grades=counts.grades,
        ungraded=len(judged) - counts.exact.n,
        playbooks=_per_playbook(judged, books),
        calibration=calibration.current(),
    )


def judged_runs(user: User, *, period: str, playbook: str = "", now: datetime) -> list[Judged]:
    """The runs that `quality_of` reads, oldest first. One query."""
    length = PERIODS[period]
    return judged_of(_runs_of(user, since=None if length is None else now - length, playbook=playbook))


def _runs_of(user: User, *, since: datetime | None, playbook: str) -> InvestigationQuerySet:
    runs = Investigation.objects.visible_to(user).filter(status=Investigation.Status.DONE)
    if playbook:
        runs = runs.filter(playbook__key=playbook)
    if since is not None:
        runs = runs.alias(reached_at=Coalesce("finished_at", "queued_at")).filter(reached_at__gte=since)
    return runs


def _books() -> dict[str, Book]:
    rows = (
        PlaybookVersion.objects.order_by("key", "-is_active", "-version")
        .distinct("key")
        .values_list("key", "title", "incident_class")
    )
    return {key: Book(key, title, incident_class) for key, title, incident_class in rows}


def _per_playbook(judged: list[Judged], books: dict[str, Book]) -> tuple[PlaybookQuality, ...]:
    groups: dict[str, list[Judged]] = {}
    for item in judged:
        groups.setdefault(item.playbook, []).append(item)
    found = [
        PlaybookQuality(
            books.get(key, Book(key, key or "Without a playbook", "")), accuracy_of(items), kept_word_of(items)
        )
        for key, items in groups.items()
    ]
    return tuple(sorted(found, key=lambda line: (-line.accuracy.judged, line.book.key)))
