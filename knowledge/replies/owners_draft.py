"""A holding reply that Altor begins for a ticket's owner, in the customer's language: never sent, and never over
something that a person has written.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from altor import events
from altor.models import User
from investigations.models import Ticket
from knowledge.models import Reply, ReplyTemplateVersion
from knowledge.models.replies import Kind
from knowledge.replies.draft import draft, usual_next_update
from knowledge.replies.language import language_of

_SPACE = uuid.UUID("5d5c1d0e-6a43-4f0b-8a26-0d8b0f1e3c77")


def begin(
    ticket: Ticket, owner: User, *, label: str, key: str, now: datetime, via: str,
    recovered: tuple[datetime, str] | None = None,
) -> bool:  # fmt: skip
    """Whether there is a draft of ours now, made from the template of this `label`; the same `key` makes one.

    An untouched draft that Altor began is replaced. False where the person has one of their own, or may not reply.
    """
    version = template(ticket, label)
    if version is None or not owner.may("ticket.reply"):
        return False
    token, due = uuid.uuid5(_SPACE, f"{key}:{ticket.pk}"), usual_next_update(None, now)
    if Reply.objects.filter(token=token).exists():
        return True
    filled = draft(
        version.parts, ticket=ticket, run=None, kind=Kind.HOLDING, language=version.template.language,
        agent=str(owner), next_update_at=due, recovered=recovered,
    )  # fmt: skip
    try:
        with transaction.atomic():
            _discard_untouched(ticket, owner)
            Reply.objects.create(
                ticket=ticket, author=owner, token=token, version=version, kind=Kind.HOLDING, draft_text=filled.text,
                text=filled.text, statements=filled.as_dicts(), next_update_at=due, saved_at=now,
            )  # fmt: skip
    except IntegrityError:  # the person's own draft, or this one told twice
        return Reply.objects.filter(token=token).exists()
    events.record(
        "reply.drafted", ticket_ref=ticket.ref, at=now, data={"kind": str(Kind.HOLDING), "via": via},
        key=f"reply.drafted:{key}:{ticket.pk}"[:160],
    )  # fmt: skip
    return True


def _discard_untouched(ticket: Ticket, owner: User) -> None:
    for one in Reply.objects.select_for_update(of=("self",)).drafts().filter(ticket=ticket, author=owner):
        is_ours = one.version is not None and "." in one.version.template.label and one.kind == Kind.HOLDING
        if is_ours and not one.is_edited and one.revision == 1:
            one.delete()


def template(ticket: Ticket, label: str) -> ReplyTemplateVersion | None:
    """In the customer's language, else in English."""
    wanted = language_of(f"{ticket.subject}\n{ticket.description}")
    rows = ReplyTemplateVersion.objects.active().filter(template__kind=Kind.HOLDING, template__label=label)
    found = {one.template.language: one for one in rows.select_related("template").order_by("-template__tone")}
    return found.get(wanted) or found.get("en")
