"""How good escalations are: judged by the checklist at sending, and by engineering afterwards. Both are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from escalations.models import Escalation, EscalationEvent, Verdict

C = Escalation.Completeness
_W = EscalationEvent.What
#: What decides, the first time: taken, or returned. A start without an acceptance is one.
_DECIDES = (_W.ACCEPTED, _W.STARTED, _W.RESOLVED, _W.REJECTED)


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of escalations, and shares from 0 to 1 (None where nothing can be divided).

    `completeness` and `returns`: code -> how many, all codes of the first, those seen of the second.
    """

    sent: int
    completeness: Mapping[str, int]
    decided: int
    accepted_first: int
    returns: Mapping[str, int]
    judged: int
    judged_complete: int
    judged_avoidable: int

    @property
    def strict(self) -> float | None:
        """Sent with all required items by evidence, of all sent. An override or an answer does not count."""
        return _share(self.completeness[C.EVIDENCE], self.sent)

    @property
    def first_pass(self) -> float | None:
        """Accepted without a return, of those decided."""
        return _share(self.accepted_first, self.decided)

    @property
    def complete(self) -> float | None:
        """Engineering said that the packet was complete, of those judged."""
        return _share(self.judged_complete, self.judged)

    @property
    def avoidable(self) -> float | None:
        """Engineering said that support could have resolved it, of those judged."""
        return _share(self.judged_avoidable, self.judged)

    @property
    def others(self) -> list[tuple[str, int]]:
        """The other ways of being sent that occurred: (words, how many)."""
        return [(C(code).label, n) for code, n in self.completeness.items() if code != C.EVIDENCE and n]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return [(Escalation.Rejection(code).label, n) for code, n in self.returns.items()]


def scores(escalations: QuerySet[Escalation]) -> Scores:
    """Three queries. Withdrawn ones count as sent, never as decided unless engineering had decided before."""
    rows = dict(escalations.order_by().values_list("pk", "completeness"))
    how = Counter(rows.values())
    decisions = EscalationEvent.objects.filter(escalation__in=list(rows), what__in=_DECIDES).order_by("at", "pk")
    first: dict[int, str] = {}
    returns: Counter[str] = Counter()
    for pk, what, data in decisions.values_list("escalation_id", "what", "data"):
        first.setdefault(pk, what)
        if what == _W.REJECTED:
            returns[str(data.get("reason", ""))] += 1
            first[pk] = what  # returned later is returned too
    verdicts = _newest(Verdict.objects.filter(escalation__in=list(rows)).order_by("pk"))
    return Scores(
        len(rows), {code: how[code] for code in C.values}, len(first),
        sum(what != _W.REJECTED for what in first.values()),
        {code: returns[code] for code in Escalation.Rejection.values if returns[code]},
        len(verdicts), sum(one.is_complete for one in verdicts), sum(one.was_avoidable for one in verdicts),
    )  # fmt: skip


def _newest(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return list({one.escalation_id: one for one in verdicts}.values())


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
