"""From a correction to a proposed change of the playbook, and from there to a draft. Nothing is published here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import User
from altor.queue import enqueue
from altor.redaction import redact_text
from investigations.models import Feedback, Investigation, PlaybookDraft, PlaybookProposal, PlaybookVersion
from investigations.playbooks.loader import PlaybookInvalid
from investigations.playbooks.reweighing import Edit, EditRefused, rewritten
from investigations.playbooks.skeleton import StepRefused, insert_hypothesis
from investigations.services.causes import UNDECIDED, causes_in
from investigations.services.drafts import replace_text, version_in_force
from investigations.services.outdating import hold_verdicts
from investigations.services.playbook_repairs import LIMIT_S, repairs_of
from investigations.services.runs import LEARN

Kind, Status = PlaybookProposal.Kind, PlaybookProposal.Status
#: class.cause; one word alone may be a name out of the ticket.
_LABEL: Final = re.compile(r"[a-z]+\.[a-z0-9_]+")
#: Words and playbooks that are named at most.
_WORDS, _PLAYBOOKS = 12, 5
#: What a hypothesis is called until somebody names it.
UNNAMED: Final = "Say the cause in one line"


class DraftOpen(Conflict):
    """The person has a draft of the playbook; it is changed only when they say so."""

    code: ClassVar[str] = "draft_open"


def propose(
    feedback_id: int, *, alive: Callable[[], None] | None = None, limit_s: float = LIMIT_S
) -> PlaybookProposal | None:
    """The proposal that a correction leads to; None where there is nothing to propose, or no longer.

    Nothing: the verdict is not the run's last one, it names no cause, the playbook is not in force, or its version in
    force answers rightly already. A second call gives the proposal that the first one made.
    """
    feedback = Feedback.objects.select_related("investigation__playbook", "proposal").filter(pk=feedback_id).first()
    run = feedback.investigation if feedback is not None else None
    if feedback is None or run is None or run.playbook is None or not _is_last(feedback, run):
        return None
    if hasattr(feedback, "proposal"):
        return feedback.proposal
    found = feedback.label
    if feedback.verdict != "corrected" or found in ("", UNDECIDED) or run.status != Investigation.Status.DONE:
        return None
    version = version_in_force(run.playbook.key)
    if version is None:
        return None
    run = Investigation.objects.with_context().get(pk=run.pk)
    made = _made(run, version, found, alive, limit_s)
    return _stored(feedback, run, version, *made) if made is not None else None


def _made(
    run: Investigation, version: PlaybookVersion, found: str, alive: Callable[[], None] | None, limit_s: float
) -> tuple[str, list[dict[str, Any]], dict[str, Any]] | None:
    """(kind, changes, effect) of a proposal."""
    if found in causes_in(version.document):
        repairs = repairs_of(run, version, found=found, alive=alive, limit_s=limit_s)
        return (Kind.CHANGE, repairs.offered, repairs.effect) if repairs is not None else None
    effect = {"said": run.top_label, "found": found, "class": run.ticket.incident_class}
    others = PlaybookVersion.objects.active().exclude(key=version.key).order_by("key")
    knowing = [_other(other) for other in others if found in causes_in(other.document)][:_PLAYBOOKS]
    if knowing:
        return Kind.ELSEWHERE, [], effect | {"playbooks": knowing, "how": str(run.route.get("how", ""))}
    return Kind.MISSING, [], effect


def _other(version: PlaybookVersion) -> dict[str, Any]:
    """A playbook that knows the cause, with the words and tags that lead to it."""
    rules: Sequence[Mapping[str, Any]] = version.document.get("match", [])
    words = [word for rule in rules for word in rule.get("words") or ()]
    tags = [tag for rule in rules for tag in rule.get("tags") or ()]
    return {
        "key": version.key, "title": version.title, "class": version.incident_class, "words": words[:_WORDS],
        "tags": tags[:_WORDS],
    }  # fmt: skip


def _is_last(feedback: Feedback, run: Investigation) -> bool:
    return not Feedback.objects.filter(investigation=run, pk__gt=feedback.pk).exists()


@transaction.atomic
def _stored(
    feedback: Feedback, run: Investigation, version: PlaybookVersion, kind: str, changes: list[dict[str, Any]],
    effect: dict[str, Any],
) -> PlaybookProposal | None:  # fmt: skip
    """Kept, unless something else became true while it was worked out."""
    hold_verdicts(run.pk)
    if not _is_last(feedback, run):
        return None
    in_force = PlaybookVersion.objects.active().select_for_update(of=("self",)).filter(pk=version.pk)
    if not in_force.exists():
        enqueue(LEARN, feedback.pk)  # against the version that came into force meanwhile
        return None
    found, _ = PlaybookProposal.objects.get_or_create(
        feedback=feedback,
        defaults={
            "playbook_key": version.key, "base": version, "kind": kind, "changes": changes, "effect": effect,
        },
    )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A proposal as one person may see it. Where they may not open the ticket, `run` is None, and `found` is "" for
    words that are no label.
    """

    proposal: PlaybookProposal
    run: Investigation | None
    found: str


