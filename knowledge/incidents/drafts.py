"""An incident's update becomes a draft in each linked ticket, for its owner. Nothing is sent by itself.

A draft that a person began, or changed, is never touched; one of ours that nobody touched takes the newest words.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from altor import events
from altor.models import User
from altor.notify.storing import notify
from escalations.models import Incident, IncidentUpdate
from investigations.models import Ticket
from knowledge.incidents.filling import fill
from knowledge.incidents.templates import template_of
from knowledge.models import Reply, ReplyTemplateVersion
from knowledge.models.replies import Kind
from knowledge.replies.language import language_of

_SPACE: Final = uuid.UUID("8f0f4f0c-52ad-4c39-9d0b-7f7a3f1b0c55")
_SAID: Final = {
    "drafted": "an update for the customer is drafted", "renewed": "the drafted update was renewed",
    "kept": "there is an update for the customer; your own draft is still open",
}  # fmt: skip


def deliver(update: IncidentUpdate) -> list[dict[str, str]]:
    """In the caller's transaction: what became of it in each ticket, see `IncidentWords.deliver`."""
    rows = update.incident.links.filter(unlinked_at=None).select_related("ticket__customer", "ticket__owner")
    return [_into(link.ticket, update) for link in rows.select_related("ticket__team").order_by("pk")]


def _into(ticket: Ticket, update: IncidentUpdate) -> dict[str, str]:
    owner = ticket.owner
    if ticket.status == Ticket.Status.RESOLVED:
        return {"ticket": ticket.ref, "state": "resolved", "owner": ""}
    if owner is None or not owner.may("ticket.reply"):
        return {"ticket": ticket.ref, "state": "nobody", "owner": ""}
    state = _draft(ticket, owner, update)
    incident = update.incident
    notify(
        "incident.draft", subject_ref=ticket.ref, title=f"{ticket.ref} is part of {incident.ref}: {_SAID[state]}",
        lines=[incident.title, "Nothing was sent: read it and send it yourself."],
        url_path=f"/tickets/{ticket.ref}/", key=f"incident.draft:{update.pk}:{ticket.pk}", people=[owner],
        severity=incident.severity, now=update.at,
    )  # fmt: skip
    return {"ticket": ticket.ref, "state": state, "owner": owner.username}


def _draft(ticket: Ticket, owner: User, update: IncidentUpdate) -> str:
    language = language_of(f"{ticket.subject}\n{ticket.description}")
    language = language if language in update.texts else next(iter(update.texts))
    version = template_of(update.stage, language)
    text = _text(ticket, owner, update, language, version)
    values: dict[str, Any] = {
        "version": version, "kind": Kind.HOLDING, "draft_text": text, "text": text,
        "next_update_at": update.next_update_at,
        "statements": [{"part": "observed", "text": text, "kind": "promise", "facts": []}], "saved_at": update.at,
    }  # fmt: skip
    token = uuid.uuid5(_SPACE, f"{update.pk}:{ticket.pk}")
    try:
        with transaction.atomic():
            Reply.objects.create(ticket=ticket, author=owner, token=token, **values)
    except IntegrityError:  # there is a draft of this person already
        if _renew(ticket, owner, update.incident, token, values):
            return "renewed"
        return "drafted" if Reply.objects.filter(token=token).exists() else "kept"
    events.record(
        "reply.drafted", ticket_ref=ticket.ref, at=update.at, data={"kind": str(Kind.HOLDING), "via": "incident"},
        key=f"reply.drafted:incident:{update.pk}:{ticket.pk}",
    )  # fmt: skip
    return "drafted"


def _renew(ticket: Ticket, owner: User, incident: Incident, token: uuid.UUID, values: dict[str, Any]) -> bool:
    """The draft of an earlier update that its owner has not changed: its time may have passed by now."""
    earlier = incident.updates.values_list("pk", flat=True)
    ours = [uuid.uuid5(_SPACE, f"{pk}:{ticket.pk}") for pk in earlier]
    rows = Reply.objects.drafts().select_for_update(of=("self",)).filter(ticket=ticket, author=owner, token__in=ours)
    found = rows.exclude(token=token).first()
    if found is None or found.is_edited or found.next_update_at != _promised(found, incident, ticket):
        return False
    for name, value in values.items():
        setattr(found, name, value)
    found.token = token
    found.revision += 1
    found.save()
    return True


def _promised(reply: Reply, incident: Incident, ticket: Ticket) -> datetime | None:
    """What the update that the draft came from promised: a person may have changed the time only."""
    for update in incident.updates.all():
        if uuid.uuid5(_SPACE, f"{update.pk}:{ticket.pk}") == reply.token:
            return update.next_update_at
    return None


def _text(
    ticket: Ticket, owner: User, update: IncidentUpdate, language: str, version: ReplyTemplateVersion | None
) -> str:
    """The template's greeting and closing around the update's words."""
    parts = version.parts if version is not None else {}
    blocks = [parts.get("greeting", ""), update.texts[language], parts.get("closing", "")]
    whole = "\n\n".join(block for block in blocks if block.strip())
    return fill(
        whole, language, incident=update.incident, next_update_at=update.next_update_at, ticket=ticket, account="",
        agent=str(owner),
    )  # fmt: skip
