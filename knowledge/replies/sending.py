"""A reply goes out: through Altor's outbox, or by a person who then says so.

Altor sends nothing that the check finds a leak in, unless somebody who may overrides it with a reason, and no answer
whose diagnosis is not through its gate. Acknowledgements and holding replies say nothing of a diagnosis: no gate holds
them.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput, PermissionRefused
from altor.models import User
from altor.queue import enqueue
from altor.redaction import redact_text
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import HelpdeskConnection, Ticket
from investigations.replies import ReplyFinding, ReplyLeaks, check_reply
from investigations.services.gates import require_open
from investigations.services.lifecycle import mark_replied
from knowledge.models import PromisedUpdate, Reply
from knowledge.models.replies import Kind
from knowledge.replies.drafts import newest_diagnosis, own_draft
from knowledge.replies.similarity import similarity

#: Characters that a reason has at least.
SHORTEST_REASON: Final = 10
_SAME_WITHIN: Final = timedelta(hours=24)
#: How a person may say that a reply is out.
BY_HAND: Final = frozenset({Reply.How.COPIED, Reply.How.TYPED, Reply.How.INSERTED})
DELIVER: Final = "knowledge.tasks.deliver_reply"


def connection_of(ticket: Ticket) -> HelpdeskConnection | None:
    """The ticket's helpdesk where Altor may send replies, None otherwise. One query."""
    adapter = helpdesk_named(ticket.helpdesk)
    if adapter is None or not adapter.can_reply or not ticket.connection:
        return None
    found = HelpdeskConnection.objects.filter(
        endpoint__source=ticket.helpdesk, endpoint__connection=ticket.connection, endpoint__is_active=True,
        sends_replies=True,
    )  # fmt: skip
    return found.select_related("endpoint").first()


@transaction.atomic
def send(reply: Reply, *, actor: User, override_reason: str = "", now: datetime) -> Reply:
    """Put the draft on its way. Of two that arrive together one does; the other gets the same row back.

    ReplyLeaks with `findings`, GateClosed, Conflict when the helpdesk cannot be written to or the diagnosis is no
    longer the newest.
    """
    locked = Reply.objects.select_for_update(of=("self",)).get(pk=reply.pk)
    if not locked.is_draft and locked.author_id == actor.pk:
        return locked
    locked = own_draft(reply, actor)
    ticket = _open_ticket(locked)
    if connection_of(ticket) is None:
        raise Conflict(
            "Altor may not send replies through this ticket's helpdesk: copy the text, then mark it as sent."
        )
    _require_gate(locked)
    _refuse_twice(locked, now)
    found = _checked(locked, actor, override_reason)
    locked.findings = [one.as_dict() for one in found]
    locked.status, locked.how, locked.sent_by = Reply.Status.QUEUED, Reply.How.SENT, actor
    locked.marker, locked.not_before, locked.saved_at = secrets.token_hex(8), None, now
    locked.save()
    _tell_override(locked, actor, now)
    record_event(
        actor=actor, action="reply.queued", object_kind="ticket", object_ref=ticket.ref,
        after={"reply": locked.pk, "kind": locked.kind, "characters": len(locked.text)},
    )  # fmt: skip
    enqueue(DELIVER, locked.pk)
    return locked


@transaction.atomic
def mark_sent(reply: Reply, *, actor: User, how: str, now: datetime) -> Reply:
    """A person sent it by hand. What the check finds in it is kept and shown: it is out, so nothing holds it back but
    the gate, which says what was promised to be looked at before.
    """
    if how not in BY_HAND:
        raise InvalidInput(f"There is no way {how!r}: {', '.join(sorted(BY_HAND))}.")
    locked = Reply.objects.select_for_update(of=("self",)).get(pk=reply.pk)
    if not locked.is_draft and locked.author_id == actor.pk:
        return locked
    locked = own_draft(reply, actor)
    ticket = _open_ticket(locked)
    if not locked.text.strip():
        raise InvalidInput("There is nothing in the reply.")
    _require_gate(locked)
    locked.findings = [one.as_dict() for one in check_reply(ticket, locked.run, locked.text)]
    locked.how, locked.sent_by = how, actor
    went_out(locked, now=now)
    return locked


@transaction.atomic
def send_again(reply: Reply, *, actor: User, now: datetime) -> Reply:
    """Try once more what could not be sent. What arrived after all is found by its marker, not sent twice."""
    if not actor.may("ticket.reply"):
        raise PermissionRefused("Your role may not write replies to customers.")
    locked = Reply.objects.select_for_update(of=("self",)).select_related("ticket").get(pk=reply.pk)
    if locked.status != Reply.Status.FAILED:
        return locked
    _require_gate(locked)
    locked.status, locked.not_before, locked.reason = Reply.Status.QUEUED, None, ""
    locked.save(update_fields=["status", "not_before", "reason"])
    record_event(
        actor=actor, action="reply.queued", object_kind="ticket", object_ref=locked.ticket.ref,
        after={"reply": locked.pk, "again": True},
    )  # fmt: skip
    enqueue(DELIVER, locked.pk)
    return locked


