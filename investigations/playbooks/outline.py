"""What a file means, read as far as it can be read: steps and hypotheses with their lines, valid or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from investigations.playbooks.parts import WEIGHTS
from investigations.playbooks.reading import line_of


@dataclass(frozen=True, slots=True)
class StepLine:
    line: int
    id: str
    title: str
    source: str
    asks: str  # question of the step
    gates: str  # "reply, escalation"
    abnormal: str  # the condition, "" where it has none


@dataclass(frozen=True, slots=True)
class SignalLine:
    line: int
    says: str
    when: str
    weight: str  # in a word: "strong", "3.2: between strong and decisive", "against: weak"
    against: str
    is_decisive: bool


@dataclass(frozen=True, slots=True)
class HypothesisLine:
    line: int
    label: str
    title: str
    severity: str
    signals: tuple[SignalLine, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    key: str
    title: str
    incident_class: str
    steps: tuple[StepLine, ...]
    hypotheses: tuple[HypothesisLine, ...]
    tests: int


def outline_of(tree: Any) -> Outline:
    """Of the round-trip tree. What has another shape than it should is left out."""
    root = tree if isinstance(tree, Mapping) else {}
    return Outline(
        key=_text(root.get("key")),
        title=_text(root.get("title")),
        incident_class=_text(root.get("class")),
        steps=tuple(
            StepLine(line_of(tree, ("steps", at)), _text(step.get("id")), _text(step.get("title")),
                     _text(step.get("source")), _text(step.get("question")), _joined(step.get("required_before")),
                     _abnormal(step))
            for at, step in _mappings(root.get("steps"))
        ),
        hypotheses=tuple(_hypothesis(tree, at, item) for at, item in _mappings(root.get("hypotheses"))),
        tests=len(root["tests"]) if isinstance(root.get("tests"), list) else 0,
    )  # fmt: skip


def weight_in_words(weight: Any) -> str:
    """A word of the format as it is; a number with the words it lies between; "" for none."""
    if isinstance(weight, str):
        return weight
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight == 0:
        return ""
    size = abs(float(weight))
    ranked = sorted(WEIGHTS.items(), key=lambda item: item[1])
    same = next((word for word, value in ranked if value == size), "")
    below = next((word for word, value in reversed(ranked) if value < size), "")
    above = next((word for word, value in ranked if value > size), "")
    near = same or (
        f"between {below} and {above}" if below and above else f"{'above' if below else 'below'} {below or above}"
    )
    return f"{float(weight):g}: {near}{', against it' if weight < 0 else ''}"


def _hypothesis(tree: Any, at: int, item: Mapping[str, Any]) -> HypothesisLine:
    escalation = item.get("escalation")
    return HypothesisLine(
        line=line_of(tree, ("hypotheses", at)),
        label=_text(item.get("label")),
        title=_text(item.get("title")),
        severity=_text(escalation.get("severity")) if isinstance(escalation, Mapping) else "",
        signals=tuple(
            SignalLine(
                line=line_of(tree, ("hypotheses", at, "signals", number)),
                says=_text(signal.get("says")),
                when=_text(signal.get("when")),
                weight=weight_in_words(signal.get("for")),
                against=weight_in_words(signal.get("against")),
                is_decisive=signal.get("decisive") is True,
            )
            for number, signal in _mappings(item.get("signals"))
        ),
    )


def _abnormal(step: Mapping[str, Any]) -> str:
    verdict = step.get("verdict")
    return _text(verdict.get("abnormal")) if isinstance(verdict, Mapping) else ""


def _mappings(node: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for at, item in enumerate(node if isinstance(node, list) else []):
        if isinstance(item, Mapping):
            yield at, item


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, list | Mapping) else str(value)[:300]


def _joined(value: Any) -> str:
    return ", ".join(map(_text, value)) if isinstance(value, list) else ""
