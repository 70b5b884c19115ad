"""A trial as people read it: what would change and whether for the better, or how near Altor was to the team.

What the team found is looked up when the report is made, so that a finding recorded afterwards counts at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from altor.models import User
from altor.words import percent
from investigations.models import Feedback, Ticket, Trial, TrialCase
from investigations.services.agreement import ORDER, Share, Tally, agreement, share_of, tally
from investigations.services.briefs import differences
from investigations.services.causes import Cause, known_causes
from investigations.services.findings import Finding, findings_of

#: How much a difference matters for the order of the list.
_WEIGHT: Final = {"label": 8.0, "escalate": 4.0, "severity": 2.0}
#: A verdict for the worse comes before everything else, one for the better next.
_VERDICT: Final = {"worse": 200.0, "better": 100.0}


@dataclass(frozen=True, slots=True)
class Line:
    """A case with what is known of it. Grades are None where there is no finding with a label, or no answer."""

    case: TrialCase
    finding: Finding | None
    changes: list[str] = field(default_factory=list)  # names of what differs, weightiest first
    before_grade: Feedback.Grade | None = None
    grade: Feedback.Grade | None = None
    verdict: str = ""  # better, worse, same; "" when it cannot be said

    @property
    def told(self) -> list[str]:
        """The changes in words: what a reader cannot see from two answers side by side."""
        before, after = self.case.before or {}, self.case.after or {}
        words = {
            "label": "another cause",
            "escalate": "escalated now" if after.get("escalate") else "no longer escalated",
            "severity": "another severity",
            "confidence": f"confidence {percent(before.get('confidence'))} → {percent(after.get('confidence'))}",
        }
        return [words[name] for name in self.changes if name != "severity" or "escalate" not in self.changes]

    @property
    def weight(self) -> float:
        before, after = (float((one or {}).get("confidence") or 0.0) for one in (self.case.before, self.case.after))
        named = sum(_WEIGHT.get(name, 0.0) for name in self.changes)
        return named + abs(before - after) + _VERDICT.get(self.verdict, 0.0)


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` are the cases that the reader may see; `hidden` counts the others."""

    trial: Trial
    lines: list[Line]
    hidden: int
    causes: Mapping[str, Cause]

    @property
    def total(self) -> int:
        return len(self.lines)

    @property
    def ended(self) -> int:
        return sum(line.case.status != TrialCase.Status.WAITING for line in self.lines)

    @property
    def answered(self) -> list[Line]:
        return [line for line in self.lines if line.case.status == TrialCase.Status.DONE]

    @property
    def changed(self) -> list[Line]:
        """What would change, sorted by what matters."""
        return sorted((line for line in self.answered if line.changes), key=lambda line: -line.weight)

    @property
    def unchanged(self) -> list[Line]:
        return [line for line in self.answered if not line.changes]

    @property
    def not_replayed(self) -> list[Line]:
        ended = (TrialCase.Status.NOT_REPLAYABLE, TrialCase.Status.FAILED)
        return [line for line in self.lines if line.case.status in ended]

    @property
    def verdicts(self) -> dict[str, int]:
        """{"better", "worse", "same", "unknown"}: against what people said the cause was."""
        counts = dict.fromkeys(("better", "worse", "same", "unknown"), 0)
        for line in self.answered:
            counts[line.verdict or "unknown"] += 1
        return counts

    @property
    def tally(self) -> Tally:
        return tally(line.grade for line in self.answered if line.grade)

    @property
    def said(self) -> Share:
        """Of how many answered tickets it is known what the team found, as a cause that has a name."""
        known = [line for line in self.answered if line.grade]
        return share_of(len(known), len(self.answered))

    @property
    def accepted(self) -> int:
        """Findings that are an acceptance of Altor's own answer, given by somebody who had read it."""
        return sum(bool(line.finding and line.finding.is_acceptance) for line in self.answered if line.grade)

    @property
    def ways(self) -> dict[str, int]:
        counts = dict.fromkeys(("stored", "partly", "asked"), 0)
        for line in self.answered:
            counts[line.case.way] += 1
        return counts


def report_of(trial: Trial, user: User | None) -> Report:
    """The report as `user` may read it; None reads everything. Five queries."""
    cases = TrialCase.objects.filter(trial=trial)
    shown = cases.filter(ticket__in=Ticket.objects.visible_to(user)) if user is not None else cases
    rows = list(
        shown.select_related("ticket__customer", "run").defer(
            "ticket__description", "ticket__class_why", "run__diagnosis", "run__inputs", "run__seen", "run__profile"
        )
    )
    causes = known_causes(*([trial.document] if trial.document else []))
    findings = findings_of([case.ticket_id for case in rows])
    lines = [_line(case, findings.get(case.ticket_id), causes) for case in rows]
    return Report(trial, lines, cases.count() - len(rows), causes)


def _line(case: TrialCase, finding: Finding | None, causes: Mapping[str, Cause]) -> Line:
    if case.after is None:
        return Line(case, finding)
    before, after = case.before, case.after
    changes = differences(before, after) if before is not None else []
    truth = finding.label if finding else ""
    if not truth:
        return Line(case, finding, changes)
    now = agreement(after["candidates"], truth, causes)
    then = agreement(before["candidates"], truth, causes) if before is not None else None
    verdict = ""
    if then is not None:
        step = ORDER.index(then) - ORDER.index(now)
        verdict = "better" if step > 0 else "worse" if step < 0 else "same"
    return Line(case, finding, changes, then, now, verdict)


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON, for REST and the command line."""
    trial, counts = report.trial, report.tally
    document: dict[str, Any] = {
        "trial": trial.ref,
        "kind": trial.kind,
        "status": trial.status,
        "playbook": (str(trial.playbook) if trial.playbook_id else trial.playbook_key) or None,
        "chosen": trial.chosen,
        "created_at": trial.created_at.isoformat(),
        "tickets": report.total,
        "ended": report.ended,
        "answered": len(report.answered),
        "not_replayed": len(report.not_replayed),
        "ways": report.ways,
        "known": report.said.hits,
        "accepted": report.accepted,
        "grades": {str(grade): n for grade, n in counts.grades},
        "shares": {
            name: {"hits": share.hits, "n": share.n, "low": round(share.low, 4), "high": round(share.high, 4)}
            for name, share in (("exact", counts.exact), ("near", counts.near), ("area", counts.area))
        },
    }
    if trial.kind == Trial.Kind.DRY_RUN:
        document |= {"changed": len(report.changed), "unchanged": len(report.unchanged), "verdicts": report.verdicts}
        lines = [*report.changed, *report.not_replayed, *report.unchanged]
    else:
        lines = report.lines
    return document | {"cases": [_case(line) for line in lines]}


def _case(line: Line) -> dict[str, Any]:
    case = line.case
    return {
        "ticket": case.ticket.ref,
        "investigation": case.run.ref if case.run else None,
        "status": case.status,
        "way": case.way or None,
        "asked": case.asked,
        "why": case.why,
        "before": case.before,
        "after": case.after,
        "changes": line.changes,
        "found": line.finding.label if line.finding else None,
        "grade": line.grade,
        "verdict": line.verdict or None,
    }
