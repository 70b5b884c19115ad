"""What the evidence carries, as a reply may repeat it: the other side of the comparison with a claim."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Self

from knowledge.language.folding import fold
from knowledge.language.names import TOKEN
from knowledge.language.quantities import Moment, Quantity, figures_in

#: Ratios are looked for among so many numbers; a diagnosis has a few dozen.
_PAIRED: Final = 60
#: A rounded figure is at most so far off, as a share of the true one.
_FAIR: Final = 0.1
_CURRENCIES: Final = frozenset({"eur", "usd", "gbp", "chf", "jpy", "sek"})
_STEM: Final = 6
_SMALL_WORDS: Final = frozenset(
    "all and are but can die das der den dem des did due ein for from had has her his how its man mit not one our out see too two und use uns von was way who why you about after also although another because been before being between both cause caused causes could came come does done during each"
    " either even from have having here into itself just less made make more most much near next only onto other over part reason"
    " same side some such than that their them then there these they this those through time under until very were what when"
    " where which while with within without your yours eine einer einem einen eines dass dies diese dieser durch fuer nach oder"
    " sich sind unser unsere unserer ueber wegen wurde wurden ihre ihrer ihrem ihren problem issue error fehler".split()
)


@dataclass(frozen=True, slots=True)
class Backing:
    """Plain values of the facts that a reply may state.

    `times` are aware datetimes, dates, or times of day in UTC. `names` and `statements` are words: what is named in
    them may be given as a cause. Build it with `of` from values and sentences of the evidence.
    """

    numbers: frozenset[Quantity] = frozenset()
    times: frozenset[datetime | date | time] = frozenset()
    ids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()

    @classmethod
    def of(cls, facts: Iterable[object], *, names: Iterable[str] = ()) -> Self:
        """From sentences, numbers, datetimes (aware) and timedeltas. Figures inside a sentence count with their units.

        A number without a unit backs any unit of the same value, and a percentage if it is a ratio (0.034: 3.4 %).
        """
        numbers: set[Quantity] = set()
        times: set[datetime | date | time] = set()
        ids: set[str] = set()
        statements: set[str] = set()
        for fact in facts:
            if isinstance(fact, Quantity):
                numbers.add(fact)
            elif isinstance(fact, timedelta):
                numbers.add(Quantity(fact.total_seconds(), "s"))
            elif isinstance(fact, (datetime, date, time)):
                times.add(fact)
            elif isinstance(fact, (int, float, Decimal)) and not isinstance(fact, bool):
                numbers.add(Quantity(float(fact)))
            elif isinstance(fact, str):
                statements.add(fact)
                for figure in figures_in(fold(fact).text):
                    match figure.said:
                        case Quantity():
                            numbers.add(figure.said)
                        case Moment():
                            times.update(_known(figure.said))
                        case str():
                            ids.add(figure.said)
        return cls(frozenset(numbers), frozenset(times), frozenset(ids), frozenset(names), frozenset(statements))


class Judge:
    """Answers for one backing whether a claim is in it."""

    def __init__(self, backing: Backing) -> None:
        self.backing = backing
        self.ids = frozenset(one.casefold() for one in backing.ids | backing.names)
        self.numbers = (*backing.numbers, *_derived(backing))
        self.stems = frozenset(
            stem for words in backing.statements | backing.names for stem in content_stems(fold(words).text)
        )

    def has_id(self, said: str) -> bool:
        return said.casefold() in self.ids

    def has_number(self, said: Quantity, hedge: str = "", *, is_compared: bool = False) -> bool:
        """`hedge`: "", "about", "above" ("more than 400") or "below" ("up to 500"). `is_compared`: "20 more"."""
        if any(_is_backed(said, known, hedge) for known in self.numbers):
            return True
        alike = sorted({one.value for one in self.backing.numbers if one.unit == said.unit})[:_PAIRED]
        pairs = itertools.combinations(alike, 2) if is_compared else ()
        return any(_is_near(said, large - small, hedge) for small, large in pairs)

    def has_moment(self, said: Moment, *, is_hedged: bool = False) -> bool:
        return any(_is_same_moment(said, known, is_hedged=is_hedged) for known in self.backing.times)

    def has_cause(self, words: str) -> bool:
        """Whether at least half of the words that carry meaning occur in what the evidence says."""
        stems = content_stems(words)
        return not stems or 2 * len(stems & self.stems) >= len(stems)


def content_stems(text: str) -> frozenset[str]:
    """The beginnings of the words that carry meaning, of folded text."""
    words = (word.casefold() for word in TOKEN.findall(text))
    return frozenset(
        word[:_STEM].rstrip("s") for word in words if len(word) > 2 and word not in _SMALL_WORDS and word.isalpha()
    )


def _known(moment: Moment) -> Iterable[datetime | date | time]:
    if moment.minute_of_day is None:
        return (moment.day,) if moment.day else ()
    hour, minute = divmod(moment.minute_of_day, 60)
    if moment.day is None:
        return (time(hour, minute),)
    return (datetime(moment.day.year, moment.day.month, moment.day.day, hour, minute, tzinfo=UTC),)


def _derived(backing: Backing) -> Iterable[Quantity]:
    """Ratios of two numbers of one unit, and the time between two times: arithmetic that a reader may do."""
    units = itertools.groupby(sorted(backing.numbers, key=lambda one: (one.unit, one.value)), key=lambda one: one.unit)
    for _, group in units:
        for small, large in itertools.combinations([one.value for one in group if one.value > 0][:_PAIRED], 2):
            yield Quantity(large / small, "times")
            yield Quantity(small / large, "ratio")
    moments = sorted(one for one in backing.times if isinstance(one, datetime))[:_PAIRED]
    for earlier, later in itertools.combinations(moments, 2):
        yield Quantity((later - earlier).total_seconds(), "s")


def _is_backed(said: Quantity, known: Quantity, hedge: str) -> bool:
    value = known.value
    if said.unit == "" and known.unit in _CURRENCIES:
        return abs(said.value - value) < 0.005
    if said.unit != known.unit:
        if known.unit == "times" and said.unit == "":
            return False
        if known.unit not in ("", "times") or (known.unit == "times" and said.unit != "ratio"):
            return said.unit == "times" and known.unit == "" and _is_near(said, value, hedge)
        if said.unit == "ratio" and value > 1:
            value /= 100
        elif said.unit == "s" and value != said.value:
            # A bare number is in the unit of the claim: 30 backs "30 minutes".
            return any(abs(value * size - said.value) < 0.005 * said.value for size in (0.001, 1, 60, 3600, 86400))
    return _is_near(said, value, hedge)


def _is_near(said: Quantity, value: float, hedge: str) -> bool:
    off = abs(said.value - value)
    if off <= 1e-9 * max(1.0, abs(value)):
        return True
    if hedge == "above":
        return said.value <= value <= said.value * 1.25
    if hedge == "below":
        return said.value * 0.8 <= value <= said.value
    is_exact = said.unit in _CURRENCIES and hedge != "about"
    step = min(said.step, 1.0) if is_exact else said.step
    if hedge == "about":
        step = max(step, 0.1 * abs(said.value))
    return off <= step / 2 + 1e-9 and off <= _FAIR * abs(value)


def _is_same_moment(said: Moment, known: datetime | date | time, *, is_hedged: bool) -> bool:
    if said.day is not None:
        day = _in_utc(known).date() if isinstance(known, datetime) else known
        if not isinstance(day, date) or (day.month, day.day) != (said.day.month, said.day.day):
            return False
        if said.day.year > 1900 and day.year > 1900 and said.day.year != day.year:
            return False
    if said.minute_of_day is None:
        return True
    clocks: tuple[datetime | time, ...] = ()
    if isinstance(known, datetime):
        # Without a zone in the text, the reader may take it for the zone in which the evidence tells it.
        clocks = (_in_utc(known),) if said.has_zone else (_in_utc(known), known)
    elif isinstance(known, time):
        clocks = (known,)
    return any(_is_near_clock(said.minute_of_day, clock.hour * 60 + clock.minute, is_hedged) for clock in clocks)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _is_near_clock(said: int, known: int, is_hedged: bool) -> bool:
    """Minutes: a full quarter of an hour may be up to 7 off when hedged, a full hour 15, a multiple of five 3."""
    tolerance = 1 if said % 5 else 3
    if is_hedged:
        tolerance = 15 if said % 60 == 0 else 7 if said % 15 == 0 else 4
    off = abs(said - known) % 1440
    return min(off, 1440 - off) <= tolerance


_HEDGES: Final = (
    ("about", re.compile(r"\b(?:about|around|roughly|approximately|nearly|almost|some|circa|ca\.?|shortly (?:after|before)|just (?:after|before)"
     r"|from|soon after|after|before|etwa|rund|ungefahr|fast|gegen|kurz (?:nach|vor)|knapp)\s(?:the\s)?$", re.IGNORECASE)),
    ("above", re.compile(r"\b(?:more than|over|at least|above|mehr als|uber|mindestens)\s$", re.IGNORECASE)),
    ("below", re.compile(r"\b(?:up to|at most|less than|under|below|fewer than|bis zu|hochstens|weniger als|unter)\s$", re.IGNORECASE)),
)  # fmt: skip


def hedge_of(before: str) -> str:
    """What the words right before a figure make of it."""
    return next((kind for kind, pattern in _HEDGES if pattern.search(before)), "")
