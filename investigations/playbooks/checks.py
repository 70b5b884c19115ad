"""What needs the whole file: that every step, fact, source, parameter, column and kind of evidence which is named
exists, and that nothing is read before it is there.

A misspelt name in a condition would not fail in a run; it would be unknown for ever, and its signal silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from altor.registry import parts
from investigations.diagnosis.texts import slots
from investigations.playbooks import vocabulary
from investigations.playbooks.conditions import (
    FUNCTIONS,
    ConditionInvalid,
    calls_in,
    compile_condition,
    mixed_arithmetic,
    paths_in,
)
from investigations.playbooks.format import RESERVED, TRIAGE, Playbook, Step
from investigations.playbooks.measuring import COLUMN_KEYS
from investigations.playbooks.messages import nearest
from investigations.playbooks.reading import Path
from investigations.profile import Profile
from investigations.sources.clickhouse.guard import QueryRefused, parameters_in, views_in

_TEXTS: Final = frozenset(
    {
        "summary",
        "title",
        "says",
        "says_not",
        "result",
        "observed",
        "scope",
        "next_step",
        "eta",
        "why",
        "remediation",
        "next_steps",
        "confirm",
        "ruled_out",
        "absent",
        "what",
    }
)
_CONDITIONS: Final = frozenset(
    {
        "when",
        "run_if",
        "abnormal",
        "normal",
        "gate",
        "small_when",
        "scale",
        "for_each",
        "at",
        "url",
        "verdict",
        "value",
        "id",
        "onset",
        "onset_alternatives",
        "regions",
        "services",
        "terms",
        "must",
        "opened_at",
        "since",
    }
)
_MAPPINGS: Final = frozenset({"params", "facts", "ref", "figures"})
_MACRO: Final = re.compile(r"\.(?:filter|map|exists|all|exists_one)\(\s*([A-Za-z_]\w*)\s*,")
_OF_EARLIER: Final = re.compile(r"\bearlier\.(?:filter|map|exists|all|exists_one)\(\s*([A-Za-z_]\w*)\s*,")
_STAR: Final = re.compile(r"(?i)(?:select|,)\s*(?:\w+\.)?\*")
#: As long as the database keeps them.
MAX_KIND: Final = 40
#: Words that stand where a key does in addresses.
TAKEN_KEYS: Final = frozenset({"new", "words"})
_WHOLE: Final = re.compile(r"(?<![.\w])(\d+)(?![.\w])")
#: Parameters that are bound without being named.
_GIVEN: Final = frozenset({"tenant", "window_start", "window_end"})


def problems_in(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    """(place, message) for everything that is wrong with the file as a whole."""
    if playbook.key in TAKEN_KEYS:
        yield ("key",), f"{playbook.key!r} is taken by a page of the installation: choose another key"
    yield from _names_used_twice(playbook)
    for number, step in enumerate(playbook.steps):
        yield from _order(playbook, number, step)
        yield from _asking(number, step)
        yield from _columns(number, step)
        yield from _kinds(playbook, number, step)
    for kind in playbook.evidence_kinds:
        if len(kind) > MAX_KIND:
            yield ("evidence_kinds", kind), f"at most {MAX_KIND} characters"
    yield from _hypotheses(playbook)
    yield from _contradictions(playbook)
    yield from _Expressions(playbook).problems()
    yield from _tests(playbook)


# ------------------------------------------------------------------------------------------------ names and order
def _names_used_twice(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for number, step in enumerate(playbook.steps):
        if step.id in RESERVED:
            yield ("steps", number, "id"), f"{step.id!r} is a reserved name: {', '.join(sorted(RESERVED))}"
        if step.id in seen:
            yield ("steps", number, "id"), f"the step id {step.id!r} is used twice"
        seen.add(step.id)
    labels: set[str] = set()
    for number, hypothesis in enumerate(playbook.hypotheses):
        if hypothesis.label in labels:
            yield ("hypotheses", number, "label"), f"the label {hypothesis.label!r} is used by two hypotheses"
        labels.add(hypothesis.label)
        if hypothesis.continue_with and playbook.key != TRIAGE:
            yield ("hypotheses", number, "continue_with"), f"only the playbook {TRIAGE!r} hands over to another one"


def _order(playbook: Playbook, number: int, step: Step) -> Iterator[tuple[Path, str]]:
    """Steps stand in an order in which each needs only earlier ones: then there is no circle."""
    earlier = {other.id for other in playbook.steps[:number]}
    everyone = {other.id for other in playbook.steps}
    for key in ("depends_on", "reads"):
        for index, other in enumerate(getattr(step, key)):
            place = ("steps", number, key, index)
            if other == step.id:
                yield place, f"the step {step.id!r} waits for itself"
            elif other not in everyone:
                yield place, f"there is no step {other!r}{nearest(other, everyone)}"
            elif other not in earlier:
                circle = " (it waits for this one: a circle)" if step.id in before(playbook, other) else ""
                yield place, f"{other!r} is not an earlier step: move it above {step.id!r}{circle}"


def before(playbook: Playbook, step_id: str, *, asking: bool = False) -> set[str]:
    """Steps that have ended when this one is interpreted, or with `asking` when it is asked."""
    steps = {step.id: step for step in playbook.steps}
    found: set[str] = set()
    first = steps[step_id]
    waiting = [*first.depends_on, *([] if asking else first.reads)]
    while waiting:
        name = waiting.pop()
        if name in steps and name not in found:
            found.add(name)
            waiting += [*steps[name].depends_on, *steps[name].reads]
    return found


# ------------------------------------------------------------------------------------------------ sources
def _asking(number: int, step: Step) -> Iterator[tuple[Path, str]]:
    place: Path = ("steps", number)
    sources = {source.name: source for source in parts("SOURCES")}
    if step.source == "manual":
        yield from _manual(place, step)
        return
    if step.source not in sources:
        known = ", ".join([*sources, "manual"])
        yield (
            (*place, "source"),
            f"there is no source {step.source!r}{nearest(step.source, sources)} (there are {known})",
        )
        return
    if step.manual is not None:
        yield (*place, "manual"), "only a step with `source: manual` asks a person"
    if step.source == "clickhouse":
        yield from _query(place, step)
        return
    if step.query:
        yield (*place, "query"), f"{step.source} is asked with `operation`; only clickhouse takes a query"
        return
    operations = sources[step.source]().operations()
    operation = operations.get(step.operation)
    if operation is None:
        hint = f"{nearest(step.operation, operations)} (it has {', '.join(operations)})"
        yield (*place, "operation"), f"{step.source} has no operation {step.operation!r}{hint}"
        return
    fields = operation.params.model_fields
    for name in step.params:
        if name not in fields:
            hint = f"{nearest(name, fields)} (it has {', '.join(fields) or 'none'})"
            yield (*place, "params", name), f"{step.source} {step.operation} has no parameter {name!r}{hint}"
    for name, field in fields.items():
        if field.is_required() and name not in step.params:
            yield (*place, "operation"), f"{step.source} {step.operation} needs the parameter {name!r} under params"
    yield from _optional(place, step)


def _manual(place: Path, step: Step) -> Iterator[tuple[Path, str]]:
    for key in ("query", "operation", "params", "measure", "evidence", "run_if"):
        if getattr(step, key):
            yield (*place, key), "a manual step asks a person only; its answer is the fact `answer`"
    if step.manual is None:
        return
    if step.manual.answer == "choice" and len(step.manual.choices) < 2:
        yield (*place, "manual"), "a `choice` needs `choices`, at least two"
    if step.manual.answer != "choice" and step.manual.choices:
        yield (*place, "manual", "choices"), "choices need `answer: choice`"


def _query(place: Path, step: Step) -> Iterator[tuple[Path, str]]:
    if not step.query:
        yield (*place, "operation"), "clickhouse is asked with `query`"
        return
    try:
        views_in(step.query)
        wanted = set(parameters_in(step.query))
    except QueryRefused as refused:
        yield (*place, "query"), str(refused)
        return
    missing = sorted(wanted - _GIVEN - set(step.params))
    if missing:
        yield (*place, "query"), f"no value for the parameter {', '.join(missing)}: name it under params"
    for name in step.params:
        if name not in wanted and name not in _GIVEN:
            yield (*place, "params", name), f"the query has no {{{name}:Type}}{nearest(name, wanted)}"
    yield from _optional(place, step)


def _optional(place: Path, step: Step) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(step.optional_params):
        if name not in step.params:
            yield (*place, "optional_params", index), f"there is no parameter {name!r}{nearest(name, step.params)}"


def _columns(number: int, step: Step) -> Iterator[tuple[Path, str]]:
    """Columns that a measure names and the query never mentions."""
    if not step.query or _STAR.search(step.query):
        return
    words = set(re.findall(r"[A-Za-z_]\w*", step.query))
    for name, measure in step.measure.items():
        place: Path = ("steps", number, "measure", name)
        if measure.method in ("deployments", "incidents", "issues", "billing"):
            yield (*place, "method"), f"{measure.method} does not measure the rows of a query"
            continue
        named = {key: getattr(measure, key) for key in COLUMN_KEYS & set(type(measure).model_fields)}
        for key, column in sorted(named.items()):
            if column and column not in words:
                yield (*place, key), f"the query has no column {column!r}{nearest(column, words)}"
        for column in getattr(measure, "where", {}):
            if column not in words:
                yield (*place, "where", column), f"the query has no column {column!r}{nearest(column, words)}"


# ------------------------------------------------------------------------------------------------ kinds
def _kinds(playbook: Playbook, number: int, step: Step) -> Iterator[tuple[Path, str]]:
    known = {*vocabulary.EVIDENCE_KINDS, *playbook.evidence_kinds}
    for index, spec in enumerate(step.evidence):
        if spec.kind not in known:
            hint = nearest(spec.kind, known) or "; name it under `evidence_kinds` if it is your own"
            yield ("steps", number, "evidence", index, "kind"), f"there is no kind of evidence {spec.kind!r}{hint}"


def _contradictions(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    labels = {hypothesis.label for hypothesis in playbook.hypotheses}
    for number, item in enumerate(playbook.contradictions):
        for index, label in enumerate(item.labels):
            if label not in labels:
                place = ("contradictions", number, "labels", index)
                yield place, f"there is no hypothesis {label!r}{nearest(label, labels)}"


def _hypotheses(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    yielded = {spec.kind for step in playbook.steps for spec in step.evidence}
    yielded |= {"manual"} if any(step.source == "manual" for step in playbook.steps) else set()
    for number, hypothesis in enumerate(playbook.hypotheses):
        place: Path = ("hypotheses", number)
        if hypothesis.small_when is not None:
            yield (*place, "small_when"), "write it under `escalation`"
        if hypothesis.earlier and playbook.earlier is None:
            yield (*place, "earlier"), "the playbook does not say how much an earlier case counts: give it `earlier`"
        for index, signal in enumerate(hypothesis.signals):
            for at, kind in enumerate(signal.evidence):
                if kind not in yielded:
                    hint = nearest(kind, yielded)
                    yield (*place, "signals", index, "evidence", at), f"no step yields evidence {kind!r}{hint}"
        culprit = hypothesis.culprit
        if culprit is not None and culprit.kind not in vocabulary.CULPRIT_KINDS:
            known = ", ".join(sorted(vocabulary.CULPRIT_KINDS))
            hint = f"{nearest(culprit.kind, vocabulary.CULPRIT_KINDS)} (there are {known})"
            yield (*place, "culprit", "kind"), f"there is no kind of culprit {culprit.kind!r}{hint}"
        labels = {other.label: other for other in playbook.hypotheses if other is not hypothesis}
        for at, label in enumerate(hypothesis.kin):
            if label not in labels:
                yield (*place, "kin", at), f"there is no other hypothesis {label!r}{nearest(label, set(labels))}"
            elif hypothesis.label not in labels[label].kin:
                yield (*place, "kin", at), f"kin is mutual: {label!r} does not name {hypothesis.label!r}"
        if hypothesis.scope.value is None and hypothesis.scope.kind not in ("all", "none"):
            yield (*place, "scope"), f"the scope {hypothesis.scope.kind!r} needs a value"


# ------------------------------------------------------------------------------------------------ expressions
class _Expressions:
    """Every condition, value and slot of a file, against the names that are there at its place."""

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.facts: dict[str, set[str]] = {}
        for step in playbook.steps:
            self.facts.setdefault(step.id, set()).update(facts_of(step))
        self.known: dict[str, Iterable[str]] = {
            "inputs": vocabulary.INPUTS,
            "ticket": vocabulary.TICKET,
            "customer": vocabulary.CUSTOMER,
            "profile": Profile.model_fields,
        }

    def problems(self) -> Iterator[tuple[Path, str]]:
        document = self.playbook.model_dump(by_alias=True, mode="json", exclude_unset=True, exclude={"tests"})
        for name in self.playbook.inputs:
            if name not in vocabulary.INPUTS:
                yield ("inputs", name), f"there is no input {name!r}{nearest(name, vocabulary.INPUTS)}"
        for path, value in _strings(document, ()):
            for expression, shown in self._expressions(path, value):
                if not shown:
                    yield path, expression
                    continue
                yield from ((path, prefix_of(shown) + message) for message in self._problems(path, expression))

    def _expressions(self, path: Path, value: str) -> Iterator[tuple[str, str]]:
        """(expression, how it is shown); (message, "") where a text cannot be read."""
        if _is_text(path):
            if value.count("{") != value.count("}"):
                yield "a brace is not closed: {expression|format}", ""
                return
            try:
                found = slots(value)
            except ValueError as error:
                yield str(error), ""
                return
            for expression, _ in found:
                try:
                    compile_condition(expression)
                except ConditionInvalid as error:
                    yield f"{{{expression}}}: {error}", ""
                else:
                    yield expression, f"{{{expression}}}"
        elif _is_condition(path):
            yield value, "condition"

    def _problems(self, path: Path, expression: str) -> Iterator[str]:
        """At most one message for an expression: the first mistake hides the rest."""
        for name, on_value in sorted(calls_in(expression)):
            known = vocabulary.CEL_METHODS if on_value else {*vocabulary.CEL_FUNCTIONS, *FUNCTIONS}
            if name not in known:
                yield f"there is no function {name!r}{nearest(name, known)} (there are {', '.join(sorted(known))})"
                return
        mixed = mixed_arithmetic(expression)
        if mixed:
            right = _WHOLE.sub(r"\1.0", mixed)
            yield f"facts are floats: write {right!r}, not {mixed!r}"
            return
        variables = {*_MACRO.findall(expression), *(["item"] if self._has_item(path) else [])}
        cases = set(_OF_EARLIER.findall(expression))
        for read in sorted(paths_in(expression)):
            root, _, rest = read.partition(".")
            field = rest.partition(".")[0]
            if root in cases and field and field not in vocabulary.EARLIER:
                has = ", ".join(vocabulary.EARLIER)
                yield f"an earlier case has no {field!r}{nearest(field, vocabulary.EARLIER)} (it has {has})"
                return
            if root not in variables and (message := self._name(path, root, rest.partition(".")[0], rest)):
                yield message
                return

    def _name(self, path: Path, root: str, second: str, rest: str) -> str:
        if root in self.facts:
            return self._fact(path, root, second, rest)
        if root in self.known:
            known = self.known[root]
            wrong = second and second not in known
            return f"{root} has no {second!r}{nearest(second, known)} (it has {', '.join(known)})" if wrong else ""
        if root == "diagnosis" and "reply" in path:
            known = vocabulary.DIAGNOSIS
            return (
                f"diagnosis has no {second!r}{nearest(second, known)} (it has {', '.join(known)})"
                if second not in known
                else ""
            )
        if root == "diagnosis":
            return "`diagnosis` is there only in a reply: nothing is diagnosed before that"
        if root == "earlier":
            return f"`earlier` is a list: earlier.exists(e, e.{second} …)" if second else ""
        if root == "item":
            return "`item` is there only with `for_each`"
        known = [*self.facts, *self.known, "earlier"]
        hint = nearest(root, known) or ": a condition reads steps, inputs, customer, ticket, profile or earlier"
        return f"unknown name {root}{hint}"

    def _fact(self, path: Path, root: str, second: str, rest: str) -> str:
        own = path[:1] == ("steps",) and self.playbook.steps[path[1]].id == root
        known = self.facts[root]
        step = self.playbook.step(root)
        if second == "data" and not step.query and step.source != "manual":
            return "" if own else f"the answer itself is there in its own step only: keep it as a fact of {root!r}"
        if second and second not in known:
            return (
                f"the step {root!r} has no fact {second!r}{nearest(second, known)} (it has {', '.join(sorted(known))})"
            )
        measure = step.measure.get(second)
        third = rest.split(".")[1] if "." in rest else ""
        if measure is not None and third and third not in vocabulary.MEASURE_FACTS[measure.method]:
            facts = vocabulary.MEASURE_FACTS[measure.method]
            return f"{measure.method} gives no {third!r}{nearest(third, facts)} (it gives {', '.join(sorted(facts))})"
        return "" if own else self._not_yet(path, root)

    def _not_yet(self, path: Path, root: str) -> str:
        """A step that is read by another one before it has surely ended."""
        if path[:1] != ("steps",):
            return ""
        step = self.playbook.steps[path[1]]
        if len(path) > 2 and path[2] in ("params", "run_if"):
            if root not in before(self.playbook, step.id, asking=True):
                return f"{root!r} may not have ended when {step.id!r} is asked: name it under depends_on"
        elif root not in before(self.playbook, step.id):
            return f"{root!r} may not have ended when {step.id!r} is interpreted: name it under reads"
        return ""

    def _has_item(self, path: Path) -> bool:
        if len(path) < 5 or path[0] != "steps" or path[2] != "evidence" or path[4] == "for_each":
            return False
        return self.playbook.steps[path[1]].evidence[path[3]].for_each is not None


def facts_of(step: Step) -> set[str]:
    """Names of the facts that a step has when it has an answer."""
    if step.manual is not None:
        return {*vocabulary.MANUAL_FACTS, *(["yes"] if step.manual.answer == "yes_no" else [])}
    return {*vocabulary.STEP_FACTS, *step.measure, *step.facts}


def prefix_of(shown: str) -> str:
    return f"{shown}: " if shown.startswith("{") else ""


def _strings(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _strings(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _strings(value, (*path, index))
    elif isinstance(node, str):
        yield path, node


def _words(path: Path) -> list[str]:
    return [part for part in path if isinstance(part, str)]


def _is_text(path: Path) -> bool:
    names = _words(path)
    if names[0] in ("title", "description", "inputs", "match", "symptom") and names[-1] != "absent":
        return False
    # A step's own title, and what is compared or chosen, are no texts with slots.
    if names == ["steps", "title"] or (len(names) > 1 and names[-2] in ("where", "choices", *_MAPPINGS)):
        return False
    return names[-1] in _TEXTS and not (names[-1] == "scope" and names[-2] != "reply")


def _is_condition(path: Path) -> bool:
    names = _words(path)
    if len(names) > 1 and names[-2] in _MAPPINGS:
        return True
    if names in (["steps", "id"], ["steps", "normal"]) or "where" in names:
        return False
    return names[-1] in _CONDITIONS


# ------------------------------------------------------------------------------------------------ tests
def _tests(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    """Steps, facts and inputs that a test names; whether it holds, `rehearsal.py` tells."""
    facts = {step.id: facts_of(step) for step in playbook.steps}
    labels = {"inconclusive", *(hypothesis.label for hypothesis in playbook.hypotheses)}
    for number, test in enumerate(playbook.tests):
        place: Path = ("tests", number)
        for step_id, given in test.facts.items():
            if step_id not in facts:
                yield (*place, "facts", step_id), f"there is no step {step_id!r}{nearest(step_id, facts)}"
                continue
            for name in given:
                if name not in facts[step_id]:
                    hint = f"{nearest(name, facts[step_id])} (it has {', '.join(sorted(facts[step_id]))})"
                    yield (*place, "facts", step_id, name), f"the step {step_id!r} has no fact {name!r}{hint}"
        for index, step_id in enumerate(test.unavailable):
            if step_id not in facts:
                yield (*place, "unavailable", index), f"there is no step {step_id!r}{nearest(step_id, facts)}"
            elif step_id in test.facts:
                yield (*place, "unavailable", index), f"the step {step_id!r} has facts in this test"
        for name in test.inputs:
            if name not in vocabulary.INPUTS and name != "text":
                yield (*place, "inputs", name), f"there is no input {name!r}{nearest(name, vocabulary.INPUTS)}"
        for index, case in enumerate(test.earlier or []):
            if not isinstance(case.get("days", 0.0), int | float):
                yield (*place, "earlier", index, "days"), "days are a number"
            for name in case:
                if name not in vocabulary.EARLIER:
                    hint = nearest(name, vocabulary.EARLIER)
                    yield (*place, "earlier", index, name), f"an earlier case has no {name!r}{hint}"
        for label in [test.expect.label, *test.expect.not_]:
            if label is not None and label not in labels:
                key = "label" if label == test.expect.label else "not"
                yield (*place, "expect", key), f"no hypothesis has the label {label!r}{nearest(label, labels)}"
