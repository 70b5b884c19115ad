"""What conditions of a contract can read: the facts of one finished investigation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from investigations.models import Evidence, Investigation, StepResult

#: name -> what it is
NAMES: Final[dict[str, str]] = {
    "evidence": "list of {ref_id, source, kind, verdict, summary, step, url, at, figures, ref, has_query}",
    "checked": "list of the sources that answered, e.g. ['clickhouse', 'github']",
    "steps": "step id -> {status, verdict, source}",
    "diagnosis": "{label, class, confidence, severity, escalate, scope, onset, culprit, ruled_out, unavailable, "
    "affected, question}",
    "inputs": "what the run knew at its start: org_id, endpoint, onset, …; only what is known",
    "ticket": "{ref, class, priority, tags, channel, status}",
    "customer": "{org_id, name, plan, tier, mrr_minor, mrr_currency}; {} when nobody knows the customer",
    "severity": "SEV1 to SEV4: the severity that the checklist is looked at for",
}
_ANSWERED: Final = frozenset({StepResult.Status.DONE})
_ASIDE: Final = frozenset({"manual", "computed", ""})


def names_of(run: Investigation, severity: str) -> dict[str, Any]:
    """The values of `NAMES` for a run. Reads its evidence and steps: two queries, unless they are prefetched."""
    steps = list(run.steps.all())
    ticket, customer = run.ticket, run.ticket.customer
    return {
        "evidence": [_evidence(one, steps) for one in run.evidence.all()],
        "checked": sorted({step.source for step in steps if step.status in _ANSWERED} - _ASIDE),
        "steps": {
            step.step_id: {"status": step.status, "verdict": step.verdict, "source": step.source} for step in steps
        },
        "diagnosis": _diagnosis(run.diagnosis or {}),
        "inputs": {name: value for name, value in (run.inputs or {}).items() if value is not None},
        "ticket": {
            "ref": ticket.ref, "class": ticket.incident_class, "priority": ticket.priority, "tags": list(ticket.tags),
            "channel": ticket.channel, "status": ticket.status,
        },
        "customer": {} if customer is None else {
            "org_id": customer.org_id, "name": customer.name, "plan": customer.plan, "tier": customer.tier,
            "mrr_minor": float(customer.mrr_minor or 0), "mrr_currency": customer.mrr_currency,
        },
        "severity": severity,
    }  # fmt: skip


def unavailable_sources(run: Investigation, steps: Iterable[StepResult]) -> frozenset[str]:
    """Sources that were asked and gave no answer, at one step at least."""
    away = {step.source for step in steps if step.status == StepResult.Status.UNAVAILABLE}
    return frozenset(away | set((run.diagnosis or {}).get("unavailable") or ())) - _ASIDE


def _evidence(one: Evidence, steps: list[StepResult]) -> dict[str, Any]:
    step = next((step.step_id for step in steps if step.pk == one.step_id), "")
    return {
        "ref_id": one.ref_id, "source": one.source, "kind": one.kind, "verdict": one.verdict, "summary": one.summary,
        "step": step, "url": one.url, "at": one.at.isoformat() if one.at else "", "figures": one.figures,
        "ref": one.ref, "has_query": bool(one.requests),
    }  # fmt: skip


def _diagnosis(document: Mapping[str, Any]) -> dict[str, Any]:
    """With every name, so that a condition over what is not known is unknown and not a mistake."""
    first = (document.get("candidates") or [{}])[0]
    return {
        "label": first.get("label", ""), "class": document.get("class") or "",
        "confidence": float(first.get("confidence") or 0.0), "severity": document.get("severity") or "",
        "escalate": bool(document.get("escalate")), "scope": document.get("scope") or {"kind": "none", "value": None},
        "onset": document.get("onset") or "", "culprit": document.get("culprit") or {"kind": "none", "id": ""},
        "ruled_out": list(document.get("ruled_out") or []), "unavailable": list(document.get("unavailable") or []),
        "affected": float((document.get("affected") or {}).get("total") or 0),
        "question": document.get("question") or "",
    }  # fmt: skip