def went_out(reply: Reply, *, now: datetime, sent_at: datetime | None = None, marks: bool = True) -> None:
    """The customer has it: compare with the draft, keep it redacted, and set the clocks. In the caller's transaction,
    with the row locked. `marks`: the ticket is marked as replied; not where the helpdesk told of the reply.
    """
    reply.similarity = similarity(reply.draft_text, reply.text)
    reply.text, reply.draft_text = redact_text(reply.text), redact_text(reply.draft_text)
    reply.status, reply.sent_at, reply.reason = Reply.Status.SENT, sent_at or now, ""
    reply.save()
    ticket = reply.ticket
    record_event(
        actor=reply.sent_by, action="reply.sent", object_kind="ticket", object_ref=ticket.ref,
        after={
            "reply": reply.pk, "kind": reply.kind, "how": reply.how, "template": str(reply.version or ""),
            "similarity": round(reply.similarity, 3), "leaks": reply.leaks,
        },
        reason=reply.override_reason,
    )  # fmt: skip
    events.record(
        "reply.sent", ticket_ref=ticket.ref, subject_ref=reply.run.ref if reply.run else "", at=reply.sent_at,
        actor=reply.sent_by, key=f"reply.sent:{reply.pk}",
        data={"kind": reply.kind, "how": reply.how, "similarity": round(reply.similarity, 3), "leaks": reply.leaks},
    )  # fmt: skip
    if marks and reply.kind == Kind.ANSWER and reply.sent_by is not None:
        _mark_ticket(reply, reply.sent_by, now)
    keep_promises(ticket, reply, at=reply.sent_at)


def keep_promises(ticket: Ticket, reply: Reply, *, at: datetime) -> None:
    """This reply meets what was promised before, and may promise the next update."""
    earlier = PromisedUpdate.objects.open().filter(ticket=ticket, promised_at__lte=at).exclude(reply=reply)
    earlier.update(met_at=at, met_by=reply)
    if reply.next_update_at is not None and reply.next_update_at > at:
        PromisedUpdate.objects.update_or_create(
            reply=reply,
            defaults={
                "ticket": ticket, "due_at": reply.next_update_at, "promised_by": reply.sent_by, "promised_at": at,
            },
        )  # fmt: skip


def _mark_ticket(reply: Reply, actor: User, now: datetime) -> None:
    """A ticket that was resolved or diagnosed anew meanwhile keeps its state: the reply is out all the same."""
    try:
        with transaction.atomic():
            mark_replied(reply.ticket, actor=actor, text=reply.text, now=now)
    except DomainError as refused:
        reply.reason = f"The ticket was not marked as replied: {refused.detail}"
        reply.save(update_fields=["reason"])


def _open_ticket(reply: Reply) -> Ticket:
    ticket = reply.ticket
    if ticket.status == Ticket.Status.RESOLVED:
        raise Conflict(f"{ticket.ref} is resolved. Reopen it first.", ticket=ticket.ref)
    return ticket


def _require_gate(reply: Reply) -> None:
    if reply.kind != Kind.ANSWER:
        return
    run = newest_diagnosis(reply.ticket)
    if run is None:
        return
    if reply.run_id != run.pk:
        raise Conflict(
            f"{run.ref} has a newer diagnosis than this draft rests on: fill the draft again.", investigation=run.ref
        )
    require_open(run, "reply")


def _refuse_twice(reply: Reply, now: datetime) -> None:
    """The same words from two open pages are one reply."""
    if not reply.text.strip():
        raise InvalidInput("There is nothing in the reply.")
    recent = Reply.objects.filter(ticket=reply.ticket, saved_at__gte=now - _SAME_WITHIN).exclude(pk=reply.pk)
    others = recent.filter(
        status__in=[Reply.Status.QUEUED, Reply.Status.SENDING, Reply.Status.SENT], how=Reply.How.SENT
    )
    # What went out is kept redacted.
    words = {" ".join(text.split()) for text in (reply.text, redact_text(reply.text))}
    if any(" ".join(text.split()) in words for text in others.values_list("text", flat=True)):
        raise Conflict("The same words were sent on this ticket already.")


def _checked(reply: Reply, actor: User, reason: str) -> Sequence[ReplyFinding]:
    found = check_reply(reply.ticket, reply.run, reply.text)
    leaks = [one for one in found if one.is_leak]
    if not leaks:
        return found
    if not reason.strip():
        raise ReplyLeaks(
            f"The reply holds {'something' if len(leaks) == 1 else f'{len(leaks)} things'} that the customer must not"
            f" read: “{leaks[0].quote}”.",
            findings=[one.as_dict() for one in leaks],
        )
    if not actor.may("reply.override"):
        raise PermissionRefused("Only a lead or an administrator may send a reply with a leak in it.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput(f"Give the reason in at least {SHORTEST_REASON} characters: it is shown on the ticket.")
    reply.override_reason = reason.strip()[:1000]
    return found


def _tell_override(reply: Reply, actor: User, now: datetime) -> None:
    if not reply.override_reason:
        return
    events.record(
        "reply.overridden", ticket_ref=reply.ticket.ref, subject_ref=reply.run.ref if reply.run else "", at=now,
        actor=actor, data={"leaks": reply.leaks}, key=f"reply.overridden:{reply.pk}",
    )  # fmt: skip
    kinds = sorted({item["kind"] for item in reply.findings if item["is_leak"]})
    record_event(
        actor=actor, action="reply.overridden", object_kind="ticket", object_ref=reply.ticket.ref,
        after={"reply": reply.pk, "leaks": reply.leaks, "kinds": kinds}, reason=reply.override_reason,
    )  # fmt: skip
