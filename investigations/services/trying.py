"""One step of a draft, tried on the spot: the real source, the real guard and limits, and nothing stored.

A step is tried for a past ticket (its inputs, and what the ticket's newest run found for the steps that it reads) or
for a customer and a window.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from pydantic import ValidationError

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound
from altor.models import User
from altor.words import duration
from investigations.diagnosis import steps as meaning
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.asking import Asker
from investigations.engine.inputs import build_inputs, inputs_of_customer
from investigations.engine.store import stored_outcomes
from investigations.engine.work import run_bounded
from investigations.models import Customer, Investigation, Ticket
from investigations.playbooks.conditions import Unknown, paths_in
from investigations.playbooks.format import Step
from investigations.playbooks.messages import told
from investigations.playbooks.reading import PlaybookInvalid, dotted, read_tree
from investigations.playbooks.reading import plain as plain_tree
from investigations.profile import Profile
from investigations.services.connections import active_connections
from investigations.services.profiles import current_profile
from investigations.sources.base import ConnectionConfig, RequestRecord, RunContext, SourceAnswer, SourceError

log = logging.getLogger(__name__)
#: Longest wait for the source: a person watches, and a web worker is held.
LIMIT_S: Final = 10.0
_BELT_S: Final = 1.0
#: Rows that are shown; the measures see all that the step may read.
ROWS_SHOWN: Final = 50
FACTS_SHOWN: Final = 20_000
#: Values listed under a verdict.
VALUES_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class About:
    """Whom a step is tried for. `outcomes` are those of the ticket's newest run, by step."""

    label: str
    ref: str
    inputs: RunInputs
    outcomes: Mapping[str, StepOutcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    name: str  # abnormal, normal
    expression: str
    truth: str  # yes, no, unknown
    #: What it reads, the value, and for a fact of the step how that comes about; what the fact reads follows it.
    values: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Tried:
    step: Step
    about: About
    seconds: float = 0.0
    outcome: StepOutcome | None = None
    missing: list[str] = field(default_factory=list)  # parameters whose value is not known
    columns: list[tuple[str, str]] = field(default_factory=list)  # (name, type)
    rows: list[list[Any]] = field(default_factory=list)
    row_count: int = 0
    data: str = ""  # the answer of a source without rows
    facts: str = ""
    conditions: list[Condition] = field(default_factory=list)
    requests: tuple[RequestRecord, ...] = ()

    @property
    def took(self) -> str:
        return duration(self.seconds) if self.seconds >= 1 else f"{self.seconds * 1000:.0f} ms"

    @property
    def read_rows(self) -> int:
        return sum(item.read_rows or 0 for item in self.requests)

    @property
    def read_bytes(self) -> int:
        return sum(item.read_bytes or 0 for item in self.requests)


def step_of(text: str, step_id: str) -> Step:
    """The step of a draft, whatever else is wrong with the file. NotFound; InvalidInput when the step itself is."""
    try:
        tree = read_tree(text, "draft")
    except PlaybookInvalid as invalid:
        raise InvalidInput(f"The file cannot be read: {invalid.problems[0]}") from None
    steps = tree.get("steps") if isinstance(tree, Mapping) else None
    for item in steps if isinstance(steps, list) else []:
        if isinstance(item, Mapping) and str(item.get("id")) == step_id:
            try:
                return Step.model_validate(plain_tree(item))
            except ValidationError as error:
                path, message = next(iter(told(error, {"steps": [item]})), ((), "is not valid"))
                raise InvalidInput(f"The step {step_id!r} is not valid: {dotted(path)}: {message}") from None
    raise NotFound(f"The draft has no step {step_id!r}.")


def about_whom(
    user: User, ref: str, *, playbook: str = "", start: datetime | None = None, end: datetime | None = None
) -> About:
    """A ticket's reference or a customer's id; NotFound where the person sees neither.

    Of a ticket, what its newest run of `playbook` found for the other steps is known. `start` and `end` (aware) move
    the window that a step without one of its own asks over.
    """
    ref, profile = ref.strip(), current_profile()
    ticket = Ticket.objects.visible_to(user).select_related("customer").filter(ref__iexact=ref).first()
    if ticket is not None:
        runs = Investigation.objects.visible_to(user).filter(ticket=ticket, status="done").select_related("playbook")
        # Steps of another playbook may have the same names and mean something else.
        run = runs.filter(playbook__key=playbook).order_by("-pk").first() or runs.order_by("-pk").first()
        is_same = run is not None and run.playbook is not None and run.playbook.key == playbook
        as_of = run.as_of if run is not None else end or timezone.now()
        found = About(
            label=f"{ticket.ref} · {ticket.subject}"[:120]
            + (f", with what {run.ref} found" if run and is_same else ""),
            ref=ticket.ref,
            inputs=build_inputs(ticket, as_of=max(as_of, end) if end else as_of, profile=profile),
            outcomes=stored_outcomes(run.pk) if run is not None and is_same else {},
        )
    else:
        customer = Customer.objects.filter(org_id=ref).first() if ref else None
        if customer is None:
            raise NotFound(
                f"There is no ticket or customer {ref!r} that you may see." if ref else "Name a ticket or a customer."
            )
        inputs = inputs_of_customer(customer, as_of=end or timezone.now(), profile=profile)
        found = About(
            label=f"{customer.name or customer.org_id} ({customer.org_id})", ref=customer.org_id, inputs=inputs
        )
    return replace(found, inputs=_moved(found.inputs, start, end))


def _moved(inputs: RunInputs, start: datetime | None, end: datetime | None) -> RunInputs:
    if start and end and start >= end:
        raise InvalidInput("The window ends before it begins.")
    given = {"window_start": start, "window_end": end}
    values = {**inputs.values, **{name: plain(at) for name, at in given.items() if at}}
    if values["window_start"] >= values["window_end"]:
        raise InvalidInput("The window ends before it begins: give both of its ends.")
    return replace(inputs, values=values)


def try_step(
    step: Step,
    about: About,
    *,
    actor: User,
    playbook: str,
    given: Mapping[str, str] | None = None,
    connections: Mapping[str, ConnectionConfig] | None = None,
) -> Tried:
    """Ask the source this one question and say what it means. `given` are values for parameters, by name.

    InvalidInput for a step that asks a person. What the source refuses or cannot answer is told in `outcome.error`.
    Audited; writes nothing else. Queries; waits for the source at most LIMIT_S.
    """
    if step.source == "manual":
        raise InvalidInput("This step asks a person: there is nothing to try.")
    params_given = {**step.params, **_literals(step, given or {})}
    step = step.model_copy(update={"params": params_given, "timeout_s": min(step.timeout_s, LIMIT_S)})
    space = FactSpace(about.inputs, {key: item for key, item in about.outcomes.items() if key != step.id})
    try:
        params = meaning.step_params(step, space)
    except meaning.ParameterMissing as missing:
        return Tried(step, about, missing=missing.names)
    began = time.monotonic()
    found = connections if connections is not None else active_connections()
    try:
        answer = run_bounded(_ask(step, params, about, found))
    except SourceError as error:
        tried = Tried(
            step, about, time.monotonic() - began, meaning.could_not_check(step, 1, error), requests=error.requests
        )
    else:
        tried = _understood(step, about, answer, space, time.monotonic() - began)
    record_event(
        actor=actor, action="playbook.step_tried", object_kind="playbook", object_ref=playbook or "new",
        after={
            "step": step.id, "source": step.source, "about": about.ref, "fence": step.fence if step.query else "",
            "rows": tried.row_count, "error": tried.outcome.error[:300] if tried.outcome else "",
        },
    )  # fmt: skip
    return tried


def _literals(step: Step, given: Mapping[str, str]) -> dict[str, str]:
    """Values as a person types them, as CEL: numbers, true, false and lists as they are, all else as text."""
    found = {}
    for name, text in given.items():
        if name not in step.params or not text.strip():
            continue
        try:
            value = json.loads(text)
        except ValueError:
            value = text.strip()
        found[name] = json.dumps(value if isinstance(value, bool | int | float | str | list) else text.strip())
    return found


async def _ask(
    step: Step, params: Mapping[str, Any], about: About, connections: Mapping[str, ConnectionConfig]
) -> SourceAnswer:
    # The source ends by its own limit, which it can tell of; the deadline is a belt over it.
    deadline = asyncio.get_running_loop().time() + step.timeout_s + _BELT_S
    context = RunContext(
        as_of=about.inputs.as_of,
        profile=Profile.model_validate(about.inputs.profile),
        deadline=deadline,
        tenant=str(about.inputs.values.get("org_id", "")),
        run_ref="draft",
    )
    asker = Asker(connections, context, deadline=deadline, parallel=1)
    try:
        return await asker.ask(step, params)
    finally:
        await asker.close()


def _understood(step: Step, about: About, answer: SourceAnswer, space: FactSpace, seconds: float) -> Tried:
    rows = [list(row) for row in answer.data.get("rows", [])] if step.query else []
    shown: dict[str, Any] = {
        "columns": list(zip(answer.data["columns"], answer.data["types"], strict=True)) if step.query else [],
        "rows": rows[:ROWS_SHOWN],
        "row_count": len(rows),
        "data": "" if step.query else _json(answer.data),
        "requests": answer.requests,
    }
    try:
        outcome = meaning.interpret(step, 1, answer, space)
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError) as error:
        log.info("a tried answer does not fit its step", extra={"step": step.id})
        why = f"the answer does not fit the step ({type(error).__name__}: {error})"[:300]
        return Tried(step, about, seconds, meaning.could_not_check(step, 1, why, kind="invalid"), **shown)
    return Tried(
        step, about, seconds, outcome, facts=_json(outcome.facts), conditions=_conditions(step, outcome, space), **shown
    )


def _conditions(step: Step, outcome: StepOutcome, space: FactSpace) -> list[Condition]:
    own = {step.id: outcome.facts}
    found = []
    for name, expression in (("abnormal", step.verdict.abnormal), ("normal", step.verdict.normal)):
        values: dict[str, tuple[str, str, str]] = {}
        waiting = [expression]
        while waiting and len(values) < VALUES_SHOWN:
            for path in sorted(path for path in paths_in(waiting.pop(0)) if "." in path and path not in values):
                how = step.facts.get(path.removeprefix(f"{step.id}."), "")
                values[path] = (path, _short(space.value(path, **own)), how)
                waiting += [how] if how else []
        found.append(Condition(name, expression, space.check(expression, **own).value, list(values.values())))
    return found


def _short(value: Any) -> str:
    if isinstance(value, Unknown):
        return "not known"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= FACTS_SHOWN else f"{text[:FACTS_SHOWN]}\n… and more"
