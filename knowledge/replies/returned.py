"""When engineering has resolved an escalation, each of its tickets comes back once to its owner, with a drafted update.

Nothing is sent by itself, and nothing that a person has begun to write is touched.
"""

from __future__ import annotations

from typing import Final

from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.models import Escalation, EscalationEvent
from investigations.models import Ticket
from knowledge.replies.owners_draft import begin

#: What the case is called among the templates: that of a holding reply after engineering's word.
LABEL: Final = "escalation.resolved"
#: For the setting NOTICE_KINDS.
NOTICES: Final = {"escalation.back": NoticeKind("A ticket came back from engineering, with a drafted update")}


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
    is_drafted = owner is not None and begin(ticket, owner, label=LABEL, key=event.key, now=event.at, via="escalation")
    said = "an update is drafted" if is_drafted else "your draft is still open"
    Ticket.objects.filter(pk=ticket.pk, status=Ticket.Status.ESCALATED).update(status=Ticket.Status.DIAGNOSED)
    notify(
        "escalation.back", subject_ref=ticket.ref, title=f"{ticket.ref}: engineering resolved {escalation.ref}; {said}",
        lines=[escalation.title, event.text, "Nothing was sent: read it, measure, and send it yourself."],
        url_path=f"/tickets/{ticket.ref}/", key=f"escalation.back:{event.key}:{ticket.pk}"[:160], team=ticket.team,
        people=[owner] if owner is not None else [], severity=escalation.severity, now=event.at,
    )  # fmt: skip
