"""What an earlier run has found, read under another text of its playbook, without asking any source.

A step whose question and measures are what they were is told again from its stored facts: its thresholds, derived facts
and words may have changed. A step whose question or measures changed needs an answer, and so do those that rest on it:
they are named, and nothing is made up for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from investigations.diagnosis import steps as meaning
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.types import EvidenceDraft, RunInputs, StepOutcome
from investigations.playbooks.format import Playbook, Step

#: What makes the question and the measures of a step; its parameters are compared by their values.
_ASKING: Final = ("source", "operation", "query", "fence", "optional_params", "max_rows", "measure")
#: What makes words and thresholds of the facts.
_TELLING: Final = ("facts", "verdict", "result", "evidence", "title")
_WORD: Final = re.compile(r"[a-z_][a-z0-9_]*")
#: Facts that every answer has, beside its measures.
_ALWAYS: Final = ("row_count", "truncated")


@dataclass(frozen=True, slots=True)
class Kept:
    """`outcomes` per step as the playbook at hand tells them; `to_ask`: step id -> why it needs an answer."""

    outcomes: Mapping[str, StepOutcome]
    to_ask: Mapping[str, str] = field(default_factory=dict)


class _AnswerNeeded(Exception):
    """The step cannot be told from what is stored; the text says why."""


def keep(playbook: Playbook, before: Playbook, inputs: RunInputs, stored: Mapping[str, StepOutcome]) -> Kept:
    """What `playbook` can take from the outcomes that `before` has stored. With the same playbook: all of them."""
    return _Keeper(playbook, before, inputs, stored).keep()


class _Keeper:
    def __init__(
        self, playbook: Playbook, before: Playbook, inputs: RunInputs, stored: Mapping[str, StepOutcome]
    ) -> None:
        self.playbook = playbook
        self.former = {step.id: (number, step) for number, step in enumerate(before.steps, 1)}
        self.stored = {step_id: outcome for step_id, outcome in stored.items() if step_id in self.former}
        self.then = FactSpace(inputs, self.stored)
        self.now = FactSpace(inputs)
        self.kept: dict[str, StepOutcome] = {}
        self.to_ask: dict[str, str] = {}
        self.ahead = {step.id for step in playbook.steps}

    def keep(self) -> Kept:
        for position, step in enumerate(self.playbook.steps, 1):
            try:
                outcome = self._outcome(position, step)
            except _AnswerNeeded as needed:
                self.to_ask[step.id] = str(needed)
                continue
            finally:
                self.ahead.discard(step.id)
            self.kept[step.id] = outcome
            self.now.outcomes[step.id] = outcome
            if outcome.status == "done":
                self.now.names[step.id] = outcome.facts
        return Kept(self.kept, self.to_ask)

    def _outcome(self, position: int, step: Step) -> StepOutcome:
        number, former = self.former.get(step.id, (0, None))
        found = self.stored.get(step.id)
        if step.source == "manual":  # no source is asked for it, whatever it rests on
            return self._manual(position, step, former, found)
        open_steps = sorted(self._read_by(step) & set(self.to_ask))
        if open_steps:
            raise _AnswerNeeded(f"it rests on {', '.join(open_steps)}")
        decided = self._is_same_condition(step, former, found)
        if decided and found is not None and found.status == "skipped":
            return found
        if not decided and meaning.should_run(step, self.now) is False:
            return meaning.skipped(step, position, "Not needed: its condition does not hold")
        question = _question(step, self.now)
        if isinstance(question, meaning.ParameterMissing):
            return meaning.could_not_check(step, position, f"not known: {', '.join(question.names)}", kind="input")
        if former is None or found is None:
            raise _AnswerNeeded("it is new")
        if found.status == "skipped" or found.error_kind == "input":
            raise _AnswerNeeded("it did not run then")
        if not self._is_same_question(step, former, question):
            raise _AnswerNeeded("it asks something else now")
        if found.status != "done":
            return found  # its source gave no answer then, whatever is made of one now
        if not self._same_facts(_words_in(step, "measure")):
            raise _AnswerNeeded("what it measures against is another")
        return self._told(position, step, number, former, found)

    def _is_same_condition(self, step: Step, former: Step | None, found: StepOutcome | None) -> bool:
        """Whether what decided then that the step runs, or does not, decides the same now."""
        same = former is not None and found is not None and step.run_if == former.run_if
        return same and self._same_facts(_words_in(step, "run_if"))

    def _is_same_question(self, step: Step, former: Step, question: dict[str, Any]) -> bool:
        same = all(getattr(step, name) == getattr(former, name) for name in _ASKING)
        return same and question == _question(former, self.then)

    def _told(self, position: int, step: Step, number: int, former: Step, found: StepOutcome) -> StepOutcome:
        same_words = all(getattr(step, name) == getattr(former, name) for name in _TELLING)
        if same_words and self._same_facts(_words_in(step, *_TELLING)):
            return replace(found, evidence=tuple(_moved(draft, number, position) for draft in found.evidence))
        answer = f"{step.id}.data"
        kept = {name: found.facts[name] for name in (*_ALWAYS, *step.measure) if name in found.facts}
        for name, expression in step.facts.items():
            if answer in expression:  # the answer itself is not stored
                if former.facts.get(name) != expression or name not in found.facts:
                    raise _AnswerNeeded(f"its fact {name} is read from the answer itself")
                kept[name] = found.facts[name]
        if answer in _text(step, "verdict", "result", "evidence"):
            raise _AnswerNeeded("its words are read from the answer itself")
        return meaning.told_again(step, position, found, kept, self.now)

    def _manual(self, position: int, step: Step, former: Step | None, found: StepOutcome | None) -> StepOutcome:
        """A person's answer holds while the question is the same; a new question waits for its answer."""
        if found is None or found.status != "done" or former is None or former.manual != step.manual:
            return meaning.asked_or_answered(step, position, self.now)
        try:
            return meaning.interpret_manual(step, position, found.facts.get("answer"), self.now)
        except (ValueError, TypeError):
            return meaning.asked_or_answered(step, position, self.now)

    def _read_by(self, step: Step) -> set[str]:
        """The steps whose facts this one may read: named too many, never too few."""
        named = _words_in(step, "params", "measure", "facts", "verdict", "evidence", "result", "run_if")
        return ({*step.depends_on, *step.reads} | named) - {step.id}

    def _same_facts(self, words: set[str]) -> bool:
        """Whether every step among the words found then what it finds now; a fact that was added changes nothing.

        A step refers only to earlier ones: a word that is the name of this step or a later one means something else.
        """
        for step_id in (words & set(self.former)) - self.ahead:
            then, now = self.stored.get(step_id), self.kept.get(step_id)
            if (then is None) != (now is None):
                return False
            if then is None or now is None:
                continue
            if then.status != now.status or any(now.facts.get(name) != value for name, value in then.facts.items()):
                return False
        return True


def _question(step: Step, space: FactSpace) -> dict[str, Any] | meaning.ParameterMissing:
    try:
        return meaning.step_params(step, space)
    except meaning.ParameterMissing as missing:
        return missing


def _text(step: Step, *names: str) -> str:
    return json.dumps(step.model_dump(mode="json", include=set(names)), ensure_ascii=False)


def _words_in(step: Step, *names: str) -> set[str]:
    return set(_WORD.findall(_text(step, *names)))


def _moved(draft: EvidenceDraft, before: int, after: int) -> EvidenceDraft:
    """The evidence's number follows the step's position."""
    if before == after:
        return draft
    return replace(draft, ref_id=f"E{after}{draft.ref_id.removeprefix(f'E{before}')}")
