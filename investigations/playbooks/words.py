"""The words a playbook may use, each with what it means: the help beside the editor.

Made from what checks the files (the format's models, the vocabulary, the sources' operations), so that it cannot tell
of a word that is refused, or be silent about one that is not.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from altor.registry import parts
from investigations.diagnosis.texts import FORMATS
from investigations.playbooks import format as playbook_format
from investigations.playbooks import vocabulary
from investigations.playbooks.conditions import FUNCTIONS
from investigations.playbooks.measuring import Measure
from investigations.playbooks.parts import WEIGHTS
from investigations.sources.clickhouse.views import view_columns


@dataclass(frozen=True, slots=True)
class Word:
    group: str
    name: str
    means: str
    more: str = ""  # its facts, parameters, columns


_PARTS: dict[str, type[BaseModel]] = {
    "Playbook": playbook_format.Playbook,
    "match": playbook_format.MatchRule,
    "inputs": playbook_format.InputSpec,
    "limits": playbook_format.Limits,
    "steps": playbook_format.Step,
    "steps: verdict": playbook_format.VerdictSpec,
    "steps: evidence": playbook_format.EvidenceSpec,
    "steps: manual": playbook_format.ManualSpec,
    "symptom": playbook_format.SymptomSpec,
    "hypotheses": playbook_format.Hypothesis,
    "hypotheses: signals": playbook_format.SignalSpec,
    "hypotheses: culprit": playbook_format.CulpritSpec,
    "hypotheses: scope": playbook_format.ScopeSpec,
    "hypotheses: escalation": playbook_format.EscalationSpec,
    "hypotheses: reply": playbook_format.ReplySpec,
    "ruled_out": playbook_format.RuledOut,
    "contradictions": playbook_format.Contradiction,
    "earlier": playbook_format.Earlier,
    "earlier: outbreak": playbook_format.Outbreak,
    "tests": playbook_format.PlaybookTest,
    "tests: expect": playbook_format.Expectation,
}


@lru_cache(maxsize=1)
def all_words() -> tuple[Word, ...]:
    """In the order in which they are shown."""
    return (
        *_weights(), *_views(), *_measures(), *_functions(), *_known(), *_formats(), *_operations(), *_kinds(),
        *_keys(),
    )  # fmt: skip


def find_words(query: str) -> list[tuple[str, list[Word]]]:
    """Words whose group, name or meaning holds every part of the query, by group; all for an empty one."""
    wanted = query.lower().split()
    groups: dict[str, list[Word]] = {}
    for word in all_words():
        said = f"{word.group} {word.name} {word.means} {word.more}".lower()
        if all(part in said for part in wanted):
            groups.setdefault(word.group, []).append(word)
    return list(groups.items())


def _weights() -> Iterator[Word]:
    for word, value in WEIGHTS.items():
        yield Word("Weights of signals", word, f"{value:g} in log-odds; with a minus, as a number, it speaks against")


def _views() -> Iterator[Word]:
    for name, columns in view_columns().items():
        yield Word("Views a query reads", name, "restricted to the window, and to the customer unless fence: everyone",
                   ", ".join(columns))  # fmt: skip
    for name, means in (
        ("{tenant:String}", "the ticket's customer"),
        ("{window_start:DateTime64(6)}", "start of the window"),
        ("{window_end:DateTime64(6)}", "end of the window"),
        ("{name:Type}", "a value named under params"),
    ):
        yield Word("Views a query reads", name, means)


def _measures() -> Iterator[Word]:
    for model in typing.get_args(typing.get_args(Measure)[0]):
        method = typing.get_args(model.model_fields["method"].annotation)[0]
        keys = ", ".join(name for name in model.model_fields if name != "method")
        facts = ", ".join(sorted(vocabulary.MEASURE_FACTS[method]))
        yield Word("Measures", method, _first_line(model), f"keys: {keys}; facts: {facts}")


def _functions() -> Iterator[Word]:
    for name, function in FUNCTIONS.items():
        yield Word("Functions of conditions", name, _first_line(function))
    for name, means in {**vocabulary.CEL_FUNCTIONS, **vocabulary.CEL_METHODS}.items():
        yield Word("Functions of conditions", name, means)


def _known() -> Iterator[Word]:
    for name, means in vocabulary.INPUTS.items():
        yield Word("What a run knows", f"inputs.{name}", means)
    for root, names in (("ticket", vocabulary.TICKET), ("customer", vocabulary.CUSTOMER)):
        for name in sorted(names):
            yield Word("What a run knows", f"{root}.{name}", name.replace("_", " "))
    for name, means in vocabulary.EARLIER.items():
        yield Word("What a run knows", f"{name} of an item of earlier", means)
    for name, means in vocabulary.DIAGNOSIS.items():
        yield Word("What a run knows", f"diagnosis.{name}", f"{means}; in a reply only")
    yield Word("What a run knows", "step.row_count, step.truncated", "of every step with an answer")


def _formats() -> Iterator[Word]:
    for name in (*FORMATS, "money"):
        yield Word("Formats in texts", f"{{expression|{name}}}", f"written as {name}")


def _operations() -> Iterator[Word]:
    for source in parts("SOURCES"):
        for operation in source().operations().values():
            fields = operation.params.model_fields
            params = ", ".join(f"{name}{' (needed)' if field.is_required() else ''}" for name, field in fields.items())
            group = f"Operations of {source.title}"
            if source.name != "clickhouse":
                yield Word(
                    group, operation.name, operation.title, f"params: {params or 'none'}; gives {operation.returns}"
                )


def _kinds() -> Iterator[Word]:
    for name, means in vocabulary.EVIDENCE_KINDS.items():
        yield Word("Kinds of evidence", name, means)
    for name in sorted(vocabulary.CULPRIT_KINDS):
        yield Word("Kinds of culprit", name, name.replace("_", " "))


def _keys() -> Iterator[Word]:
    for group, model in _PARTS.items():
        for name, field in model.model_fields.items():
            if field.description:
                yield Word(
                    f"Keys: {group}",
                    str(field.alias or name),
                    field.description,
                    "" if not field.is_required() else "needed",
                )


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
