"""Practice on closed tickets: which are fit for it, a person's answer, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from altor.errors import InvalidInput
from altor.models import User
from altor.redaction import redact_text
from investigations.models import Investigation, PracticeTry, Ticket
from investigations.models.investigations import InvestigationQuerySet
from investigations.services.agreement import Grade, Share, agreement, share_of
from investigations.services.causes import UNDECIDED, Cause, known_causes
from investigations.services.findings import Finding, findings_of

#: Difficulty -> confidence of the stored diagnosis: at least, below. What Altor was unsure of is harder for people too.
DIFFICULTIES: Final[dict[str, tuple[float, float]]] = {"easy": (0.9, 1.01), "medium": (0.7, 0.9), "hard": (0.0, 0.7)}
SCOPES: Final = (
    ("customer", "This customer only"),
    ("endpoint", "One endpoint"),
    ("region", "One region"),
    ("instance", "One instance"),
    ("ip", "One address"),
    ("all", "All customers"),
    ("none", "Nobody: nothing is wrong"),
)


def fit_for_practice(user: User, *, incident_class: str = "", difficulty: str = "") -> InvestigationQuerySet:
    """The newest finished run of each closed ticket that the person may open, if it named something; newest first."""
    newest = Investigation.objects.filter(ticket=OuterRef("ticket"), status=Investigation.Status.DONE).order_by("-pk")
    runs = Investigation.objects.visible_to(user).filter(
        pk=Subquery(newest.values("pk")[:1]), ticket__status=Ticket.Status.RESOLVED, playbook__isnull=False
    )
    runs = runs.exclude(top_label__in=["", UNDECIDED])
    if incident_class:
        runs = runs.filter(ticket__incident_class=incident_class)
    if difficulty in DIFFICULTIES:
        least, below = DIFFICULTIES[difficulty]
        runs = runs.filter(confidence__gte=least, confidence__lt=below)
    return runs.order_by("-pk")


def difficulty_of(run: Investigation) -> str:
    sure = run.confidence or 0.0
    return next(name for name, (least, below) in DIFFICULTIES.items() if least <= sure < below)


def record_try(
    run: Investigation,
    *,
    person: User,
    token: UUID,
    label: str,
    scope: str,
    next_step: str = "",
    confidence: float | None = None,
) -> PracticeTry:
    """The person's answer, graded against the team's finding where it names a cause, else against Altor's diagnosis.

    The same token again gives the try it made. Nothing of the ticket or the run is written.
    """
    causes = known_causes(run.playbook.document if run.playbook else {})
    if label not in causes:
        raise InvalidInput("Choose the cause.", label=label)
    if scope not in dict(SCOPES):
        raise InvalidInput("Choose how far it reaches.", scope=scope)
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise InvalidInput("How sure you are is between 0 and 100%.")
    finding = findings_of([run.ticket_id]).get(run.ticket_id)
    truth = finding.label if finding and finding.label else run.top_label
    try:
        with transaction.atomic():
            return PracticeTry.objects.create(
                person=person,
                run=run,
                token=token,
                label=label,
                scope=scope,
                next_step=redact_text(next_step.replace("\x00", "")).strip()[:1000],
                confidence=confidence,
                truth=truth,
                is_of_team=bool(finding and finding.label),
                # One answer: it is right, of the right area, or wrong. There is no second guess to be a hop short.
                grade=agreement([{"label": label}], truth, causes),
            )
    except IntegrityError:
        known = PracticeTry.objects.filter(token=token, person=person, run=run).first()
        if known is None:
            raise
        return known


@dataclass(frozen=True, slots=True)
class Comparison:
    """A try beside Altor's diagnosis and the team's finding. Entries of `for_` and `against`: {"evidence", "says"}."""

    said: Cause
    altor: Mapping[str, Any]  # the first candidate
    finding: Finding | None
    causes: Mapping[str, Cause]
    for_altor: Sequence[Mapping[str, Any]]
    against_said: Sequence[Mapping[str, Any]]
    is_considered: bool  # whether the run weighed the cause that the person named
    scope_is_same: bool


def compare_try(attempt: PracticeTry) -> Comparison:
    """What separates the answers: what spoke for Altor's, and what spoke against the person's where it was weighed."""
    run = attempt.run
    document = run.diagnosis or {}
    candidates = document.get("candidates") or [{"label": run.top_label, "title": run.top_label, "confidence": None}]
    first = candidates[0]
    causes = known_causes(run.playbook.document if run.playbook else {})
    said = causes.get(attempt.label, Cause(attempt.label, attempt.label, ""))
    theirs = next((item for item in candidates if item["label"] == attempt.label), None)
    return Comparison(
        said=said,
        altor=first,
        finding=findings_of([run.ticket_id]).get(run.ticket_id),
        causes=causes,
        for_altor=first.get("why") or [],
        against_said=(theirs.get("against") or []) if theirs is not None and theirs is not first else [],
        is_considered=theirs is not None,
        scope_is_same=(document.get("scope") or {}).get("kind") == attempt.scope,
    )


@dataclass(frozen=True, slots=True)
class Record:
    """A person's tries: how many were right, and how sure they said they were where they said it."""

    share: Share
    stated: float | None
    stated_n: int


def record_of(tries: Sequence[PracticeTry]) -> Record:
    sure = [attempt.confidence for attempt in tries if attempt.confidence is not None]
    right = sum(attempt.grade == Grade.EXACT for attempt in tries)
    return Record(share_of(right, len(tries)), sum(sure) / len(sure) if sure else None, len(sure))
