"""An escalation's issue in Linear: filed or joined when it is sent, and told what changes here. Without a connection
nothing happens.

Everything here stores and queues in the caller's transaction; the calls are made by a job.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from altor.errors import DomainError
from escalations.contracts.stored import form_of
from escalations.lifecycle.links import link_token
from escalations.linear.commenting import comment
from escalations.linear.connections import usable
from escalations.linear.filing import join, link_ticket, track, withdraw
from escalations.models import Escalation, EscalationEvent, TrackedIssue
from escalations.packets.markdown import escape, markdown
from investigations.models import Ticket

log = logging.getLogger(__name__)
W = EscalationEvent.What
#: Linear's words for urgent, high, medium, low.
_PRIORITY: Final = {"SEV1": 1, "SEV2": 2, "SEV3": 3, "SEV4": 4}
_SAID: Final = {
    W.JOINED: "Another ticket joined", W.ANSWERED: "Support answers", W.ADDED: "Added to the packet",
    W.SEVERITY: "Severity changed", W.OWNER: "Handed over", W.WITHDRAWN: "Support took it back",
    W.REOPENED: "It is not gone", W.VERIFIED: "Verified with the customer", W.MEASURED: "Measured after the fix",
}  # fmt: skip


def file(escalation: Escalation) -> TrackedIssue | None:
    """Keep the wish for an issue: one of the bug that the diagnosis names is joined, else one is filed. None without a
    connection.
    """
    connection = usable()
    if connection is None:
        return None
    now, tickets = escalation.sent_at, [escalation.ticket]
    known = _known_bug(escalation)
    if known:
        try:
            with transaction.atomic():  # half of a join beside an issue of its own would be two issues
                joined = join(connection, known, cause_key=escalation.ref, tickets=tickets, now=now)
                comment(joined, _description(escalation), f"{escalation.ref}:packet", now)
            return joined
        except DomainError as error:
            # What the diagnosis names is no issue of this workspace: it is filed.
            log.info("the known issue was not joined", extra={"escalation": escalation.ref, "reason": error.detail})
    owner = form_of(escalation.version).owner_at(escalation.severity)
    return track(
        escalation.ref, connection=connection, team=owner.linear_team, project=owner.linear_project,
        title=f"[{escalation.severity}] {escalation.title} ({escalation.ref})", description=_description(escalation),
        priority=_PRIORITY.get(escalation.severity, 0), tickets=tickets, now=now,
    )  # fmt: skip


def mirror(escalation: Escalation, event: EscalationEvent) -> None:
    """Tell the issue what changed here and matters there. Not what came from Linear itself."""
    issue = escalation.issue
    if issue is None or event.via == "linear" or event.what not in _SAID:
        return
    if event.what == W.WITHDRAWN and withdraw(issue, f"{escalation.ref} was taken back: {event.text}"[:300], event.at):
        return
    if event.what == W.JOINED:
        ticket = Ticket.objects.select_related("customer").filter(ref=str(event.data.get("ticket"))).first()
        if ticket is not None:
            link_ticket(issue, ticket, event.at)
    comment(issue, _comment(escalation, event), event.key[:120], event.at)


def _known_bug(escalation: Escalation) -> str:
    document: dict[str, Any] = escalation.run.diagnosis or {}
    culprit = document.get("culprit") or {}
    return str(culprit.get("id") or "") if culprit.get("kind") == "linear_issue" else ""


def address(escalation: Escalation) -> str:
    """Of the page on which an engineer without an account acts."""
    return settings.BASE_URL + reverse("escalations:by-link", args=[link_token(escalation)])


def _description(escalation: Escalation) -> str:
    head = f"**{escalation.ref}** from support: [acknowledge, ask, return or resolve it here]({address(escalation)})."
    return f"{head}\n\n{markdown(escalation.packet, whole_at=address(escalation))}"


def _comment(escalation: Escalation, event: EscalationEvent) -> str:
    said = _SAID[W(event.what)]
    what = {
        W.JOINED: f"{event.data.get('ticket')} of {event.data.get('customer')}",
        W.SEVERITY: f"{event.data.get('from')} → {event.data.get('to')}",
        W.OWNER: f"{event.data.get('from')} → {event.data.get('to')}",
    }.get(W(event.what), "")
    head = f"**{said}**" + (f": {escape(what)}" if what else "") + (f" ({escape(str(event.by))})" if event.by else "")
    return f"{head}\n\n{escape(event.text)}" if event.text else head
