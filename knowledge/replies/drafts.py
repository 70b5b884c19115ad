"""What a person writes to a customer before it goes out: filled from a template, saved as it is typed.

A draft that nobody touched is not stored: the page shows it as it would be filled, and the first change keeps it. The
page's token makes a repeated or doubled request find what the first one made.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from investigations.models import Investigation, Ticket
from knowledge.models import Reply, ReplyTemplateVersion
from knowledge.models.replies import Kind, Tone
from knowledge.replies.choosing import case_of, choices
from knowledge.replies.draft import Draft, draft, usual_next_update
from knowledge.replies.language import language_of
from knowledge.replies.wording import LANGUAGES

LONGEST: Final = 20_000
#: A page that was open for longer gets a new draft.
_FRESH: Final = timedelta(hours=24)


class DraftMoved(Conflict):
    code = "draft_moved"
    title = "The draft was changed elsewhere"


class DraftEdited(Conflict):
    code = "draft_edited"
    title = "The draft was edited"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person chose, or did not: the template's key, else the best for kind, language and tone."""

    kind: str = ""
    language: str = ""
    tone: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reply as it would be filled now. `offered`: templates that fit, best first; `version` is None without any."""

    run: Investigation | None
    kind: str
    language: str
    tone: str
    version: ReplyTemplateVersion | None
    offered: Sequence[ReplyTemplateVersion]
    draft: Draft
    next_update_at: datetime
    drafted_at: datetime


def newest_diagnosis(ticket: Ticket) -> Investigation | None:
    """The run that an answer rests on."""
    done = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE)
    found = done.select_related("playbook").order_by("-pk").first()
    if found is not None:
        found.ticket = ticket
    return found


def propose(
    ticket: Ticket, *, user: User | None, wish: Wish, now: datetime, run: Investigation | None = None
) -> Proposal:
    """Writes nothing. About ten queries. `run` is the newest diagnosis, where the caller has read it."""
    run = run or newest_diagnosis(ticket)
    kind = wish.kind if wish.kind in Kind.values else (Kind.ANSWER if run is not None else Kind.ACKNOWLEDGEMENT)
    language = wish.language if wish.language in LANGUAGES else language_of(f"{ticket.subject}\n{ticket.description}")
    tone = wish.tone if wish.tone in Tone.values else Tone.NEUTRAL
    offered = choices(case_of(run), kind=kind, language=language, tone=tone)
    version = next((one for one in offered if one.template.key == wish.template), offered[0] if offered else None)
    due = usual_next_update(run, now)
    if version is None:
        return Proposal(run, kind, language, tone, None, offered, Draft(""), due, now)
    filled = draft(
        version.parts,
        ticket=ticket,
        run=run,
        kind=kind,
        language=version.template.language,
        agent=str(user) if user is not None else "",
        next_update_at=due,
    )
    return Proposal(run, kind, version.template.language, tone, version, offered, filled, due, now)


def open_draft(ticket: Ticket, user: User) -> Reply | None:
    found = Reply.objects.drafts().filter(ticket=ticket, author=user)
    return found.select_related("version__template", "run").first()


def begin(
    ticket: Ticket, *, actor: User, token: uuid.UUID, wish: Wish, drafted_at: datetime | None, now: datetime
) -> Reply:
    """The person's reply that the page with this token is about; made when there is none. It may be out already.

    `drafted_at`: when the page was filled, so that what is kept as the draft is what the person saw.
    """
    _allow(actor)
    found = Reply.objects.filter(token=token, ticket=ticket, author=actor).first() or open_draft(ticket, actor)
    if found is not None:
        return found
    then = drafted_at if drafted_at is not None and now - _FRESH < drafted_at <= now else now
    proposal = propose(ticket, user=actor, wish=wish, now=then)
    try:
        with transaction.atomic():
            reply = Reply.objects.create(
                ticket=ticket,
                run=proposal.run if proposal.kind == Kind.ANSWER else None,
                token=token,
                author=actor,
                saved_at=now,
                **_filled(proposal),
            )
            events.record(
                "reply.drafted",
                ticket_ref=ticket.ref,
                subject_ref=proposal.run.ref if proposal.run else "",
                at=now,
                actor=actor,
                data={"kind": str(proposal.kind)},
            )
    except IntegrityError:  # two requests of one page, or two pages of one person
        made = Reply.objects.filter(token=token, ticket=ticket, author=actor).first() or open_draft(ticket, actor)
        if made is None:
            raise Conflict("The draft is being sent. Look again in a moment.") from None
        return made
    return reply


@transaction.atomic
def save(
    reply: Reply, *, actor: User, text: str, revision: int | None, next_update_at: datetime | None, now: datetime
) -> Reply:
    """Keep what was typed. DraftMoved when another page saved since `revision`; Conflict once it is on its way."""
    locked = own_draft(reply, actor)
    if revision is not None and revision != locked.revision:
        raise DraftMoved("This draft was changed in another tab. Reload the page to see it.", revision=locked.revision)
    kept = clean(text)
    if (kept, next_update_at) == (locked.text, locked.next_update_at):
        return locked
    locked.text, locked.next_update_at, locked.saved_at = kept, next_update_at, now
    locked.revision += 1
    locked.save(update_fields=["text", "next_update_at", "saved_at", "revision"])
    return locked


@transaction.atomic
def fill_again(reply: Reply, *, actor: User, wish: Wish, confirmed: bool, now: datetime) -> Reply:
    """Begin the draft anew from the diagnosis as it is now. DraftEdited when the person's own words would be lost and
    that was not confirmed.
    """
    locked = own_draft(reply, actor)
    if locked.is_edited and not confirmed:
        raise DraftEdited("What you wrote would be replaced.")
    proposal = propose(locked.ticket, user=actor, wish=wish, now=now)
    for name, value in _filled(proposal).items():
        setattr(locked, name, value)
    locked.run = proposal.run if proposal.kind == Kind.ANSWER else None
    locked.revision += 1
    locked.saved_at = now
    locked.save()
    return locked


@transaction.atomic
def undo(reply: Reply, *, actor: User, now: datetime) -> Reply:
    """Back to the draft as it was filled."""
    locked = own_draft(reply, actor)
    locked.text, locked.saved_at = locked.draft_text, now
    locked.revision += 1
    locked.save(update_fields=["text", "saved_at", "revision"])
    return locked


@transaction.atomic
def discard(reply: Reply, *, actor: User) -> None:
    """Throw the draft away: nothing went out."""
    locked = own_draft(reply, actor)
    record_event(
        actor=actor, action="reply.discarded", object_kind="ticket", object_ref=locked.ticket.ref,
        before={"kind": locked.kind},
    )  # fmt: skip
    locked.delete()


def own_draft(reply: Reply, actor: User) -> Reply:
    """The row, locked. Conflict when it is a draft no more; PermissionRefused for another person's."""
    _allow(actor)
    locked = Reply.objects.select_for_update(of=("self",)).select_related("ticket", "ticket__customer").get(pk=reply.pk)
    if locked.author_id != actor.pk:
        raise PermissionRefused("This draft is somebody else's.")
    if not locked.is_draft:
        raise Conflict(f"This reply is {locked.get_status_display().lower()} already.", status=locked.status)
    return locked


def clean(text: str) -> str:
    """As a text is kept: one kind of line end, no NUL. InvalidInput for one that is too long."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if len(kept) > LONGEST:
        raise InvalidInput(f"A reply has at most {LONGEST:,} characters; this one has {len(kept):,}.")
    return kept


def _filled(proposal: Proposal) -> dict[str, object]:
    return {
        "version": proposal.version,
        "kind": proposal.kind,
        "draft_text": proposal.draft.text,
        "text": proposal.draft.text,
        "statements": proposal.draft.as_dicts(),
        "next_update_at": proposal.next_update_at,
    }


def _allow(actor: User) -> None:
    if not actor.may("ticket.reply"):
        raise PermissionRefused("Your role may not write replies to customers.")