def told_to(user: User, proposals: Iterable[PlaybookProposal]) -> list[Told]:
    """One query for all of them, beside that of the proposals."""
    proposals = list(proposals)
    runs = [pk for proposal in proposals if (pk := proposal.feedback.investigation_id) is not None]
    seen = set(Investigation.objects.visible_to(user).filter(pk__in=runs).values_list("pk", flat=True))
    told = []
    for proposal in proposals:
        run = proposal.feedback.investigation if proposal.feedback.investigation_id in seen else None
        found = str(proposal.effect.get("found", ""))
        told.append(Told(proposal, run, found if run is not None or is_label(found) else ""))
    return told


def open_proposal_of(run: Investigation) -> PlaybookProposal | None:
    """What the last correction of the run proposes, while nobody has decided."""
    return PlaybookProposal.objects.open().filter(feedback__investigation=run).order_by("-pk").first()


def open_among(verdicts: Iterable[Feedback]) -> PlaybookProposal | None:
    """As `open_proposal_of`, of verdicts that were read together with their proposals. No query."""
    made = (getattr(verdict, "proposal", None) for verdict in verdicts)
    return next((proposal for proposal in made if proposal is not None and proposal.is_open), None)


def is_label(text: str) -> bool:
    """Whether it names a cause as hypotheses do; what people send over the API may be anything."""
    return len(text) <= 60 and _LABEL.fullmatch(text) is not None


@transaction.atomic
def take(proposal: PlaybookProposal, *, actor: User, choice: int = 0, into_open: bool = False) -> PlaybookDraft:
    """The change in the actor's draft of the playbook, begun now where there was none; nothing is published.

    DraftOpen where they have one, unless `into_open`: then the change is made in its text, and the text before can be
    taken back. Conflict when the proposal is not open any more or has nothing to take, or when the draft's text does
    not hold what the change is of.
    """
    locked = PlaybookProposal.objects.select_for_update(of=("self",)).select_related("base").get(pk=proposal.pk)
    _must_be_open(locked)
    draft = PlaybookDraft.objects.select_for_update().of(actor, locked.playbook_key).first()
    if draft is not None and not into_open:
        raise DraftOpen("You have an open draft of this playbook: put the change into it, or discard it first.")
    before = draft.text if draft is not None else locked.base.source_yaml
    text = _changed(locked, before, choice)
    # A draft that was begun earlier keeps its own base: who publishes it is still told of later versions.
    base = locked.base if draft is None else None
    taken = replace_text(owner=actor, key=locked.playbook_key, text=text, why=f"the change {locked.ref}", base=base)
    _decide(locked, Status.TAKEN, actor, "")
    return taken


def _changed(proposal: PlaybookProposal, text: str, choice: int) -> str:
    try:
        if proposal.kind == Kind.MISSING:
            return insert_hypothesis(text, _new_label(proposal), UNNAMED)[0]
        if proposal.kind != Kind.CHANGE or not 0 <= choice < len(proposal.changes):
            raise Conflict("There is no such change to take.")
        return rewritten(text, [Edit.of(edit) for edit in proposal.changes[choice]["edits"]])
    except (EditRefused, StepRefused) as refused:
        raise Conflict(str(refused)) from None
    except PlaybookInvalid as invalid:
        raise Conflict(f"The draft cannot be read: {invalid.problems[0]}") from None


def _new_label(proposal: PlaybookProposal) -> str:
    """The label that the person gave, where a hypothesis can have it."""
    found = str(proposal.effect.get("found", ""))
    return (
        found if is_label(found) else f"{proposal.base.document['hypotheses'][0]['label'].partition('.')[0]}.new_cause"
    )


@transaction.atomic
def dismiss(proposal: PlaybookProposal, *, actor: User, reason: str) -> None:
    """Not so, and why. InvalidInput without a reason, Conflict when somebody has decided."""
    reason = redact_text(" ".join(reason.replace("\x00", "").split()))[:500]
    if not reason:
        raise InvalidInput("Say why not: the team reads it at the next correction.")
    locked = PlaybookProposal.objects.select_for_update(of=("self",)).get(pk=proposal.pk)
    _must_be_open(locked)
    _decide(locked, Status.DISMISSED, actor, reason)


def _must_be_open(proposal: PlaybookProposal) -> None:
    if not proposal.is_open:
        raise Conflict(f"{proposal.ref} is not open any more: {proposal.get_status_display().lower()}.")


def _decide(proposal: PlaybookProposal, status: str, actor: User, reason: str) -> None:
    proposal.status, proposal.decided_by, proposal.decided_at = status, actor, timezone.now()
    proposal.reason = reason
    proposal.save(update_fields=["status", "decided_by", "decided_at", "reason"])
    record_event(
        actor=actor, action=f"playbook.proposal_{status}", object_kind="playbook", object_ref=str(proposal.base),
        after={"proposal": proposal.ref}, reason=reason,
    )  # fmt: skip
