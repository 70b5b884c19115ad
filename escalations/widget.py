"""The escalation in the sidebar: as it stands, or what one would need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from altor.errors import DomainError
from altor.models import User
from escalations.lifecycle.proposing import Proposal, propose, proposed_severity
from escalations.models import Escalation
from investigations.models import Investigation
from investigations.widget.document import link
from investigations.widget.parts import Stamp, WidgetContext, row_versions


def escalation_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """{"state", "ref", "url", "title", "text", "severity", "missing", "verb", "may_escalate", "can_send"}; None where
    there is nothing to say: no diagnosis, or one that asks for no escalation of a ticket that has none.

    `can_send`: nothing is left to fill in, and the person may; otherwise `url` is where it is filled in.
    """
    rows = Escalation.objects.filter(links__ticket=context.ticket).select_related(*_NAMES).only(*_SAID)
    newest = rows.order_by("-pk").first()
    if newest is not None and newest.status in _SHOWN:
        return "escalation", _state(newest)
    run = context.run
    if run is None or run.status != Investigation.Status.DONE:
        return None
    if newest is None and not proposed_severity(run)[0]:
        return None
    try:
        wanted = propose(run)
    except DomainError:
        return None
    return "escalation", _offer(wanted, newest, context.user)


#: All that is read of an escalation, and those whose names are told.
_NAMES: Final = ("owner_team", "owner_person", "accepted_by")
_SAID: Final = (
    "status", "severity", "acknowledge_by", "update_by", "resolve_by", "is_broken", "waits_for", "owner_team__name",
    *(f"{who}__{part}" for who in _NAMES[1:] for part in ("username", "first_name", "last_name")),
)  # fmt: skip
#: What is said of an escalation that was sent; one that was returned or taken back makes room for the next.
_SHOWN: Final = frozenset(set(Escalation.Status) - {Escalation.Status.REJECTED, Escalation.Status.WITHDRAWN})


def _state(found: Escalation) -> dict[str, Any]:
    owner = found.accepted_by or found.owner_person or found.owner_team or "the leads"
    due = _due(found)
    text = f"{found.get_status_display()}, {owner}." + (f" {due}" if due and found.is_open else "")
    return {
        "state": str(found.status), "ref": found.ref, "url": link("escalations:escalation", found.ref),
        "title": f"{found.ref} · {found.severity}", "severity": found.severity, "text": text, "missing": [],
        "verb": f"Open {found.ref}", "may_escalate": True, "can_send": False,
    }  # fmt: skip


def _due(found: Escalation) -> str:
    if found.waits_for:
        return f"Engineering waits for an answer from {found.waits_for}."
    named: tuple[tuple[str, datetime | None], ...] = (
        ("Acknowledged", found.acknowledge_by), ("Next word", found.update_by), ("Resolved", found.resolve_by),
    )  # fmt: skip
    dated = [(at, name) for name, at in named if at is not None]
    if not dated:
        return ""
    at, name = min(dated)
    return f"{name} by {_clock(at)}." if not found.is_broken else f"{name} was due by {_clock(at)}."


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %H:%M UTC}"


def _offer(wanted: Proposal, before: Escalation | None, user: User | None) -> dict[str, Any]:
    lacks = [item.title for item in wanted.missing]
    joins, is_whole = wanted.like is not None, not lacks and bool(wanted.proposed)
    words = [wanted.why]
    if before is not None:
        words.insert(0, f"{before.ref} was {before.get_status_display().lower()}.")
    if joins:
        words.append(f"{wanted.like.ref if wanted.like else ''} is open for the same cause.")
    elif lacks:
        words.append(f"Missing: {', '.join(lacks)}.")
    else:
        words.append("The checklist is complete.")
    verb = f"Join {wanted.like.ref}" if wanted.like else f"Escalate {wanted.severity}"
    return {
        "state": "none", "ref": "", "url": link("escalations:escalate", wanted.run.ticket.ref),
        "title": "Escalation", "severity": wanted.severity, "text": " ".join(words), "missing": lacks, "verb": verb,
        "may_escalate": user is not None and user.may("escalation.send"),
        "can_send": user is not None and user.may("escalation.send") and (joins or is_whole),
    }  # fmt: skip


_OF_TICKET: Final = row_versions(
    "e p a o",
    "escalations_escalationticket l JOIN escalations_escalation e ON e.id = l.escalation_id"
    " LEFT JOIN altor_user p ON p.id = e.owner_person_id LEFT JOIN altor_user a ON a.id = e.accepted_by_id"
    " LEFT JOIN altor_team o ON o.id = e.owner_team_id WHERE l.ticket_id = ticket.id",
)
_CONTRACTS: Final = row_versions("v", "escalations_contractversion v WHERE v.is_active")
_ANSWERS: Final = row_versions("a", "escalations_checklistanswer a WHERE a.ticket_id = ticket.id")
# Of other tickets' escalations only which are open is of interest: one of the same cause can be joined.
_OPEN: Final = """(SELECT string_agg(o.id::text, ',' ORDER BY o.id) FROM escalations_escalation o
 WHERE o.status IN ('sent', 'acknowledged', 'accepted', 'in_progress'))"""
# Read by `state.look`.
escalation_part.stamp = Stamp(  # type: ignore[attr-defined]
    f"ROW({_OF_TICKET}, {_CONTRACTS}, {_ANSWERS}, {_OPEN})::text"
)
