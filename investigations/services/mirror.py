"""What a helpdesk says about a ticket, merged so that the order of its events does not matter.

Every field keeps when it was said; a newer statement stands against an older one, whichever arrives first. Messages are
a set by their ids. So late, repeated and disordered events end in the same ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction

from altor.errors import InvalidInput
from altor.models import InboundEndpoint
from altor.redaction import redact, redact_text
from investigations.helpdesks.base import Options, TicketEvent
from investigations.helpdesks.notes import is_our_tag
from investigations.helpdesks.registry import helpdesk_named, options_of
from investigations.intake.payload import MAX_DESCRIPTION, MAX_TAGS
from investigations.models import HelpdeskConnection, Ticket, TicketMirror
from investigations.services import erasure, happenings, messages
from investigations.services.tickets import adopt_ticket, read_claims_again, reference, tell_received, upsert_ticket

#: Objects of the neutral shape whose parts are stated one by one.
_NESTED: Final = ("requester", "organization")
#: What a custom field may be mapped to that is a field of the ticket; everything else is a claim.
_FIELDS: Final = frozenset({"organization.external_id", "organization.name", "organization.domain", "priority", "tag"})
_LONGEST: Final = {"subject": 500, "description": MAX_DESCRIPTION, "channel": 40, "priority": 40, "url": 500}
_LONGEST_NESTED: Final = 200
_LONGEST_TAG: Final = 80


@dataclass(frozen=True, slots=True)
class Applied:
    """`notes` are sentences about what of the event was left out; `is_new`: the ticket was not known before."""

    ticket: Ticket
    is_new: bool = False
    notes: list[str] = field(default_factory=list)
    is_gone: bool = False  # what the event's body holds was removed in the helpdesk: it must not be kept


def connection_of(endpoint: InboundEndpoint) -> HelpdeskConnection | None:
    return HelpdeskConnection.objects.filter(endpoint=endpoint).first()


def options_for(endpoint: InboundEndpoint, helpdesk: HelpdeskConnection | None) -> Options:
    adapter = helpdesk_named(endpoint.source)
    return options_of(adapter, dict(helpdesk.options) if helpdesk else {}) if adapter else Options()


def known_ticket(endpoint: InboundEndpoint, external_id: str) -> Ticket | None:
    found = Ticket.objects.filter(helpdesk=endpoint.source, connection=endpoint.connection, external_id=external_id)
    return found.select_related("mirror").first()


@transaction.atomic
def apply_event(event: TicketEvent, *, endpoint: InboundEndpoint, now: datetime) -> Applied:
    """Take over what the event says. The same event again changes nothing and records nothing.

    InvalidInput when not even a ticket can be made of it, Conflict when another connection has its reference.
    """
    ref = reference(endpoint.ticket_prefix, event.external_id)
    lock_ticket(ref)
    options = options_for(endpoint, connection_of(endpoint))
    ticket = known_ticket(endpoint, event.external_id) or adopt_ticket(
        event.external_id, helpdesk=endpoint.source, connection=endpoint.connection, prefix=endpoint.ticket_prefix
    )
    mirror = getattr(ticket, "mirror", None) or (_adopted(ticket) if ticket else TicketMirror())
    before, was_whole, was_priority = mirror.status, mirror.is_whole, ticket.priority if ticket else ""
    _merge(mirror, event)
    notes: list[str] = []
    is_new, is_erased = ticket is None, mirror.deleted_at is not None or bool(mirror.stamps.get("erased"))
    if is_erased:
        mirror.fields, mirror.custom = {"subject": erasure.REMOVED}, {}
    if ticket is None or not is_erased:
        ticket, notes = _upsert(mirror, endpoint, event, options, now)
    mirror.ticket = ticket
    mirror.save()
    if mirror.is_whole and not was_whole:
        tell_received(ticket, now=now)
    told = messages.take(ticket, event, mirror, options)
    if event.redacted or is_erased:
        erasure.erase(ticket, mirror, ids=["*"] if is_erased else event.redacted)
    if not is_erased:
        zone = str((mirror.fields.get("requester") or {}).get("timezone") or "")
        read_claims_again(ticket, stated=_claims_of(mirror, options), timezone=zone)
    happenings.tell(
        ticket, mirror, event, told, before=before, is_new=is_new, told_priority=_priority_of(event, options),
        was_priority=was_priority,
    )  # fmt: skip
    return Applied(ticket, is_new, notes, is_erased or messages.holds_removed(ticket, event))


def _priority_of(event: TicketEvent, options: Options) -> str | None:
    """What the event says of it, in its own field or in one that is mapped to it; None when it says nothing."""
    mapped = [event.custom[name] for name, target in options.custom_fields.items()
              if target == "priority" and event.custom.get(name)]  # fmt: skip
    told = mapped[0] if mapped else event.fields.get("priority")
    return redact_text(told)[: _LONGEST["priority"]] if isinstance(told, str) else None


def lock_ticket(ref: str) -> None:
    """Until the transaction ends, nobody else works on this ticket's events."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4711))", [ref])


def _adopted(ticket: Ticket) -> TicketMirror:
    """The mirror of a ticket that came by another door (REST, form): all that it holds, older than any event."""
    values = {name: getattr(ticket, name) for name in ("subject", "description", "tags", "priority", "channel", "url")}
    parts = {"name": ticket.requester_name, "email": ticket.requester_email}
    fields: dict[str, Any] = {name: value for name, value in values.items() if value}
    fields["requester"] = {name: value for name, value in parts.items() if value}
    fields["organization"] = dict(ticket.organization)
    opened = _iso(ticket.opened_at)
    return TicketMirror(fields={**fields, "created_at": opened}, stamps={"first": opened}, is_whole=True)


