"""Hours, interruptions and engineers of subjects, from sessions and typed hours. Pure: no clock, no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from escalations.interruptions.sessions import Counted


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody says of a day, in minutes. It replaces what was measured of this person, subject and day."""

    who: str
    subject: str
    day: date
    minutes: int
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One engineer, one subject, one day. `typed` None: nothing was typed."""

    who: str
    subject: str
    day: date
    measured: Fraction  # seconds
    sessions: tuple[Counted, ...]  # that begin on this day
    typed: Typed | None

    @property
    def seconds(self) -> Fraction:
        """What counts."""
        return Fraction(self.typed.minutes * 60) if self.typed is not None else self.measured

    @property
    def counted_s(self) -> float:
        return float(self.seconds)

    @property
    def measured_s(self) -> float:
        return float(self.measured)

    @property
    def interruptions(self) -> int:
        """Sessions that begin; a typed day on which nothing was seen is one."""
        return len(self.sessions) or (1 if self.typed is not None and self.typed.minutes and not self.measured else 0)


@dataclass(frozen=True, slots=True)
class Total:
    """`typed_s` is the part of `seconds` that people typed in. Refocus cost is beside, never in, these figures."""

    seconds: float = 0.0
    typed_s: float = 0.0
    interruptions: int = 0
    engineers: frozenset[str] = field(default_factory=frozenset)
    subjects: int = 0

    @property
    def hours(self) -> float:
        return self.seconds / 3600

    @property
    def people(self) -> int:
        return len(self.engineers)

    def refocus_s(self, minutes: int) -> int:
        """Seconds that finding back into their own work may have cost, at `minutes` for each interruption."""
        return self.interruptions * minutes * 60


def lines(sessions: Iterable[Counted], typed: Iterable[Typed] = ()) -> list[Line]:
    """By day, engineer and subject."""
    measured: dict[tuple[date, str, str], Fraction] = {}
    begun: dict[tuple[date, str, str], list[Counted]] = {}
    for one in sessions:
        who, subject = one.session.who, one.session.subject
        begun.setdefault((one.day, who, subject), []).append(one)
        for day, seconds in one.days.items():
            measured[day, who, subject] = measured.get((day, who, subject), Fraction()) + seconds
    said = {(one.day, one.who, one.subject): one for one in typed}
    return [
        Line(key[1], key[2], key[0], measured.get(key, Fraction()), tuple(begun.get(key, ())), said.get(key))
        for key in sorted({*measured, *begun, *said})
    ]


def total(found: Iterable[Line]) -> Total:
    kept = list(found)
    return Total(
        float(sum((one.seconds for one in kept), Fraction())),
        float(sum((one.seconds for one in kept if one.typed is not None), Fraction())),
        sum(one.interruptions for one in kept),
        frozenset(one.who for one in kept if one.seconds or one.interruptions),
        len({one.subject for one in kept}),
    )


def grouped(found: Iterable[Line], key: Callable[[Line], str]) -> Mapping[str, Total]:
    """Totals by what `key` says of each line, most hours first."""
    groups: dict[str, list[Line]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    totals = {name: total(many) for name, many in groups.items()}
    return dict(sorted(totals.items(), key=lambda item: (-item[1].seconds, item[0])))
