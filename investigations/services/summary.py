"""A diagnosis in five lines: cause, scope, since when, what it is not, what to do. Sidebar and note show these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from altor.words import duration
from investigations.diagnosis.diagnose import band
from investigations.diagnosis.texts import since
from investigations.models import Investigation, StepResult

#: How sources are called where people read them.
_NAMES: Final = {
    "clickhouse": "ClickHouse", "github": "GitHub", "linear": "Linear", "stripe": "Stripe", "statuspage": "Status page",
    "knowledge": "Knowledge base",
}  # fmt: skip
_UNTOLD: Final = frozenset({"manual", "computed", ""})
#: Characters of a line; what is longer is cut at a word.
LONGEST: Final = 240


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """`evidence` are references (E3) of what proves the line, at most three; empty where nothing is claimed."""

    key: str  # cause, scope, since, not, next
    lead: str  # "Cause"
    text: str
    evidence: tuple[str, ...] = ()
    confidence: float | None = None  # of the cause; 0 to 1

    @property
    def band(self) -> str:
        return band(self.confidence) if self.confidence is not None else ""


def five_lines(run: Investigation) -> list[SummaryLine]:
    """Always five, in this order; what is not known says so. [] for a run without a diagnosis. Queries nothing."""
    document = run.diagnosis
    if not document or not document.get("candidates"):
        return []
    top = document["candidates"][0]
    proof = document.get("rests_on") or {}
    cause = proof.get("cause") or [why["evidence"] for why in top.get("why") or () if why.get("evidence")]
    excluded = list(document.get("ruled_out") or [])
    shown = proof.get("ruled_out") or [[] for _ in excluded]
    return [
        SummaryLine("cause", "Cause", _cut(str(top.get("title") or top["label"])), _refs(cause), _sure(top)),
        SummaryLine("scope", "Scope", _scope(document), _refs(proof.get("scope") or ())),
        SummaryLine("since", "Since", _since(document), _refs(proof.get("since") or ())),
        SummaryLine("not", "It is not", _not(document, excluded), _refs(ref for refs in shown[:2] for ref in refs[:2])),
        SummaryLine("next", "Next", _next(document), _refs(proof.get("next") or ())),
    ]


def checked_line(run: Investigation, steps: Sequence[StepResult]) -> tuple[str, list[str]]:
    """("9 checks, 4 systems, 3.1 s; not checked: GitHub", ["GitHub"]). `steps` are the run's. Queries nothing."""
    ended = [step for step in steps if step.status == StepResult.Status.DONE and step.source not in _UNTOLD]
    away = [step.source for step in steps if step.status == StepResult.Status.UNAVAILABLE]
    systems = {step.source for step in ended}
    parts = [_count(len(ended), "check"), _count(len(systems), "system")]
    if run.seconds is not None:
        parts.append(duration(run.seconds))
    missing = [source_title(name) for name in dict.fromkeys(away) if name not in _UNTOLD]
    return ", ".join(parts) + (f"; not checked: {', '.join(missing)}" if missing else ""), missing


def source_title(source: str) -> str:
    return _NAMES.get(source, source.replace("_", " ").capitalize())


def scope_words(scope: Mapping[str, Any]) -> str:
    """The scope of a diagnosis for people: "All customers", "Endpoint GET /v2/orders"."""
    kind, value = str(scope.get("kind") or ""), scope.get("value")
    match kind:
        case "all":
            return "All customers"
        case "customer":
            return f"This customer only ({value})" if value else "This customer only"
        case "" | "none":
            return "Not established"
        case _:
            return f"{kind.replace('_', ' ').capitalize()} {value}" if value else kind.replace("_", " ").capitalize()


def _sure(candidate: Mapping[str, Any]) -> float | None:
    value = candidate.get("confidence")
    return float(value) if isinstance(value, int | float) else None


def _since(document: Mapping[str, Any]) -> str:
    return (since(document) if document.get("onset") else None) or "Not established"


def _scope(document: Mapping[str, Any]) -> str:
    scope = document.get("scope") or {}
    words, others = scope_words(scope), (document.get("affected") or {}).get("total")
    if others and scope.get("kind") == "customer":
        # "Only" is said of the cause; that others show the symptom for causes of their own stands beside it.
        words = words.replace("This customer only", "This customer", 1)
    if others:
        words += f"; {_count(others, 'other customer')} {'shows' if others == 1 else 'show'} the symptom too"
    return _cut(words)


def _not(document: Mapping[str, Any], excluded: Sequence[str]) -> str:
    if excluded:
        return _cut(" ".join(f"{text.rstrip('.')}." for text in excluded[:2]))
    missing = document.get("missing") or []
    return "Nothing is excluded yet" + (": not everything could be checked" if missing else "")


def _next(document: Mapping[str, Any]) -> str:
    steps = document.get("next_steps") or []
    if document.get("escalate"):
        severity = document.get("severity") or ""
        return _cut(f"Escalate {severity}".strip() + (f": {steps[0]}" if steps else ""))
    return _cut(steps[0]) if steps else "Nothing further is proposed"


def _refs(refs: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref for ref in refs if ref))[:3]


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
