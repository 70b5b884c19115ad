"""Small changes of a playbook's weights that may bring a cause to the top, out of how one run was weighed.

One notch of one signal: up for what spoke for the cause that it was, down for what spoke for the one that was said
instead, and the price of what spoke against either. Nothing is invented: only signals that the playbook has, and only
those that this run has answered. Whether a change holds is for the caller to weigh anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from investigations.diagnosis.scoring import MAX_SCALE, Scored, Weighed
from investigations.playbooks.conditions import Truth
from investigations.playbooks.parts import WEIGHTS, weight_of
from investigations.playbooks.reweighing import Edit, Side, notch_down, notch_up

#: Changes of one weight, and of two, that are tried for one correction.
MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Repair:
    """One or two edits. `gain`: by how much the log-odds of the cause come nearer to those of its rival, at most."""

    edits: tuple[Edit, ...]
    gain: float

    @property
    def size(self) -> float:
        return sum(edit.size for edit in self.edits)


def single_repairs(scored: Sequence[Scored], *, said: str, found: str) -> list[Repair]:
    """Changes of one weight for a run that was to end in `found` and said `said`, the least first; at most MOST."""
    by_label = {item.hypothesis.label: item for item in scored}
    singles: list[Repair] = []
    if found in by_label:
        singles += _raised(by_label[found])
    if said in by_label and said != found:
        singles += _lowered(by_label[said])
    return sorted(singles, key=lambda repair: round(repair.size, 6))[:MOST]


def paired_repairs(singles: Sequence[Repair], scored: Sequence[Scored], *, said: str, found: str) -> list[Repair]:
    """Changes of two weights that could close the gap, the least first; with the singles at most MOST.

    A pair that gains less than what `said` leads by cannot suffice and is not tried.
    """
    logits = {item.hypothesis.label: item.logit for item in scored}
    gap = logits.get(said, 0.0) - logits.get(found, 0.0)
    pairs = [
        Repair((*one.edits, *other.edits), one.gain + other.gain)
        for one, other in combinations(singles, 2)
        if one.gain + other.gain >= gap and not _same_signal(one.edits[0], other.edits[0])
    ]
    return sorted(pairs, key=lambda repair: round(repair.size, 6))[: max(0, MOST - len(singles))]


def _raised(item: Scored) -> Iterator[Repair]:
    """What speaks for the cause speaks louder; what speaks against it, more softly."""
    for at, weighed in enumerate(item.weighed):
        signal = weighed.signal
        if weighed.truth is Truth.YES and signal.when_true > 0:
            yield from _repair(item, at, "for", notch_up(signal.for_))
        elif weighed.truth is Truth.NO and signal.when_false < 0:
            yield from _repair(item, at, "against", notch_down(signal.against))


def _lowered(item: Scored) -> Iterator[Repair]:
    for at, weighed in enumerate(item.weighed):
        signal = weighed.signal
        if weighed.truth is Truth.YES and signal.when_true > 0:
            yield from _repair(item, at, "for", notch_down(signal.for_))
        elif weighed.truth is Truth.NO and signal.when_true >= 0 and weight_of(signal.against) >= 0:
            yield from _repair(item, at, "against", notch_up(signal.against))


def _repair(item: Scored, at: int, side: Side, after: str | None) -> Iterator[Repair]:
    if after is None:
        return
    weighed = item.weighed[at]
    before = weighed.signal.for_ if side == "for" else weighed.signal.against
    edit = Edit(item.hypothesis.label, at, weighed.signal.when, side, before, after)
    yield Repair((edit,), abs(WEIGHTS[after] - weight_of(before)) * _scale_of(weighed))


def _scale_of(weighed: Weighed) -> float:
    """What the signal's weight was multiplied by; where its effect does not tell, the most that it may be."""
    if weighed.signal.scale is None:
        return 1.0
    weight = weighed.signal.when_true if weighed.truth is Truth.YES else weighed.signal.when_false
    return weighed.effect / weight if weight else MAX_SCALE


def _same_signal(one: Edit, other: Edit) -> bool:
    return (one.label, one.signal) == (other.label, other.signal)
