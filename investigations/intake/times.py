"""Times that a ticket claims: "since this morning", "about 01:15 (UTC+2)", "yesterday at 4pm EST", "an hour ago".

The text is cut into parts that name a day, a clock time, or an instant; neighbours are joined ("yesterday" + "4pm EST");
each is resolved against the moment the customer wrote and their time zone; the words before it say whether it is the
start, the end, or only mentioned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

from investigations.intake import cues
from investigations.intake.time_parts import Clock, Day, Instant, Part, find_parts
from investigations.intake.typos import Corrected

#: A customer's clock may be a little ahead of the helpdesk's.
SLACK: Final = timedelta(minutes=10)
#: Precision of a clock time whose zone nobody named.
UNZONED_S: Final = 1800
_OLDEST: Final = timedelta(days=120)
#: "this week" says something about the trouble only after "since" and its like.
_WIDE_HOURS: Final = 24
_TELLING: Final = 2.0


@dataclass(frozen=True, slots=True)
class ClaimedTime:
    """`at` is aware UTC and the middle of what was said; the truth lies within `precision_s` seconds of it."""

    role: Literal["onset", "ended"]
    at: datetime
    precision_s: int
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Parts that speak of one moment."""

    start: int
    end: int
    day: Day | None = None
    clock: Clock | None = None
    instant: Instant | None = None


def claimed_times(text: Corrected, *, written_at: datetime, zone: tzinfo, zone_known: bool) -> list[ClaimedTime]:
    """The start and the end that the text claims, at most one of each, best first.

    `written_at` is aware; `zone` is the customer's, `zone_known` whether anybody said so (else clock times are vague).
    """
    found: list[ClaimedTime] = []
    judged = [
        (phrase, *cues.judge(text.text, phrase.start))
        for phrase in _ranges(_joined(find_parts(text.text, written_at.astimezone(zone)), text.text), text.text)
    ]
    for phrase, role, score in judged:
        resolved = _resolve(phrase, written_at, zone, zone_known)
        if resolved is None or score <= 0 or (score < _TELLING and _is_wide(phrase)):
            continue
        at, precision = resolved
        exactness = 1.0 if phrase.clock or phrase.instant else 0.0
        found.append(ClaimedTime(role, at, precision, text.quote(phrase.start, phrase.end).strip(), score + exactness))
    return _best(found)


def _is_wide(phrase: _Phrase) -> bool:
    return phrase.clock is None and phrase.day is not None and phrase.day.to_hour - phrase.day.from_hour > _WIDE_HOURS


def _ranges(phrases: list[_Phrase], text: str) -> list[_Phrase]:
    """In "between 14:00 and 15:10 UTC yesterday" both ends share day and zone."""
    shared = list(phrases)
    for n in range(len(shared) - 1):
        left, right = shared[n], shared[n + 1]
        if left.clock is None or right.clock is None or not cues.is_range(text[left.end : right.start]):
            continue
        zone = left.clock.zone or right.clock.zone
        half = right.clock.has_half and not left.clock.has_half and left.clock.hour + 12 < right.clock.hour
        shared[n] = replace(
            left,
            day=left.day or right.day,
            clock=replace(left.clock, zone=zone, hour=left.clock.hour + (12 if half else 0)),
        )
        shared[n + 1] = replace(
            right, day=right.day or left.day, clock=replace(right.clock, zone=right.clock.zone or zone)
        )
    return shared


def _best(found: list[ClaimedTime]) -> list[ClaimedTime]:
    onsets = sorted((time for time in found if time.role == "onset"), key=lambda time: (-time.score, time.at))
    onset = onsets[0] if onsets else None
    ends = sorted((time for time in found if time.role == "ended"), key=lambda time: -time.score)
    ended = next((time for time in ends if onset is None or time.at > onset.at), None)
    return [time for time in (onset, ended) if time is not None]


def _joined(parts: list[Part], text: str) -> list[_Phrase]:
    """Neighbouring parts of different kinds speak of one moment: "yesterday" + "at" + "4pm"."""
    phrases: list[_Phrase] = []
    for part in parts:
        last = phrases[-1] if phrases else None
        if last is not None and cues.joins(text[last.end : part.start]):
            if isinstance(part, Clock) and last.clock is None and last.day is not None:
                phrases[-1] = _Phrase(last.start, part.end, last.day, part)
                continue
            if isinstance(part, Day) and last.day is None and last.clock is not None:
                phrases[-1] = _Phrase(last.start, part.end, part, last.clock)
                continue
            if isinstance(part, Day) and last.day is not None and last.clock is None:
                day = last.day.narrowed(part)
                if day is not None:  # "monday morning", "yesterday, early afternoon"
                    phrases[-1] = _Phrase(last.start, part.end, day)
                    continue
        match part:
            case Clock():
                phrases.append(_Phrase(part.start, part.end, clock=part))
            case Day():
                phrases.append(_Phrase(part.start, part.end, day=part))
            case Instant():
                phrases.append(_Phrase(part.start, part.end, instant=part))
    return [phrase for phrase in phrases if not (phrase.clock and phrase.clock.needs_day and not phrase.day)]


def _resolve(phrase: _Phrase, written_at: datetime, zone: tzinfo, zone_known: bool) -> tuple[datetime, int] | None:
    utc = ZoneInfo("UTC")
    if phrase.instant is not None:
        at, precision = phrase.instant.at.astimezone(utc), phrase.instant.precision_s
    elif phrase.clock is not None:
        at = _clock_on_day(phrase.clock, phrase.day, written_at, zone).astimezone(utc)
        vague = phrase.clock.zone is None and not zone_known
        precision = max(phrase.clock.precision_s, UNZONED_S if vague else 0)
    elif phrase.day is not None:
        first = phrase.day.begins(zone).astimezone(utc)
        last = min(phrase.day.ends(zone).astimezone(utc), written_at.astimezone(utc))
        if last <= first:
            return None
        at, precision = first + (last - first) / 2, int((last - first).total_seconds() / 2) + 1
    else:
        return None
    if at > written_at + SLACK or at < written_at - _OLDEST:
        return None
    return at.replace(microsecond=0), precision


def _clock_on_day(clock: Clock, day: Day | None, written_at: datetime, zone: tzinfo) -> datetime:
    """On the named day; without one, the last time the clock showed this before the customer wrote."""
    zone = clock.zone or zone
    hour = clock.hour
    if day is not None and not clock.has_half and hour < 12 and day.from_hour >= 12 and day.to_hour <= 24:
        hour += 12  # "this afternoon at 3"
    here = written_at.astimezone(zone)
    date = day.date if day is not None else here.date()
    at = datetime(date.year, date.month, date.day, hour, clock.minute, clock.second, tzinfo=zone)
    if day is not None and day.overnight and clock.hour < 12:
        at += timedelta(days=1)  # "last night at 2:30" is today's night
    if day is None and at > written_at + SLACK:
        at -= timedelta(days=1)
    return at
