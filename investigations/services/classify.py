"""Which incident class a ticket speaks of, by the playbooks' `match` rules: never a guess, always with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from investigations.intake.typos import WORD, begins_like, resembles
from investigations.playbooks.format import MatchRule, Playbook

_READ_WORDS: Final = 4000
#: Each further phrase of the same rule adds this part of its weight.
_MORE: Final = 0.25
_MOST_MORE: Final = 4
#: What stands in the subject is what the ticket is about.
_SUBJECT: Final = 1.3
#: A mistyped word is a little less certain.
_MISTYPED: Final = 0.9
#: People say at the beginning what is wrong. Far below stand quoted mails, signatures and disclaimers ("if you received
#: this in error"): of words that are found only there, this part of the weight is left.
_BEGINNING: Final = 60
_FAR_BELOW: Final = 0.6
#: Between classes with the same score the more specific complaint wins; classes not named here come last, by name.
PRIORITY: Final = ("rate_limit", "webhook", "billing", "api_error", "latency")


@dataclass(frozen=True, slots=True)
class Classification:
    """`incident_class` is "" when nothing speaks for any class. `scores` per class; `reasons` are sentences."""

    incident_class: str
    playbook_key: str
    scores: dict[str, float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    playbooks: dict[str, float] = field(default_factory=dict)  # score per playbook: two may serve one class

    def as_dict(self) -> dict[str, Any]:
        """The shape of Ticket.class_why."""
        return {
            "how": "rules" if self.incident_class else "none",
            "playbook": self.playbook_key,
            "playbooks": self.playbooks,
            "reasons": self.reasons,
            "scores": self.scores,
        }


@dataclass(frozen=True, slots=True)
class _Hit:
    phrase: str
    words: str  # as written
    exact: bool
    in_subject: bool
    at_beginning: bool = True

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        return self.exact, self.in_subject, self.at_beginning


class _Words:
    """The ticket's words; `find` remembers nothing but is cheap: few phrases, few thousand words."""

    def __init__(self, subject: str, description: str, known: frozenset[str] = frozenset()) -> None:
        self.known = known
        first, rest = _tokens(subject), _tokens(description)
        self.words = (first + rest)[:_READ_WORDS]
        self.subject_length = len(first)
        # By first letter: a mistyped word keeps its first letter, or swaps it with the second.
        self.places: dict[str, dict[str, list[int]]] = {}
        for place, word in enumerate(self.words):
            self.places.setdefault(word[0], {}).setdefault(word, []).append(place)

    def find(self, phrase: str) -> _Hit | None:
        """The best place of the phrase: exact before mistyped, subject before description, beginning before end."""
        *wanted, last = _tokens(phrase.rstrip("*"), keep=True) or [""]
        if not last:
            return None
        is_prefix = phrase.endswith("*")
        best: _Hit | None = None
        first = wanted[0] if wanted else last
        letters = dict.fromkeys(first[:2])
        for word, places in ((word, places) for a in letters for word, places in self.places.get(a, {}).items()):
            if not self._fits(word, first, prefix=is_prefix and not wanted):
                continue
            for place in places[:50]:
                hit = self._at(place, [*wanted, last], is_prefix, phrase)
                if hit and (best is None or hit.rank > best.rank):
                    best = hit
        return best

    def _at(self, place: int, wanted: Sequence[str], is_prefix: bool, phrase: str) -> _Hit | None:
        here = self.words[place : place + len(wanted)]
        if len(here) < len(wanted) or (place < self.subject_length < place + len(wanted)):
            return None
        for n, (word, want) in enumerate(zip(here, wanted, strict=True)):
            if not self._fits(word, want, prefix=is_prefix and n == len(wanted) - 1):
                return None
        plain = all(word == want for word, want in zip(here[:-1], wanted[:-1], strict=True))
        plain = plain and (here[-1].startswith(wanted[-1]) if is_prefix else here[-1] == wanted[-1])
        end = place + len(wanted)
        return _Hit(phrase, " ".join(here), plain, end <= self.subject_length, place < self.subject_length + _BEGINNING)

    def _fits(self, word: str, wanted: str, *, prefix: bool) -> bool:
        if word == wanted or (prefix and word.startswith(wanted)):
            return True
        # A word that some rule asks for means itself: "charge" is no mistyped "charger".
        if word in self.known:
            return False
        return begins_like(word, wanted) if prefix else resembles(word, wanted)


