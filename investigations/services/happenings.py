"""What a helpdesk's event means for a ticket's life: status, owner, messages, merges, each at the helpdesk's own time.

Late events are placed at their own time; they never move a ticket back from where a newer one brought it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.models import PhaseEvent, User
from investigations.helpdesks.base import Author, Status, TicketEvent
from investigations.models import Investigation, Ticket, TicketMessage, TicketMirror
from investigations.replies import reply_seen
from investigations.services.custody import change_owner
from investigations.services.gates import gate_state
from investigations.services.tickets import reference

_OVER: Final = (Status.SOLVED.value, Status.CLOSED.value)


def tell(
    ticket: Ticket,
    mirror: TicketMirror,
    event: TicketEvent,
    told: Sequence[TicketMessage],
    *,
    before: str,
    is_new: bool,
    told_priority: str | None = None,
    was_priority: str = "",
) -> None:
    """Record what happened and move the ticket where it leads. `told` are the messages that were not known before;
    `before` is the status as it was known until now. `told_priority` is what the event says of it, None for nothing,
    and `was_priority` what was known until now.
    """
    for message in told:
        _message(ticket, message)
        if message.author == Author.AGENT and message.is_public and not message.is_redacted:
            reply_seen(ticket, message)
    # Before the status, which a merge and a deletion explain: the same moment is recorded once.
    if event.merged_into:
        _merged(ticket, event)
    if event.is_deleted:
        _over(ticket, event.at, {"deleted": True}, "ticket.deleted")
    if event.status is not None:
        _status(ticket, mirror, event, before)
    if told_priority is not None:
        _priority(ticket, mirror, event, told_priority, was_priority)
    if event.assignee is not None:
        _owner(ticket, mirror, event, is_new)


# ------------------------------------------------------------------------------------------------------------- messages
def _message(ticket: Ticket, message: TicketMessage) -> None:
    if not message.is_public or message.author == Author.BOT:
        return
    if message.author == Author.CUSTOMER:
        events.record(
            "ticket.customer_wrote", ticket_ref=ticket.ref, at=message.at, data={"message": message.external_id},
            key=f"ticket.customer_wrote:{ticket.ref}:{message.external_id}",
        )  # fmt: skip
        return
    _reply(ticket, message)


def _reply(ticket: Ticket, message: TicketMessage) -> None:
    """A reply typed in the helpdesk: never held back, but told apart, with what it went out without."""
    runs = Investigation.objects.filter(ticket=ticket, finished_at__lte=message.at, status=Investigation.Status.DONE)
    run = runs.select_related("playbook").order_by("-pk").first()
    state = gate_state(run)["reply"] if run is not None else None
    data: dict[str, Any] = {
        "via": "helpdesk",
        "message": message.external_id,
        "before_diagnosis": run is None,
        "before_evidence": state is not None and not state["open"],
    }
    if state is not None and not state["open"]:
        data["missing"] = [item["step"] for item in state["missing"]]
    events.record(
        "ticket.replied",
        ticket_ref=ticket.ref,
        subject_ref=run.ref if run else "",
        at=message.at,
        data=data,
        actor=person_of(message.author_email),
        key=f"ticket.replied:{ticket.ref}:{message.external_id}",
    )
    is_newest = not TicketMessage.objects.filter(
        ticket=ticket, author=Author.CUSTOMER, is_public=True, at__gt=message.at
    ).exists()
    # A reply from before the diagnosis does not answer it, however late its event comes.
    if is_newest and run is not None and ticket.status in (Ticket.Status.DIAGNOSED, Ticket.Status.REOPENED):
        _move(ticket, Ticket.Status.REPLIED)


# --------------------------------------------------------------------------------------------------------------- status
def _status(ticket: Ticket, mirror: TicketMirror, event: TicketEvent, before: str) -> None:
    status = Status(event.status or "")
    is_newest = _stands(mirror, "status", event)
    was = event.was.value if event.was is not None else before if is_newest else None
    if was == status.value:
        return
    last = _last(ticket, "ticket.status", event.at)
    if last is None or last.data.get("status") != status.value:
        events.record(
            "ticket.status", ticket_ref=ticket.ref, at=event.at, data={"status": status.value, "was": was or ""},
            key=f"ticket.status:{ticket.ref}:{status.value}:{event.at.isoformat()}",
        )  # fmt: skip
    if not is_newest:
        _newest_again(ticket, mirror, "status", "ticket.status", {"status": mirror.status})
    if was is None:
        return  # what it was before is not known: only that it was so at that time
    if status.is_over and was not in _OVER:
        _over(ticket, event.at, {"from": was}, "ticket.resolved", moves=is_newest)
    elif was in _OVER and not status.is_over:
        _open_again(ticket, event.at, moves=is_newest)


def _over(ticket: Ticket, at: datetime, data: dict[str, Any], why: str, *, moves: bool = True) -> None:
    events.record(
        "ticket.resolved", ticket_ref=ticket.ref, at=at, data={"via": "helpdesk", **data},
        key=f"ticket.resolved:{ticket.ref}:{at.isoformat()}",
    )  # fmt: skip
    if moves and ticket.status != Ticket.Status.RESOLVED:
        ticket.resolved_at = at
        _move(ticket, Ticket.Status.RESOLVED, why)


def _open_again(ticket: Ticket, at: datetime, *, moves: bool) -> None:
    data: dict[str, Any] = {"via": "helpdesk"}
    if ticket.resolved_at is not None and ticket.resolved_at <= at:
        data["resolved_for_s"] = round((at - ticket.resolved_at).total_seconds())
    events.record(
        "ticket.reopened", ticket_ref=ticket.ref, at=at, data=data,
        key=f"ticket.reopened:{ticket.ref}:{at.isoformat()}",
    )  # fmt: skip
    # Also where the event that closed it has not arrived: this one says that it was closed.
    if moves and ticket.status != Ticket.Status.REOPENED:
        ticket.resolved_at = None
        _move(ticket, Ticket.Status.REOPENED, "ticket.reopened")


def _merged(ticket: Ticket, event: TicketEvent) -> None:
    into = Ticket.objects.filter(
        helpdesk=ticket.helpdesk, connection=ticket.connection, external_id=event.merged_into
    ).first()
    ref = into.ref if into else reference(ticket.ref.rpartition("-")[0], event.merged_into)
    _over(ticket, event.at, {"merged_into": ref}, "ticket.merged")


def _newest_again(ticket: Ticket, mirror: TicketMirror, name: str, kind: str, data: dict[str, Any]) -> None:
    """After a late statement: the newest one, which may have been passed over because it changed nothing when it came,
    ends what the late one began. The first of `data` is what it said.
    """
    stamp = mirror.stamps.get(name)
    if not stamp:
        return
    field, value = next(iter(data.items()))
    at = datetime.fromisoformat(stamp[0])
    known = _last(ticket, kind, at)
    if known is None or known.data.get(field) == value:
        return
    events.record(
        kind, ticket_ref=ticket.ref, at=at, data={**data, "was": str(known.data.get(field) or "")},
        key=f"{kind}:{ticket.ref}:{value}:{at.isoformat()}"[:160],
    )  # fmt: skip


def _last(ticket: Ticket, kind: str, at: datetime) -> PhaseEvent | None:
    known = PhaseEvent.objects.filter(ticket_ref=ticket.ref, kind=kind, at__lte=at)
    return known.order_by("-at", "-pk").first()


def _priority(ticket: Ticket, mirror: TicketMirror, event: TicketEvent, told: str, was: str) -> None:
    # One that is mapped from a custom field has no stamp of its own.
    is_newest = "priority" not in mirror.stamps or _stands(mirror, "priority", event)
    if is_newest and told == was:
        return
    is_first = event.at <= datetime.fromisoformat(mirror.stamps["first"])
    if is_newest and is_first:
        return  # as it came: nothing changed
    last = _last(ticket, "ticket.priority", event.at)
    if last is None or last.data.get("priority") != told:
        before = str(last.data.get("priority")) if last is not None else told if is_first else was if is_newest else ""
        events.record(
            "ticket.priority", ticket_ref=ticket.ref, at=event.at, data={"priority": told, "was": before},
            key=f"ticket.priority:{ticket.ref}:{told}:{event.at.isoformat()}"[:160],
        )  # fmt: skip
    if not is_newest:
        _newest_again(ticket, mirror, "priority", "ticket.priority", {"priority": ticket.priority})


# ---------------------------------------------------------------------------------------------------------------- owner
def _owner(ticket: Ticket, mirror: TicketMirror, event: TicketEvent, is_new: bool) -> None:
    if not _stands(mirror, "assignee", event):
        _late_owner(ticket, mirror, event)
        return
    owner = person_of(str(mirror.assignee.get("email") or ""))
    if owner is None and mirror.assignee:
        return  # somebody whom Altor does not know: who it had as owner is not wrong for that
    if ticket.owner_id == (owner.pk if owner else None):
        return
    # Whoever had the ticket before it came here knows; and history that is read back is no news.
    is_news = not is_new and event.at > timezone.now() - events.TELLING
    change_owner(ticket, owner, at=event.at, actor=None, data={"via": "helpdesk"}, tells=is_news)


def _late_owner(ticket: Ticket, mirror: TicketMirror, event: TicketEvent) -> None:
    """Who had it before whoever has it now: for the figures; the owner stays."""
    told = event.assignee
    owner = person_of(told.email) if told is not None else None
    if told is None or (told.id and owner is None):
        return
    name, last = owner.username if owner else "", _last(ticket, "ticket.assigned", event.at)
    if name != (last.data.get("owner") if last is not None else ""):
        events.record(
            "ticket.assigned", ticket_ref=ticket.ref, at=event.at, data={"owner": name, "via": "helpdesk"},
            key=f"ticket.assigned:{ticket.ref}:{event.at.isoformat()}:{name}"[:160],
        )  # fmt: skip
    now = person_of(str(mirror.assignee.get("email") or ""))
    if now is not None or not mirror.assignee:
        data = {"owner": now.username if now else "", "via": "helpdesk"}
        _newest_again(ticket, mirror, "assignee", "ticket.assigned", data)


def person_of(email: str) -> User | None:
    """The active person of this address, if there is exactly one."""
    if not email:
        return None
    found = list(User.objects.filter(email__iexact=email, is_active=True)[:2])
    return found[0] if len(found) == 1 else None


def _stands(mirror: TicketMirror, name: str, event: TicketEvent) -> bool:
    """Whether the event's statement is the newest of its kind."""
    stamp = mirror.stamps.get(name)
    return bool(stamp) and datetime.fromisoformat(stamp[0]) == event.at and stamp[1] == (event.key or event.what)


def _move(ticket: Ticket, status: Ticket.Status, action: str = "") -> None:
    before = ticket.status
    ticket.status = status
    ticket.save(update_fields=["status", "resolved_at", "updated_at"])
    if action:
        record_event(
            actor=None, action=action, target=ticket, before={"status": str(before)}, after={"status": str(status)}
        )
