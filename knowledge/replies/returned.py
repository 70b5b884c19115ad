"""When engineering has resolved an escalation, each of its tickets comes back once to its owner, with a drafted update.

Nothing is sent by itself, and nothing that a person has begun to write is touched.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from altor import events
from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.models import Escalation, EscalationEvent
from investigations.models import Ticket
from knowledge.models import Reply, ReplyTemplateVersion
from knowledge.models.replies import Kind
from knowledge.replies.draft import draft, usual_next_update
from knowledge.replies.language import language_of

#: What the case is called among the templates: that of a holding reply after engineering's word.
LABEL: Final = "escalation.resolved"
#: For the setting NOTICE_KINDS.
NOTICES: Final = {"escalation.back": NoticeKind("A ticket came back from engineering, with a drafted update")}
_SPACE: Final = uuid.UUID("5d5c1d0e-6a43-4f0b-8a26-0d8b0f1e3c77")


def escalation_moved(escalation: Escalation, event: EscalationEvent) -> None:
    """For the setting ESCALATION_MOVED. In the caller's transaction; told twice, it does nothing the second time."""
    if event.what != EscalationEvent.What.RESOLVED:
        return
    links = escalation.links.select_related("ticket__customer", "ticket__owner", "ticket__team").order_by("pk")
    for link in links:
        _bring_back(link.ticket, escalation, event)


def _bring_back(ticket: Ticket, escalation: Escalation, event: EscalationEvent) -> None:
    if ticket.status == Ticket.Status.RESOLVED:
        return
    owner = ticket.owner or escalation.sent_by
    said = "an update is drafted" if owner is not None and _draft(ticket, owner, event) else "your draft is still open"
    Ticket.objects.filter(pk=ticket.pk, status=Ticket.Status.ESCALATED).update(status=Ticket.Status.DIAGNOSED)
    notify(
        "escalation.back", subject_ref=ticket.ref, title=f"{ticket.ref}: engineering resolved {escalation.ref}; {said}",
        lines=[escalation.title, event.text, "Nothing was sent: read it, measure, and send it yourself."],
        url_path=f"/tickets/{ticket.ref}/", key=f"escalation.back:{event.key}:{ticket.pk}"[:160], team=ticket.team,
        people=[owner] if owner is not None else [], severity=escalation.severity, now=event.at,
    )  # fmt: skip


def _draft(ticket: Ticket, owner: User, event: EscalationEvent) -> bool:
    """Whether there is a draft of ours now: not where the person has one open, or may not write replies."""
    version = _template(ticket)
    if version is None or not owner.may("ticket.reply"):
        return False
    now: datetime = event.at
    due = usual_next_update(None, now)
    filled = draft(
        version.parts, ticket=ticket, run=None, kind=Kind.HOLDING, language=version.template.language,
        agent=str(owner), next_update_at=due,
    )  # fmt: skip
    try:
        with transaction.atomic():
            Reply.objects.create(
                ticket=ticket, author=owner, token=uuid.uuid5(_SPACE, f"{event.key}:{ticket.pk}"), version=version,
                kind=Kind.HOLDING, draft_text=filled.text, text=filled.text, statements=filled.as_dicts(),
                next_update_at=due, saved_at=now,
            )  # fmt: skip
    except IntegrityError:  # the person's own draft, or this one told twice
        return Reply.objects.filter(token=uuid.uuid5(_SPACE, f"{event.key}:{ticket.pk}")).exists()
    events.record(
        "reply.drafted", ticket_ref=ticket.ref, at=now, data={"kind": str(Kind.HOLDING), "via": "escalation"},
        key=f"reply.drafted:{event.key}:{ticket.pk}"[:160],
    )  # fmt: skip
    return True


def _template(ticket: Ticket) -> ReplyTemplateVersion | None:
    """In the customer's language, else in English."""
    wanted = language_of(f"{ticket.subject}\n{ticket.description}")
    rows = ReplyTemplateVersion.objects.active().filter(template__kind=Kind.HOLDING, template__label=LABEL)
    found = {one.template.language: one for one in rows.select_related("template").order_by("-template__tone")}
    return found.get(wanted) or found.get("en")