# -------------------------------------------------------------------------------------------------------------- merging
def _merge(mirror: TicketMirror, event: TicketEvent) -> None:
    """Field by field: what was said later stands. Ties are decided by the event's key, so that every order agrees."""
    stamp = [_iso(event.at), event.key or event.what]
    for name, value in event.fields.items():
        if name in _NESTED and isinstance(value, Mapping):
            for part, told in value.items():
                _set(mirror.fields.setdefault(name, {}), part, told, mirror, f"{name}.{part}", stamp)
        else:
            _set(mirror.fields, name, value, mirror, name, stamp)
    for name, told in event.custom.items():
        _set(mirror.custom, name, redact_text(told)[:500], mirror, f"custom.{name}", stamp)
    if event.status is not None and _is_newer(mirror, "status", stamp):
        mirror.status = event.status
    if event.assignee is not None and _is_newer(mirror, "assignee", stamp):
        who = event.assignee
        mirror.assignee = {"id": who.id, "name": redact_text(who.name), "email": who.email} if who.id else {}
    if event.merged_into:
        mirror.merged_into = event.merged_into
    if event.is_deleted:
        mirror.deleted_at = min(mirror.deleted_at or event.at, event.at)
    if "*" in event.redacted:
        mirror.stamps["erased"] = max(mirror.stamps.get("erased", ""), _iso(event.at))
    mirror.is_whole = mirror.is_whole or event.is_whole
    mirror.last_event_at = max(mirror.last_event_at or event.at, event.at)
    first = mirror.stamps.get("first")
    mirror.stamps["first"] = min(first, _iso(event.at)) if first else _iso(event.at)


def _set(where: dict[str, Any], name: str, value: Any, mirror: TicketMirror, key: str, stamp: list[str]) -> None:
    if _is_newer(mirror, key, stamp):
        where[name] = _kept(name, value)


def _is_newer(mirror: TicketMirror, key: str, stamp: list[str]) -> bool:
    """Whether this statement stands; its stamp is kept when it does."""
    known = mirror.stamps.get(key)
    if known is not None and known > stamp:
        return False
    mirror.stamps[key] = stamp
    return True


def _kept(name: str, value: Any) -> Any:
    """Redacted for storage. The requester's own address stays: the ticket is answered to it."""
    return value if name == "email" and isinstance(value, str) else redact(value)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# ----------------------------------------------------------------------------------------------------------- the ticket
def _upsert(
    mirror: TicketMirror, endpoint: InboundEndpoint, event: TicketEvent, options: Options, now: datetime
) -> tuple[Ticket, list[str]]:
    """The ticket of what is known. A field that is not valid is left out and told: no ticket is lost for it."""
    payload = _payload(mirror, event, options)
    door: dict[str, Any] = {
        "helpdesk": endpoint.source, "connection": endpoint.connection, "prefix": endpoint.ticket_prefix, "now": now,
        "is_opening": False,
    }  # fmt: skip
    try:
        return upsert_ticket(payload, **door)[0], []
    except InvalidInput as error:
        wrong = error.extra.get("errors") or {}
        names = {str(name).partition(".")[0] for name in wrong} - {"", "id"}
        if not names:
            raise
        kept = {name: value for name, value in payload.items() if name not in names}
        said = "; ".join(f"{name}: {texts[0]}" for name, texts in list(wrong.items())[:4])
        return upsert_ticket(kept, **door)[0], [f"Left out: {said}."]


def _payload(mirror: TicketMirror, event: TicketEvent, options: Options) -> dict[str, Any]:
    """The neutral shape of what is known, cut to what a ticket holds."""
    known = {name: _cut(name, value) for name, value in mirror.fields.items()}
    known.setdefault("created_at", mirror.stamps.get("first") or _iso(event.at))
    # Tags that we wrote back are no word of the customer's: they would speak for the class that we found.
    told = [tag for tag in known.get("tags") or [] if isinstance(tag, str) and not is_our_tag(tag)]
    tags = [tag[:_LONGEST_TAG] for tag in told]
    for name, target in options.custom_fields.items():
        value = mirror.custom.get(name, "")
        if not value or target not in _FIELDS:
            continue
        if target == "tag":
            tags.append(value[:_LONGEST_TAG])
        elif target == "priority":
            known["priority"] = value[:40]
        else:
            known["organization"] = {**(known.get("organization") or {}), target.partition(".")[2]: value[:200]}
    known["tags"] = sorted(dict.fromkeys(tags))[:MAX_TAGS] if options.custom_fields else tags[:MAX_TAGS]
    return {**known, "id": event.external_id}


def _cut(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value[: _LONGEST.get(name, _LONGEST_NESTED)]
    if isinstance(value, Mapping):
        return {part: told[:_LONGEST_NESTED] if isinstance(told, str) else told for part, told in value.items()}
    return value


def _claims_of(mirror: TicketMirror, options: Options) -> list[tuple[str, str]]:
    """(kind, value) of custom fields that say what a run asks for."""
    found = ((target, mirror.custom.get(name, "")) for name, target in options.custom_fields.items())
    return [(target, value) for target, value in found if value and target not in _FIELDS]
