"""An entry drafted from a finished investigation: what was seen, why, how it was proved, what was really done.

Nothing is pasted from the conversation. Customers, people and the ids of the case are taken out of every text, so that
the draft speaks of the cause and not of who had it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from altor.errors import InvalidInput
from escalations.models import Escalation
from investigations.models import Evidence, Investigation, PlaybookVersion, TicketClaim
from investigations.playbooks.conditions import roots_in
from investigations.playbooks.format import TRIAGE, Hypothesis, Playbook, Step
from investigations.playbooks.stored import stored_playbook
from investigations.services.causes import causes_in
from knowledge.entries.detection import STEP, PlaybookDetection, check_detection
from knowledge.entries.scrubbing import scrubber
from knowledge.models.entries import CONTENT

#: Evidence of a verdict that is told as a symptom, at most so many pieces.
_SYMPTOMS: Final = 5
_REASONS: Final = 5
#: Names that a question may use without another step.
_GIVEN: Final = frozenset({"inputs", "customer", "ticket", "profile"})
_SLOT: Final = re.compile(r"\{[^{}]*\}")
_SERVICES: Final = ("service", "services", "component", "endpoint", "route")
#: Labels under which nothing was found that could be written down.
_NO_CAUSE: Final = frozenset({"", "inconclusive", "none.no_anomaly", "other.out_of_scope"})


def draft_content(run: Investigation, *, label: str = "") -> dict[str, Any]:
    """The content of an entry as far as the run knows it, for `create_entry`. `label`: what the cause really was, where
    a person corrected the diagnosis. Up to ten queries.
    """
    document = run.diagnosis or {}
    label = label or run.top_label
    candidate = _candidate(document, label)
    playbook = _playbook(run)
    hypothesis = _hypothesis(playbook, label)
    evidence = list(run.evidence.order_by("pk"))
    clean = scrubber(run.ticket)
    title = str(candidate.get("title") or (hypothesis.title if hypothesis else "") or run.ticket.subject)
    found: dict[str, Any] = {
        "title": clean(_SLOT.sub("…", title))[:300] or "No title yet",
        "incident_class": str(document.get("class") or run.ticket.incident_class),
        "label": "" if label in _NO_CAUSE else label,
        "symptoms": _listed(_symptoms(run, document, evidence), clean),
        "root_cause": clean(_root_cause(title, candidate)),
        "detection": _detection(playbook, hypothesis) or _by_playbook(playbook, "" if label in _NO_CAUSE else label),
        "remediation": _listed(_remedies(run, document, hypothesis), clean),
        "escalation_criteria": _listed(_criteria(document, hypothesis), clean),
        "components": [clean(one)[:80] for one in _components(evidence)],
    }
    return {name: value for name, value in found.items() if name in CONTENT and value}


def _candidate(document: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    candidates = document.get("candidates") or ()
    return next((one for one in candidates if one.get("label") == label), {})


def _playbook(run: Investigation) -> Playbook | None:
    if run.playbook is None:
        return None
    try:
        return stored_playbook(run.playbook.pk, run.playbook.sha256)
    except ValueError:  # a version of a format that is no longer read
        return None


def _hypothesis(playbook: Playbook | None, label: str) -> Hypothesis | None:
    return next((one for one in playbook.hypotheses if one.label == label), None) if playbook is not None else None


def _listed(lines: Sequence[str] | Iterator[str], clean: Callable[[str], str]) -> str:
    """As a list in Markdown, each line once; one line alone is a sentence."""
    kept = list(dict.fromkeys(clean(" ".join(line.split())) for line in lines if line and line.strip()))
    return kept[0] if len(kept) == 1 else "\n".join(f"- {line}" for line in kept)


def _symptoms(run: Investigation, document: Mapping[str, Any], evidence: Sequence[Evidence]) -> Iterator[str]:
    symptom = document.get("symptom") or {}
    if symptom.get("found") == "yes":
        yield str(symptom.get("title", ""))
    wanted = (TicketClaim.Kind.ENDPOINT, TicketClaim.Kind.ERROR_CODE)
    for claim in run.ticket.claims.filter(is_active=True, kind__in=wanted):
        yield f"`{claim.value}`"
    abnormal = [one for one in evidence if one.verdict == "abnormal"]
    yield from (one.summary for one in abnormal[:_SYMPTOMS])


def _root_cause(title: str, candidate: Mapping[str, Any]) -> str:
    reasons = [str(why.get("says", "")) for why in (candidate.get("why") or ())[:_REASONS]]
    told = "\n".join(f"- {reason}" for reason in dict.fromkeys(reasons) if reason)
    sentence = _SLOT.sub("…", title).rstrip(".")
    return f"{sentence}.\n\nSeen in the case it was written down from:\n\n{told}" if told else f"{sentence}."


def _remedies(run: Investigation, document: Mapping[str, Any], hypothesis: Hypothesis | None) -> Iterator[str]:
    """What was really done first: what engineering said when it resolved, what was shipped; then what is usual."""
    for sent in Escalation.objects.filter(links__ticket=run.ticket, status__in=("resolved", "verified")).distinct():
        told = sent.history.filter(what="resolved").exclude(text="").order_by("-pk").values_list("text", flat=True)
        yield from list(told[:1])
        if sent.issue is not None:
            for url in sent.issue.pulls.filter(merged_at__isnull=False).values_list("url", flat=True):
                yield f"Fixed by {url}"
    for text in hypothesis.remediation if hypothesis is not None else ():
        yield _SLOT.sub("…", text)


def _criteria(document: Mapping[str, Any], hypothesis: Hypothesis | None) -> Iterator[str]:
    escalation = hypothesis.escalation if hypothesis is not None else None
    if escalation is not None:
        why = _SLOT.sub("…", escalation.why)
        yield f"{escalation.severity}: {why}" if why else f"As {escalation.severity}."
    elif document.get("escalate") and document.get("severity"):
        yield f"{document['severity']}: {document.get('severity_why') or 'as in the case it was written down from'}"


def _components(evidence: Sequence[Evidence]) -> list[str]:
    found: dict[str, None] = {}
    for one in evidence:
        if one.verdict != "abnormal":
            continue
        for name in _SERVICES:
            value = (one.ref or {}).get(name)
            if isinstance(value, str) and value:
                found[value] = None
    return list(found)[:10]


# ------------------------------------------------------------------------------------------------ detection
def _detection(playbook: Playbook | None, hypothesis: Hypothesis | None) -> dict[str, Any] | None:
    """The decisive sign of the cause that one question can show, as a query of its own; None where there is none."""
    if playbook is None or hypothesis is None:
        return None
    steps = {step.id: step for step in playbook.steps}
    for signal in sorted(hypothesis.signals, key=lambda one: -one.when_true):
        roots = roots_in(signal.when)
        if not signal.decisive or signal.when_true <= 0 or len(roots) != 1:
            continue
        step = steps.get(next(iter(roots)))
        if step is None or step.source == "manual" or not _stands_alone(step):
            continue
        try:
            return check_detection(_as_detection(step, signal.when, signal.says)).document()
        except InvalidInput:
            continue
    return None


def _by_playbook(playbook: Playbook | None, label: str) -> dict[str, Any] | None:
    """What several steps show together: the hypothesis of a playbook in force, that of the run before others."""
    if not label:
        return None
    own = playbook.key if playbook is not None else ""
    in_force = PlaybookVersion.objects.active().exclude(key=TRIAGE).values_list("key", "document")
    having = [key for key, document in in_force if label in causes_in(document)]
    if not having:
        return None
    return PlaybookDetection(playbook=min(having, key=lambda key: (key != own, key)), label=label).document()


def _stands_alone(step: Step) -> bool:
    """Whether its question needs no other step's answer."""
    expressions = [one for value in step.params.values() for one in (value if isinstance(value, list) else [value])]
    others = {root for one in [*expressions, *step.facts.values()] for root in roots_in(one)} - _GIVEN - {step.id}
    return not (step.depends_on or step.reads or others)


def _as_detection(step: Step, fires: str, says: str) -> dict[str, Any]:
    dumped = step.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    kept = ("source", "operation", "query", "fence", "params", "optional_params", "max_rows", "measure", "facts")
    document = {name: dumped[name] for name in kept if name in dumped}
    own = re.compile(rf"\b{re.escape(step.id)}\.")

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return own.sub(f"{STEP}.", value)
        if isinstance(value, list):
            return [renamed(one) for one in value]
        return {name: renamed(one) for name, one in value.items()} if isinstance(value, dict) else value

    query = document.pop("query", None)  # SQL has names of its own
    document = renamed(document) | ({"query": query} if query else {})
    return {**document, "expect": step.question[:500], "fires": renamed(fires), "says": renamed(says)[:500]}
