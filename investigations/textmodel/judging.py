"""Whether the model helps: the first look with it against the first look without it, on newer tickets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from investigations.diagnosis.types import RunInputs
from investigations.engine.triage import decide
from investigations.playbooks.format import TRIAGE, Playbook
from investigations.textmodel.model import NONE, Reading
from investigations.textmodel.training import LEAST_OF_CLASS, Sample, learn

#: The newest tickets are held back: this part of all, at most so many.
HELD_PART: Final = 0.3
MOST_HELD: Final = 2_000
#: Fewer say nothing.
LEAST_LEARNED: Final = 80
LEAST_HELD: Final = 40
#: One-sided: so often would chance alone favour the model as clearly.
CHANCE: Final = 0.05
#: A class of so many held-back tickets may not lose a larger part of them than this.
_LEAST_TO_GUARD: Final = 10
_MOST_LOST: Final = 0.1


@dataclass(frozen=True, slots=True)
class OfClass:
    """`learned` tickets, and of the `held` ones how many come out right by rules, and by rules and model."""

    learned: int
    held: int
    by_rules: int
    with_model: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`only_model`, `only_rules`: held-back tickets that one alone got right; `chance` 0 to 1 (exact McNemar test)."""

    learned: int
    held: int
    by_rules: int
    with_model: int
    only_model: int
    only_rules: int
    chance: float
    is_better: bool
    why: str
    classes: dict[str, OfClass]

    def figures(self) -> dict[str, Any]:
        return asdict(self)


def split(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """(learned from, held back), in the order of time: a model that has seen the future tells nothing."""
    ordered = sorted(samples, key=lambda sample: (sample.at, sample.ref))
    held = min(round(len(ordered) * HELD_PART), MOST_HELD)
    return ordered[: len(ordered) - held], ordered[len(ordered) - held :]


def judge(samples: Sequence[Sample], triage: Playbook) -> Verdict:
    """Learn from the older tickets and count on the newer ones. The traffic is left out: words against words."""
    older, newer = split(samples)
    learned = Counter(sample.label for sample in older)
    if len(older) < LEAST_LEARNED or len(newer) < LEAST_HELD:
        need = math.ceil(max(LEAST_LEARNED / (1 - HELD_PART), LEAST_HELD / HELD_PART))
        why = f"{len(samples)} tickets with a known class; {need} are needed to learn from and to judge on"
        return _nothing(older, newer, learned, why)
    model = learn(older)
    if model is None:
        return _nothing(
            older, newer, learned, f"there are no two classes of at least {LEAST_OF_CLASS} tickets to learn"
        )
    right: dict[str, list[tuple[bool, bool]]] = {}
    for sample in newer:
        rules = _goes_to(triage, sample, None) == sample.label
        both = _goes_to(triage, sample, model.read(sample.words)) == sample.label
        right.setdefault(sample.label, []).append((rules, both))
    pairs = [pair for one in right.values() for pair in one]
    only_model, only_rules = pairs.count((False, True)), pairs.count((True, False))
    chance = by_chance(only_model, only_rules)
    classes = {
        label: OfClass(learned[label], len(one), sum(rules for rules, _ in one), sum(both for _, both in one))
        for label in sorted({*learned, *right})
        for one in [right.get(label, [])]
    }
    is_better, why = _decided(only_model, only_rules, chance, len(newer), classes)
    by_rules, with_model = sum(rules for rules, _ in pairs), sum(both for _, both in pairs)
    return Verdict(
        len(older), len(newer), by_rules, with_model, only_model, only_rules, chance, is_better, why, classes
    )


def by_chance(for_it: int, against_it: int) -> float:
    """Exact one-sided McNemar test: how often a fair coin falls `for_it` times or more in all their throws."""
    thrown = for_it + against_it
    ways: int = sum(math.comb(thrown, k) for k in range(for_it, thrown + 1))
    return ways / (1 << thrown)


def _decided(
    only_model: int, only_rules: int, chance: float, held: int, classes: Mapping[str, OfClass]
) -> tuple[bool, str]:
    told = f"of {held} newer tickets it mends {only_model} and spoils {only_rules}"
    if not only_model and not only_rules:
        return False, f"it changes nothing: {told}. Does the first look in force read ticket.model?"
    if only_model <= only_rules:
        return False, f"it is not better than the rules: {told}"
    if chance > CHANCE:
        return False, f"it may be better by chance alone: {told} (chance {chance:.2f}, at most {CHANCE:g})"
    for label, one in classes.items():
        lost = one.by_rules - one.with_model
        if one.held >= _LEAST_TO_GUARD and lost > _MOST_LOST * one.held:
            return (
                False,
                f"{told}, but of the {one.held} tickets of {label!r} {one.with_model} are right, {one.by_rules} before",
            )
    return True, told


def _goes_to(triage: Playbook, sample: Sample, reading: Reading | None) -> str:
    ticket: dict[str, Any] = {"text": " ".join(sample.words), "fits": sample.fits}
    if reading is not None:
        ticket |= as_ticket_facts(reading.probabilities, reading.words)
    values = {"window_misses": False, "opened_at": sample.at.isoformat()}
    key = decide(triage, RunInputs(sample.at, ticket, {}, values, {}), {}).playbook_key
    return NONE if key == TRIAGE else key


def as_ticket_facts(probabilities: Mapping[str, float], words: Mapping[str, str]) -> dict[str, Any]:
    """The names under which a playbook reads it: `ticket.model.<key>`, `ticket.model_words.<key>`."""
    return {"model": dict(probabilities), "model_words": dict(words)}


def _nothing(older: Sequence[Sample], newer: Sequence[Sample], learned: Counter[str], why: str) -> Verdict:
    held = Counter(sample.label for sample in newer)
    classes = {label: OfClass(learned[label], held[label], 0, 0) for label in sorted({*learned, *held})}
    return Verdict(len(older), len(newer), 0, 0, 0, 0, 1.0, False, why, classes)
