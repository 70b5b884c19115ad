"""Conditions and values in CEL, with three truth values.

Playbook conditions are CEL (the `cel` package, a Rust implementation). A condition that reads a fact which was not
measured is *unknown*, never false: absence of evidence is not evidence of absence. CEL's own logic already gives
`true || missing` = true and `false && missing` = false; whatever else touches a missing fact ends here as UNKNOWN.

Numbers: facts are floats (CEL does not mix int and double in arithmetic), so literals in arithmetic are written `3.0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import cel


class Truth(Enum):
    """Outcome of a condition. Deliberately not a bool: `if truth` is refused, compare with `is Truth.YES`."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("a condition has three outcomes: compare with `is Truth.YES`")


class ConditionInvalid(ValueError):
    """The text is not a condition: a syntax error, or a name that does not exist."""


#: Functions every condition may use, beside CEL's own. Missing (None) arguments make the result unknown.
def _minutes_between(later: str, earlier: str) -> float:
    """minutes_between(later, earlier): minutes from one time to another, negative when it is the other way round."""
    from datetime import datetime

    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() / 60.0


def _abs(value: float) -> float:
    """abs(x): without its sign."""
    return abs(value)


def _lower(text: str) -> str:
    """lower(text): in small letters."""
    return text.lower()


def _places(text: str, words: list[str]) -> Iterator[re.Match[str]]:
    """Where `text` (lower case) holds one of `words` as a whole word; a trailing * makes it a prefix."""
    for word in words:
        stem = re.escape(word.lower().rstrip("*"))
        yield from re.finditer(rf"(?<![a-z0-9]){stem}" + ("[a-z0-9]*" if word.endswith("*") else r"(?![a-z0-9])"), text)


def _matches_any(text: str, words: list[str]) -> bool:
    """True when `text` holds one of `words` as a whole word, in any case; a trailing * makes it a prefix."""
    return any(_places(text.lower(), words))


#: "not", "no longer", "it isn't", "without any" up to three words before, in the same clause …
_DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:not|no|never|without|nor|neither|cannot|rule[sd]? out|excluded?|besides|nothing to do with)|n['’]t)"
    r"(?:\s+[^\s.,;:!?()]+){0,3}\s*$"
)
#: … or "is fine", "was normal", "can be ruled out" after it.
_DENIED_AFTER: Final = re.compile(
    r"^(?:\s+[^\s.,;:!?()]+){0,2}?\s+(?:(?:is|are|was|were|looks?|seems?|works?|worked|tested|checked)\s+(?:(?!not\b)\w+\s+)?"
    r"(?:fine|ok|okay|normal|good|clean|healthy|unaffected|excluded|ruled out|not the \w+)\b|(?:isn|wasn)['’]t the \w+"
    r"|(?:can|could) be (?:ruled out|excluded)\b)"
)


def _speaks_of(text: str, words: list[str]) -> bool:
    """Like `matches_any`, for what people write: "it is not our network" and "our network is fine" do not count."""
    low = text.lower()
    return any(
        not _DENIED_BEFORE.search(low[max(0, place.start() - 80) : place.start()])
        and not _DENIED_AFTER.search(low[place.end() : place.end() + 60])
        for place in _places(low, words)
    )


def _unknown() -> bool:
    """unknown(): neither true nor false, for too few records to say."""
    raise ValueError("too few records to say")


FUNCTIONS: Final[dict[str, Any]] = {
    "minutes_between": _minutes_between,
    "abs": _abs,
    "lower": _lower,
    "matches_any": _matches_any,
    "speaks_of": _speaks_of,
    "unknown": _unknown,
}

_STRINGS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_NAMES = re.compile(r"(?<![\w.])([a-z_][a-z0-9_]*)((?:\.[a-z_][a-z0-9_]*)*)", re.IGNORECASE)
_WORDS = {"true", "false", "null", "in", "has", "size", "double", "int", "string", "timestamp", "duration", "type"}


@lru_cache(maxsize=4096)
def compile_condition(text: str) -> cel.Program:
    """The compiled program; ConditionInvalid with CEL's own message otherwise."""
    try:
        return cel.compile(text)
    except ValueError as error:
        raise ConditionInvalid(_plain_words(text, str(error).splitlines()[0])) from None


_AT: Final = re.compile(r"ERROR: <input>:\d+:(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$")