def _tokens(text: str, *, keep: bool = False) -> list[str]:
    return [match.group().lower() for match in WORD.finditer(text if keep else text[:60_000])]


@lru_cache(maxsize=2000)
def _single(phrase: str) -> str:
    """The phrase when it is one whole word, else ""."""
    words = _tokens(phrase, keep=True)
    return words[0] if len(words) == 1 else ""


def classify_text(
    subject: str,
    description: str,
    tags: Iterable[str],
    playbooks: Iterable[Playbook],
    *,
    fields: Mapping[str, str] | None = None,
) -> Classification:
    """Score every playbook's rules against the ticket. `fields` are further ticket fields that rules may ask for."""
    books = list(playbooks)
    known = frozenset(_single(phrase) for book in books for rule in book.match for phrase in rule.words)
    words = _Words(subject, description, known)
    tag_names = frozenset(tag.strip().lower() for tag in tags)
    given = {name: value.strip().lower() for name, value in (fields or {}).items()}
    scores: dict[str, float] = {}
    winners: dict[str, tuple[float, str]] = {}
    reasons: dict[str, list[str]] = {}
    by_playbook: dict[str, float] = {}
    for playbook in books:
        score, why = _score(playbook.match, words, tag_names, given)
        by_playbook[playbook.key] = round(score, 2)
        if score <= 0:
            continue
        name = playbook.incident_class
        if score > winners.get(name, (0.0, ""))[0]:
            winners[name], reasons[name] = (score, playbook.key), why
            scores[name] = round(score, 2)
    if not scores:
        nothing = ["No words, tags or fields of any playbook were found in the ticket."]
        return Classification("", "", {}, nothing, by_playbook)
    ranked = sorted(
        scores, key=lambda name: (-scores[name], PRIORITY.index(name) if name in PRIORITY else len(PRIORITY), name)
    )
    told = list(reasons[ranked[0]])
    if len(ranked) > 1:
        told.append(_against(ranked[0], ranked[1], scores))
    return Classification(ranked[0], winners[ranked[0]][1], {name: scores[name] for name in ranked}, told, by_playbook)


def _against(first: str, second: str, scores: Mapping[str, float]) -> str:
    if scores[first] == scores[second]:
        return f"As much speaks for {second}; {first} is the more specific complaint."
    return f"Less speaks for {second} ({scores[second]:g} against {scores[first]:g})."


def _score(
    rules: Iterable[MatchRule], words: _Words, tags: frozenset[str], fields: Mapping[str, str]
) -> tuple[float, list[str]]:
    total, reasons = 0.0, []
    for rule in rules:
        if any(fields.get(name, "") != value.strip().lower() for name, value in rule.fields.items()):
            continue
        if any(words.find(phrase) for phrase in rule.unless):
            continue
        hits = [hit for phrase in rule.words if (hit := words.find(phrase))]
        found_tags = sorted(tags & {tag.lower() for tag in rule.tags})
        if not hits and not found_tags and (rule.words or rule.tags):
            continue
        strength = 1 + _MORE * min(max(len({hit.words for hit in hits}) + len(found_tags) - 1, 0), _MOST_MORE)
        if any(hit.in_subject for hit in hits):
            strength *= _SUBJECT
        if hits and not found_tags and not any(hit.exact for hit in hits):
            strength *= _MISTYPED
        if hits and not found_tags and not any(hit.at_beginning for hit in hits):
            strength *= _FAR_BELOW
        total += rule.weight * strength
        reasons += [_reason(hit) for hit in hits[:6]] + [f"Tag {tag!r}." for tag in found_tags]
        reasons += [f"Field {name} is {value!r}." for name, value in rule.fields.items()]
    return total, list(dict.fromkeys(reasons))[:12]


def _reason(hit: _Hit) -> str:
    where = "subject" if hit.in_subject else "text" if hit.at_beginning else "text far below"
    meant = "" if hit.exact else f", read as {hit.phrase.rstrip('*')!r}"
    return f"The {where} says {hit.words!r}{meant}."
