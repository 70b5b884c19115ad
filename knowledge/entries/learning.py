"""What a closed ticket leaves behind: a link to the entry that says it, an improved one, a new draft, or nothing.

It is asked, counted and never forced: whoever has to link something links anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from investigations.models import Feedback, Investigation, PlaybookProposal, Ticket
from investigations.services.playbook_proposals import open_proposal_of
from knowledge.entries.drafting import draft_content
from knowledge.entries.links import add_link
from knowledge.entries.reuse import use_entry
from knowledge.entries.saving import create_entry
from knowledge.models import Entry, EntryUse, Learned
from knowledge.models.entries import LinkKind
from knowledge.search.finding import Filters, Found, find

How, Why = Learned.How, Learned.Why
#: Entries that are offered, the likeliest first.
OFFERED: Final = 4


@dataclass(frozen=True, slots=True)
class LearningQuestion:
    """What to ask about a closed ticket. `alike`: entries that may say it already. `corrected`: the run whose diagnosis
    a person corrected, so that its playbook should be looked at too; `proposal`: what it proposes for the playbook, for
    those who may edit it.
    """

    run: Investigation | None
    alike: Sequence[Found]
    corrected: Investigation | None
    proposal: PlaybookProposal | None = None


def learned(ticket: Ticket) -> Learned | None:
    """What was said of the ticket's last closing."""
    if ticket.resolved_at is None:
        return None
    return Learned.objects.filter(ticket=ticket, resolved_at=ticket.resolved_at).select_related("entry", "by").first()


def learning_question(ticket: Ticket, user: User) -> LearningQuestion | None:
    """None for an open ticket, and for one about which it was said already."""
    if ticket.status != Ticket.Status.RESOLVED or ticket.resolved_at is None or learned(ticket) is not None:
        return None
    run = newest_run(ticket)
    corrected = run is not None and Feedback.objects.filter(investigation=run, verdict="corrected").exists()
    proposal = open_proposal_of(run) if run is not None and corrected and user.may("playbook.edit") else None
    return LearningQuestion(run, alike(ticket, run, user), run if corrected else None, proposal)


def alike(ticket: Ticket, run: Investigation | None, user: User) -> Sequence[Found]:
    """Entries that the person may read and that may say it already: those of the diagnosis' cause first."""
    text = f"{ticket.subject}\n{ticket.description}"
    if run is not None and (summary := (run.diagnosis or {}).get("summary")):
        text = f"{summary}\n{text}"
    filters = Filters(tier=ticket.customer.tier if ticket.customer is not None else "")
    found = list(find(user, text, filters, limit=OFFERED * 2).found)
    label = run.top_label if run is not None else ""
    return sorted(found, key=lambda one: not label or one.entry.label != label)[:OFFERED]


def newest_run(ticket: Ticket) -> Investigation | None:
    finished = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE)
    return finished.select_related("ticket", "playbook").order_by("-pk").first()


@transaction.atomic
def learn(
    ticket: Ticket,
    *,
    how: str,
    actor: User,
    entry: Entry | None = None,
    why: str = "",
    reason: str = "",
    now: datetime | None = None,
) -> Learned:
    """Say what the closed ticket left behind. Told again, the answer before stays: nothing is counted twice.

    `linked` and `improved` name the entry, which is linked to the ticket and counts as having helped; `draft` makes
    one from the newest investigation. InvalidInput, NotFound for an entry the person may not read, Conflict for an
    open ticket.
    """
    if not (actor.may("knowledge.write") and actor.may("ticket.resolve")):
        raise PermissionRefused("Your role may not say what a ticket left behind.")
    if how not in How.values:
        raise InvalidInput(f"How is one of {', '.join(How.values)}.", errors={"how": ["choose one"]})
    if how == How.NOTHING and why not in Why.values:
        raise InvalidInput("Say why there is nothing to learn.", errors={"why": ["choose one"]})
    found = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    if found.status != Ticket.Status.RESOLVED or found.resolved_at is None:
        raise Conflict(f"{found.ref} is not resolved.", ticket=found.ref)
    if (known := learned(found)) is not None:
        return known
    now = now or timezone.now()
    if how in (How.LINKED, How.IMPROVED):
        if entry is None or not Entry.objects.visible_to(actor).filter(pk=entry.pk).exists():
            raise NotFound("Choose an entry that you may read.")
        _connect(entry, found, newest_run(found), actor)
        use_entry(entry, found, verdict=EntryUse.Verdict.HELPED, actor=actor, now=now)
    elif how == How.DRAFT:
        entry = draft_entry(found, actor=actor, now=now)
    said = Learned.objects.create(
        ticket=found, resolved_at=found.resolved_at, how=how, why=why if how == How.NOTHING else "",
        reason=redact_text(" ".join(reason.replace("\x00", "").split()))[:500],
        entry=entry if how != How.NOTHING else None, by=actor, at=now,
    )  # fmt: skip
    events.record(
        "ticket.learned", ticket_ref=found.ref, at=now, actor=actor,
        data={"how": how, "why": said.why, "entry": entry.ref if said.entry and entry else ""},
        key=f"ticket.learned:{found.ref}:{found.resolved_at.isoformat()}",
    )  # fmt: skip
    record_event(
        actor=actor, action="knowledge.learned", target=found, reason=said.reason,
        after={"how": how, "why": said.why, "entry": entry.ref if said.entry and entry else ""},
    )  # fmt: skip
    return said


def draft_entry(ticket: Ticket, *, actor: User, now: datetime | None = None) -> Entry:
    """A draft from the ticket's newest investigation; of a ticket without one only what its class says. What a person
    corrected counts before what was diagnosed.
    """
    run = newest_run(ticket)
    if run is None:
        content = {"title": f"Cause of {ticket.incident_class or 'an incident'}, to be written down"}
    else:
        corrected = Feedback.objects.filter(investigation=run, verdict="corrected").order_by("-pk").first()
        content = draft_content(run, label=corrected.label if corrected is not None else "")
    comment = f"Drafted from {run.ref if run is not None else ticket.ref}"
    entry = create_entry(content, actor=actor, origin="draft", comment=comment, now=now)
    _connect(entry, ticket, run, actor)
    return entry


def _connect(entry: Entry, ticket: Ticket, run: Investigation | None, actor: User) -> None:
    add_link(entry, kind=LinkKind.TICKET, ref=ticket.ref, actor=actor)
    if run is not None:
        add_link(entry, kind=LinkKind.INVESTIGATION, ref=run.ref, actor=actor)
