"""When a helpdesk removes a ticket or a message, what escalations and questions quote of it goes too.

The rows stay, and with them what happened, when and by whom. Engineering's issue in Linear is the workspace's own; our
copies of what was written there are emptied.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from altor.models import Notice
from escalations.lifecycle.causes import title_of
from escalations.models import (
    AttachedFile,
    ChecklistAnswer,
    Escalation,
    EscalationDraft,
    EscalationEvent,
    IssueComment,
    Question,
    TrackedIssue,
    TypedHours,
    Verdict,
)
from escalations.models.linear import Outgoing
from escalations.packets.erasing import without_replies, without_words
from investigations.models import Ticket
from investigations.services.erasure import REMOVED

W = EscalationEvent.What


def erase(ticket: Ticket, ids: Sequence[str]) -> None:
    """With `*`: all words on the ticket and its escalations. With ids of messages: the replies that packets quote; what
    people wrote themselves is not known to quote them. Twice is once.
    """
    escalations = Escalation.objects.filter(ticket=ticket)
    if "*" not in ids:
        for escalation in escalations.only("pk", "packet"):
            Escalation.objects.filter(pk=escalation.pk).update(packet=without_replies(escalation.packet))
        return
    AttachedFile.objects.filter(ticket=ticket).delete()
    ChecklistAnswer.objects.filter(ticket=ticket).exclude(text="").update(text="")
    EscalationDraft.objects.filter(ticket=ticket).delete()
    for escalation in escalations.select_related("run__ticket"):
        _forget(escalation)
    # A ticket that joined another's escalation: what was said of it there.
    EscalationEvent.objects.filter(what=W.JOINED, data__ticket=ticket.ref).exclude(text="").update(text="")
    _forget_questions(ticket)


def _forget(escalation: Escalation) -> None:
    before = Escalation.objects.filter(pk=escalation.pk)
    before.update(
        title=title_of(escalation.run), note="", severity_why="",
        override_reason=REMOVED if escalation.override_reason else "",
        checklist=[{**item, "says": "", "files": []} for item in escalation.checklist],
        packet=without_words({**escalation.packet, "title": title_of(escalation.run)}, removed=REMOVED)
        if escalation.packet else {},
    )  # fmt: skip
    Verdict.objects.filter(escalation=escalation).exclude(comment="").update(comment="")
    TypedHours.objects.filter(escalation=escalation).exclude(note="").update(note="")
    # What Linear told of the issue is no word of the customer's or about them. The trigger lets texts be emptied.
    events = EscalationEvent.objects.filter(escalation=escalation).exclude(what=W.ISSUE)
    keys = list(events.values_list("key", flat=True))
    events.exclude(text="").update(text="")
    _forget_in_linear(escalation, keys)
    Notice.objects.filter(subject_ref=escalation.ref).update(lines=[])


def _forget_in_linear(escalation: Escalation, keys: list[str]) -> None:
    """What was written there stays there; what was not written yet is not written any more."""
    if escalation.issue_id is None:
        return
    own = TrackedIssue.objects.filter(pk=escalation.issue_id, cause_key=escalation.ref)
    name = f"[{escalation.severity}] {REMOVED} ({escalation.ref})"
    own.update(title=name, description="")
    own.exclude(seen_title="").update(seen_title=name)
    ours = IssueComment.objects.filter(
        Q(key=f"{escalation.ref}:packet") | Q(key__in=[key[:120] for key in keys]), issue=escalation.issue_id,
        direction=IssueComment.Direction.OUT,
    )  # fmt: skip
    ours.filter(status=Outgoing.PENDING).update(
        body="", status=Outgoing.FAILED, reason="The ticket was removed in the helpdesk."
    )
    ours.exclude(body="").update(body="")


def _forget_questions(ticket: Ticket) -> None:
    questions = Question.objects.filter(ticket=ticket)
    refs = [one.ref for one in questions.only("pk")]
    questions.update(text=REMOVED, lines=[])
    questions.exclude(answer="").update(answer=REMOVED)
    TypedHours.objects.filter(question__ticket=ticket).exclude(note="").update(note="")
    Notice.objects.filter(subject_ref__in=refs).update(lines=[])