def _plain_words(text: str, said: str) -> str:
    """The parser's message without its grammar, and what other languages write differently."""
    match = _AT.search(said)
    words = f"not a CEL expression, at character {match.group(1)}: {match.group(2)}" if match else said
    bare = _STRINGS.sub("''", text)
    if re.search(r"\b(?:and|or|not|AND|OR|NOT)\b", bare):
        return f"{words} (CEL writes && for and, || for or, ! for not)"
    if re.search(r"(?<![=!<>])=(?!=)", bare):
        return f"{words} (CEL compares with ==)"
    if bare.count("'") % 2 or '"' in bare:
        return f"{words} (a text is not closed)"
    return words


@lru_cache(maxsize=4096)
def paths_in(text: str) -> frozenset[str]:
    """Dotted paths that a condition reads, e.g. {"traffic.share.ratio", "inputs.org_id"}; used to find its steps."""
    bare = _STRINGS.sub("''", text)
    found = set()
    for match in _NAMES.finditer(bare):
        root, rest = match.group(1), match.group(2)
        if root in _WORDS or root in FUNCTIONS:
            continue
        after = bare[match.end() :].lstrip()[:1]
        found.add(root + (rest.rpartition(".")[0] if after == "(" else rest))
    return frozenset(path for path in found if path)


_CALLS: Final = re.compile(r"(\.?)\s*\b([A-Za-z_]\w*)\s*\(")


@lru_cache(maxsize=4096)
def calls_in(text: str) -> frozenset[tuple[str, bool]]:
    """(name, whether it is called on a value) of every function that an expression calls."""
    return frozenset((name, bool(dot)) for dot, name in _CALLS.findall(_STRINGS.sub("''", text)) if name != "in")


_FACT: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_MIXED: Final = re.compile(
    rf"(?<![\w.)\]])({_FACT}\s*[-+*/%]\s*\d+)(?![\w.])|(?<![\w.])(\d+\s*[-+*/%]\s*{_FACT})(?!\s*[\w.(\[])"
)


@lru_cache(maxsize=4096)
def mixed_arithmetic(text: str) -> str:
    """The part that computes with a fact (a float) and a whole number, which CEL never answers; "" when none does."""
    match = _MIXED.search(_STRINGS.sub("''", text))
    return (match.group(1) or match.group(2)) if match else ""


def roots_in(text: str) -> frozenset[str]:
    """First names of the paths: step ids, `inputs`, `customer`, `ticket`, and macro variables."""
    return frozenset(path.partition(".")[0] for path in paths_in(text))


_SERIES: Final = "series"


_Branches = dict[str, Any]
"""Names below names; a name without branches is read as a whole."""


@lru_cache(maxsize=4096)
def _branches(text: str) -> _Branches:
    """What an expression reads."""
    found: _Branches = {}
    # Shorter paths last: what is read as a whole is not read in parts.
    for path in sorted(paths_in(text), key=lambda path: -path.count(".")):
        at = found
        *above, last = path.split(".")
        for name in above:
            at = at.setdefault(name, {})
        at[last] = {}
    return found


def _wanted(text: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Only the branches that are read: handing CEL all facts of a run costs milliseconds a condition."""
    keeps_series = _SERIES in text

    def part(value: Any, branches: _Branches) -> Any:
        if branches and isinstance(value, Mapping):
            return {name: part(value[name], below) for name, below in branches.items() if name in value}
        return value if keeps_series else _without_series(value)

    return {name: part(names[name], below) for name, below in _branches(text).items() if name in names}


def _without_series(value: Any) -> Any:
    """Without the points of the sparklines, most of the numbers in a run's facts, which no condition reads."""
    if isinstance(value, dict):
        return {key: _without_series(item) for key, item in value.items() if key != _SERIES}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_without_series(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that could not be computed, with the name that was missing."""

    missing: str


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression over `names`, or Unknown. ConditionInvalid when it is no expression."""
    program = compile_condition(text)
    context = cel.Context()
    context.update(_wanted(text, names))
    for name, function in FUNCTIONS.items():
        context.add_function(name, function)
    try:
        value = program.execute(context)
    except KeyError as missing:
        return Unknown(str(missing).strip("'\""))
    except (IndexError, ZeroDivisionError):
        return Unknown("a value")
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        # Comparing with null, an undefined step, an overload that a missing value has no form for.
        return Unknown(str(error).splitlines()[0][:120])
    return Unknown("a value") if value is None else value


def check(text: str, names: Mapping[str, Any]) -> Truth:
    """Evaluate a condition to yes, no or unknown; a value that is not a bool is unknown."""
    value = evaluate(text, names)
    if value is True:
        return Truth.YES
    if value is False:
        return Truth.NO
    return Truth.UNKNOWN
