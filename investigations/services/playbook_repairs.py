"""Which small changes of a playbook would have answered a corrected run rightly, and what they do to other runs.

Stored facts only: no source is asked. The corrected run and the confirmed past runs of the playbook are read once under
the version in force (see `diagnosis.replay`); a change of weights leaves their facts alone, so that each is weighed
anew in milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Exists, OuterRef

from investigations.diagnosis.diagnose import Diagnosis, diagnose
from investigations.diagnosis.repairs import Repair, paired_repairs, single_repairs
from investigations.diagnosis.replay import keep
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine import store
from investigations.engine.work import stored_inputs
from investigations.models import Feedback, Investigation, PlaybookVersion
from investigations.playbooks.diff import text_lines
from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import PlaybookInvalid
from investigations.playbooks.rehearsal import rehearse
from investigations.playbooks.reweighing import Edit, EditRefused, reweighed, rewritten
from investigations.playbooks.stored import stored_playbook
from investigations.services.agreement import agreement
from investigations.services.causes import Causes, known_causes, without_slots
from investigations.services.findings import findings_of

#: Past runs that a change is checked on, the newest.
MOST_RUNS: Final = 200
#: Changes that are offered, and of those tried in vain that are told.
MOST_OFFERED, MOST_TOLD = 3, 8
#: Reading past runs and trying changes end here, well within what a task of the queue may take.
LIMIT_S: Final = 30.0
_CANDIDATES: Final = 3
#: Runs among which the newest of each ticket is looked for.
_LOOKED_AT: Final = 2000


@dataclass(frozen=True, slots=True)
class _Case:
    """A run as the version in force reads it. `truth` is the label that people gave."""

    inputs: RunInputs
    outcomes: Mapping[str, StepOutcome]
    truth: str

    def weighed(self, playbook: Playbook) -> Diagnosis:
        return diagnose(playbook, self.inputs, self.outcomes)

    def is_right(self, playbook: Playbook, causes: Causes) -> bool:
        candidates = self.weighed(playbook).document["candidates"]
        return agreement(candidates, self.truth, causes) == Feedback.Grade.EXACT


@dataclass(frozen=True, slots=True)
class Repairs:
    """`offered` and `effect` as a PlaybookProposal keeps them, JSON-able."""

    offered: list[dict[str, Any]]
    effect: dict[str, Any]


@dataclass(slots=True)
class _Tried:
    offered: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    tried: int = 0
    is_whole: bool = True


def repairs_of(
    run: Investigation,
    version: PlaybookVersion,
    *,
    found: str,
    alive: Callable[[], None] | None = None,
    limit_s: float = LIMIT_S,
) -> Repairs | None:
    """What would make `version` answer `found` on the run; None when it does so already.

    `found` is a label of the version. Writes nothing; asks no source.
    """
    begun = time.monotonic()
    end = begun + limit_s
    playbook = stored_playbook(version.pk, version.sha256)
    case, unread = _read(run, playbook, found)
    if case is None:
        return Repairs([], {"found": found, "unread": unread})
    now = case.weighed(playbook)
    if now.top_label == found:
        return None
    said = next((item.hypothesis.label for item in now.scored if item.hypothesis.label != found), "")
    singles = single_repairs(now.scored, said=said, found=found)
    past, unreadable, is_whole = _past(run, version, playbook, begun + limit_s / 2, alive)
    work = _Work(version, playbook, case, past, known_causes(version.document), end, alive)
    done = work.tried(singles)
    if not done.offered:
        pairs = work.tried(paired_repairs(singles, now.scored, said=said, found=found))
        done = _Tried(
            pairs.offered, done.rejected + pairs.rejected, done.tried + pairs.tried, done.is_whole and pairs.is_whole
        )
    effect = {
        "said": now.top_label, "rival": said, "found": found, "before": _told(now),
        "checked": len(past), "right": sum(right for _, right in past), "unreadable": unreadable,
        "tried": done.tried, "rejected": done.rejected[:MOST_TOLD], "rejected_all": len(done.rejected),
        "is_whole": done.is_whole and is_whole,
    }  # fmt: skip
    return Repairs(done.offered, effect)


def _read(run: Investigation, playbook: Playbook, truth: str) -> tuple[_Case | None, str]:
    """The run's stored facts under the playbook; None with a sentence's end where they do not suffice."""
    if run.playbook is None:
        return None, "the run has no playbook"
    inputs, stored = stored_inputs(run), store.stored_outcomes(run.pk)
    before = stored_playbook(run.playbook.pk, run.playbook.sha256)
    if before.steps == playbook.steps:
        return _Case(inputs, stored, truth), ""  # the same questions: as it was weighed then
    kept = keep(playbook, before, inputs, stored)
    if kept.to_ask:
        titles = {step.id: step.title for step in playbook.steps}
        return None, "; ".join(f"{titles[step_id]}: {why}" for step_id, why in kept.to_ask.items())
    return _Case(inputs, kept.outcomes, truth), ""


def _past(
    run: Investigation, version: PlaybookVersion, playbook: Playbook, end: float, alive: Callable[[], None] | None
) -> tuple[list[tuple[_Case, bool]], int, bool]:
    """(confirmed past runs with whether the version answers them rightly, how many cannot be read, whether it is all).

    Of each ticket its newest finished run of this playbook, where the last word of people names a cause.
    """
    done = Investigation.objects.filter(playbook__key=version.key, status=Investigation.Status.DONE)
    named = Feedback.objects.exclude(label="")
    of_ticket = Exists(named.filter(ticket=OuterRef("ticket")))
    of_run = Exists(named.filter(investigation__ticket=OuterRef("ticket")))
    others = done.exclude(ticket=run.ticket_id).filter(of_ticket | of_run)
    newest: dict[int, int] = {}
    for pk, ticket_id in others.order_by("-pk").values_list("pk", "ticket_id")[:_LOOKED_AT]:
        newest.setdefault(ticket_id, pk)
    said = findings_of(newest)
    wanted = [pk for ticket_id, pk in newest.items() if ticket_id in said and said[ticket_id].label][:MOST_RUNS]
    causes = known_causes(version.document)
    runs = Investigation.objects.with_context().in_bulk(wanted)
    found: list[tuple[_Case, bool]] = []
    unreadable = 0
    for pk in wanted:
        if time.monotonic() > end:
            return found, unreadable, False
        if alive is not None:
            alive()
        case, _ = _read(runs[pk], playbook, said[runs[pk].ticket_id].label)
        if case is None:
            unreadable += 1
        else:
            found.append((case, case.is_right(playbook, causes)))
    return found, unreadable, True


@dataclass(frozen=True, slots=True)
class _Work:
    version: PlaybookVersion
    playbook: Playbook
    case: _Case
    past: Sequence[tuple[_Case, bool]]
    causes: Causes
    end: float
    alive: Callable[[], None] | None

    def tried(self, repairs: Sequence[Repair]) -> _Tried:
        """The first changes that hold, in order; of the others those that repair this case, and what they break."""
        done = _Tried()
        failing = sum(1 for _ in rehearse(self.playbook))
        for repair in repairs:
            if len(done.offered) == MOST_OFFERED:
                break
            if time.monotonic() > self.end:
                done.is_whole = False
                break
            if self.alive is not None:
                self.alive()
            done.tried += 1
            changed = reweighed(self.playbook, repair.edits)
            after = self.case.weighed(changed)
            if after.top_label != self.case.truth:
                continue
            past = self._past(changed)
            told: dict[str, Any] = {"edits": [self._told(edit) for edit in repair.edits], "past": past}
            broken = max(0, sum(1 for _ in rehearse(changed)) - failing)
            if past["worse"] or broken:
                done.rejected.append(told | {"tests": broken})
            elif diff := self._diff(changed, repair.edits):
                done.offered.append(told | {"after": _told(after), "diff": diff})
        return done

    def _past(self, changed: Playbook) -> dict[str, int]:
        counts = {"right": 0, "better": 0, "worse": 0, "wrong": 0}
        for case, was_right in self.past:
            is_right = case.is_right(changed, self.causes)
            name = ("right" if was_right else "better") if is_right else ("worse" if was_right else "wrong")
            counts[name] += 1
        return counts

    def _diff(self, changed: Playbook, edits: Sequence[Edit]) -> list[tuple[str, str]]:
        """What the change is in the file; [] where the file cannot be changed by it."""
        try:
            text = rewritten(self.version.source_yaml, edits)
        except (EditRefused, PlaybookInvalid):
            return []
        return text_lines(self.version.source_yaml, text)

    def _told(self, edit: Edit) -> dict[str, Any]:
        """The edit, with the words that people know its signal by."""
        hypothesis = next(item for item in self.playbook.hypotheses if item.label == edit.label)
        words = {"says": without_slots(hypothesis.signals[edit.signal].says), "title": without_slots(hypothesis.title)}
        return edit.as_dict() | words | {"from": edit.before_in_words}


def _told(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """The first candidates without their words: those may tell of the ticket."""
    first = diagnosis.document["candidates"][:_CANDIDATES]
    return [{"label": item["label"], "confidence": item["confidence"]} for item in first]
