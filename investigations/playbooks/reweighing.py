"""One weight of a signal moved by a notch: in what a playbook means, and in its file, where every other byte stays.

The scale is that of the format's words. A weight written as a number goes to the next word above or below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from investigations.playbooks.format import Playbook
from investigations.playbooks.outline import weight_in_words
from investigations.playbooks.parts import WEIGHTS, Weight, weight_of
from investigations.playbooks.reading import plain, read_nodes, read_tree

Side = Literal["for", "against"]
_SCALE: Final = tuple(sorted(WEIGHTS, key=WEIGHTS.__getitem__))


class EditRefused(ValueError):
    """The text does not hold what the edit changes; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A weight of one signal. `signal` counts from 0 within the hypothesis; `before` 0 stands for none."""

    label: str
    signal: int
    when: str
    side: Side
    before: Weight
    after: str

    @property
    def size(self) -> float:
        """How far it moves, in log-odds."""
        return abs(WEIGHTS[self.after] - abs(weight_of(self.before)))

    @property
    def before_in_words(self) -> str:
        return weight_in_words(self.before) or "nothing"

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label, "signal": self.signal, "when": self.when, "side": self.side, "before": self.before,
            "after": self.after,
        }  # fmt: skip

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Edit:
        """As `as_dict` gave it; other keys are passed over."""
        return cls(**{name: stored[name] for name in ("label", "signal", "when", "side", "before", "after")})


def notch_up(weight: Weight) -> str | None:
    """The next stronger word; None above the scale."""
    size = weight_of(weight)
    return next((word for word in _SCALE if WEIGHTS[word] > size), None)


def notch_down(weight: Weight) -> str | None:
    """The next weaker word; None below the scale: a signal that counts nothing is a removal, not a notch."""
    size = weight_of(weight)
    return next((word for word in reversed(_SCALE) if WEIGHTS[word] < size), None)


def reweighed(playbook: Playbook, edits: Sequence[Edit]) -> Playbook:
    """The playbook with other weights; its steps and facts are the same objects."""
    hypotheses = []
    for hypothesis in playbook.hypotheses:
        signals = list(hypothesis.signals)
        for edit in edits:
            if edit.label == hypothesis.label:
                field = "for_" if edit.side == "for" else "against"
                signals[edit.signal] = signals[edit.signal].model_copy(update={field: edit.after})
        hypotheses.append(hypothesis.model_copy(update={"signals": signals}))
    return playbook.model_copy(update={"hypotheses": hypotheses})


def rewritten(text: str, edits: Sequence[Edit]) -> str:
    """The file with the weights changed and every other byte as it was.

    The signal is found by its hypothesis and condition, so the text may be another than the one that the edits were
    made for. PlaybookInvalid for what is no YAML; EditRefused where the signal is gone, is there twice, or has another
    weight by now.
    """
    for edit in edits:
        text = _one(text, edit)
    return text


def _one(text: str, edit: Edit) -> str:
    before = plain(read_tree(text, "draft"))
    number, at = _place(before, edit)
    signal = before["hypotheses"][number]["signals"][at]
    if signal.get(edit.side, 0.0) != edit.before:
        raise EditRefused(f"{edit.side!r} of the signal {edit.when!r} of {edit.label} is another by now.")
    node = _item(_value(_item(_value(read_nodes(text), "hypotheses"), number), "signals"), at)
    written = next((value for key, value in node.value if key.value == edit.side), None)
    if isinstance(written, ScalarNode):
        changed = text[: written.start_mark.index] + edit.after + text[written.end_mark.index :]
    else:
        changed = _with_key(text, node, f"{edit.side}: {edit.after}")
    signal[edit.side] = edit.after
    # Whatever shape the file has: nothing leaves this function that means anything else than what was asked for.
    if plain(read_tree(changed, "draft")) != before:
        raise EditRefused(f"The signal {edit.when!r} of {edit.label} is written so that only a person can change it.")
    return changed


def _place(document: Any, edit: Edit) -> tuple[int, int]:
    """(number of the hypothesis, number of the signal) in a text's plain values."""
    found = list(_signals(document, edit))
    exact = [place for place in found if place[1] == edit.signal]
    if len(exact) == 1:
        return exact[0]
    if len(found) != 1:
        raise EditRefused(f"The signal {edit.when!r} of {edit.label} is {'there twice' if found else 'gone'}.")
    return found[0]


def _signals(document: Any, edit: Edit) -> Iterator[tuple[int, int]]:
    hypotheses = document.get("hypotheses") if isinstance(document, dict) else None
    for number, hypothesis in enumerate(hypotheses if isinstance(hypotheses, list) else []):
        if not isinstance(hypothesis, dict) or hypothesis.get("label") != edit.label:
            continue
        signals = hypothesis.get("signals")
        for at, signal in enumerate(signals if isinstance(signals, list) else []):
            if isinstance(signal, dict) and _condition(signal.get("when")) == edit.when:
                yield number, at


def _condition(value: Any) -> str:
    """As the format reads it: `when: true` is a condition too."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_key(text: str, node: MappingNode, pair: str) -> str:
    """`pair` before the key `says`, which every signal has, in the style of the mapping."""
    says = next((key for key, _ in node.value if key.value == "says"), None)
    if says is None:
        raise EditRefused("The signal has no words.")
    at = says.start_mark.index
    end = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"
    after = ", " if node.flow_style else end + " " * says.start_mark.column
    return text[:at] + pair + after + text[at:]


def _value(node: Any, name: str) -> Any:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value
    raise EditRefused(f"The text has no {name}.")


def _item(node: Any, at: int) -> MappingNode:
    found = node.value[at] if isinstance(node, SequenceNode) else None
    if isinstance(found, MappingNode):
        return found
    raise EditRefused("The text has another shape.")


__all__ = ["Edit", "EditRefused", "Side", "notch_down", "notch_up", "reweighed", "rewritten"]
