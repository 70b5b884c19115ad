"""Intake: a ticket is created or updated from the neutral shape, and corrected by people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Min
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import PhaseEvent, Team, User
from altor.redaction import redact, redact_text
from altor.roles import Role
from investigations.helpdesks.base import Author
from investigations.intake.claims import Claim, extract_claims
from investigations.intake.payload import TicketPayload, read_payload
from investigations.intake.zones import zone_named
from investigations.models import Customer, InstallationProfile, PlaybookVersion, Ticket, TicketClaim, TicketMessage
from investigations.playbooks.format import Playbook
from investigations.services import textmodel
from investigations.services.claims import ClaimEdit, apply_edits
from investigations.services.classify import classify_text
from investigations.services.custody import change_owner
from investigations.services.customers import remember_address, resolve_customer
from investigations.services.playbooks import ensure_library

#: Fields whose change makes another ticket of it: they are read again, and a new run may start.
CONTENT: Final = ("subject", "description", "tags", "priority", "requester_email", "organization", "opened_at")
_PLAIN: Final = ("url", "channel", "requester_name")
_HOW_PERSON: Final = "person"
#: Messages of the customer that are read for claims: the first of a very long ticket.
_MOST_MESSAGES: Final = 50


@dataclass(frozen=True, slots=True)
class _Door:
    helpdesk: str
    connection: str
    prefix: str
    is_opening: bool


def upsert_ticket(
    payload: Mapping[str, Any],
    *,
    helpdesk: str = "generic",
    connection: str = "",
    prefix: str = "TK",
    actor: User | None = None,
    now: datetime | None = None,
    is_opening: bool = True,
) -> tuple[Ticket, bool]:
    """The ticket of this payload and whether it is new. Idempotent on helpdesk, connection and the payload's `id`.

    Text is redacted, claims are read, customer and class decided. What a person has corrected is never overwritten. The
    same payload twice changes nothing and records nothing. InvalidInput on a bad payload, Conflict when another
    connection has a ticket of the same reference. Without `is_opening` the ticket's beginning is not known yet: that it
    was received is told later (`tell_received`).
    """
    now = now or timezone.now()
    door = _Door(helpdesk, connection, prefix, is_opening)
    ticket = read_payload(payload, now=now).ticket
    try:
        with transaction.atomic():
            return _upsert(ticket, door, actor, now)
    except IntegrityError:
        pass  # the same ticket arrived twice at once: the other one created it
    try:
        with transaction.atomic():
            return _upsert(ticket, door, actor, now)
    except IntegrityError as clash:
        ref = reference(prefix, ticket.id)
        raise Conflict(
            f"{ref} already exists as a ticket of another connection. Give each connection its own prefix.", ref=ref
        ) from clash


def adopt_ticket(external_id: str, *, helpdesk: str, connection: str, prefix: str) -> Ticket | None:
    """A ticket that came under the helpdesk's name before it was connected, by REST or by hand: it is the connection's
    from now on. None without one, and for one whose reference is another. In the caller's transaction.
    """
    found = Ticket.objects.select_for_update(of=("self",)).filter(
        helpdesk=helpdesk, connection="", external_id=external_id, ref=reference(prefix, external_id)
    ).first()  # fmt: skip
    if found is not None and connection:
        found.connection = connection
        found.save(update_fields=["connection"])
        record_event(actor=None, action="ticket.adopted", target=found, after={"connection": connection})
    return found


def reference(prefix: str, external_id: str) -> str:
    """`ZD-48213`."""
    return f"{prefix}-{external_id}"


#: Prefixes of tickets that arrive without a connection of their own.
_PREFIXES: Final = {
    "generic": "TK", "zendesk": "ZD", "intercom": "IC", "freshdesk": "FD", "front": "FR", "helpscout": "HS",
    "chatwoot": "CW", "zammad": "ZM",
}  # fmt: skip


def prefix_of(helpdesk: str) -> str:
    """The reference prefix of a helpdesk. InvalidInput for one that Altor does not know."""
    if helpdesk not in _PREFIXES:
        known = ", ".join(_PREFIXES)
        raise InvalidInput(
            f"There is no helpdesk {helpdesk[:40]!r}. Known: {known}.", errors={"helpdesk": [f"one of: {known}"]}
        )
    return _PREFIXES[helpdesk]


def _upsert(payload: TicketPayload, door: _Door, actor: User | None, now: datetime) -> tuple[Ticket, bool]:
    values = _values(payload, now)
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("customer").filter(
        helpdesk=door.helpdesk, connection=door.connection, external_id=payload.id
    ).first()  # fmt: skip
    created = ticket is None
    if ticket is None:
        ticket = Ticket(
            ref=reference(door.prefix, payload.id),
            helpdesk=door.helpdesk,
            connection=door.connection,
            external_id=payload.id,
            team=team_for(actor),
            version=1,
            **values,
        )
        ticket.save(force_insert=True)
        if door.is_opening:
            tell_received(ticket, now=now, actor=actor)
        record_event(actor=actor, action="ticket.created", target=ticket, after={"helpdesk": ticket.helpdesk})
    else:
        was = ticket.priority
        if not _apply(ticket, values, payload.created_at is not None):
            return ticket, False
        if door.is_opening and ticket.priority != was:  # a helpdesk's events tell it at their own time
            _tell(ticket, "ticket.priority", now, {"priority": ticket.priority, "was": was}, actor)
    read_claims_again(ticket, timezone=payload.requester.timezone)
    _decide_customer(ticket, now)
    _decide_class(ticket, now)
    ticket.save()
    if not created:
        record_event(actor=actor, action="ticket.updated", target=ticket, after={"version": ticket.version})
    return ticket, created


def _values(payload: TicketPayload, now: datetime) -> dict[str, Any]:
    """What is stored, redacted. The requester's own address stays: a reply needs it."""
    organization = {name: value for name, value in payload.organization.model_dump().items() if value}
    return {
        "subject": redact_text(payload.subject),
        "description": redact_text(payload.description),
        "tags": [redact_text(tag) for tag in payload.tags],
        "priority": redact_text(payload.priority),
        "channel": redact_text(payload.channel),
        "url": payload.url,
        "requester_name": redact_text(payload.requester.name),
        "requester_email": payload.requester.email,
        "organization": redact(organization),
        "opened_at": min(payload.created_at or now, now) if payload.created_at is None else payload.created_at,
    }


def _apply(ticket: Ticket, values: Mapping[str, Any], has_time: bool) -> bool:
    """Take over changed values; False when nothing that matters changed. Grows the version with the content."""
    kept = {name: value for name, value in values.items() if has_time or name != "opened_at"}
    content = [name for name in CONTENT if name in kept and getattr(ticket, name) != kept[name]]
    plain = [name for name in _PLAIN if getattr(ticket, name) != kept[name]]
    for name in (*content, *plain):
        setattr(ticket, name, kept[name])
    if plain and not content:
        ticket.save(update_fields=[*plain, "updated_at"])
    ticket.version += bool(content)
    return bool(content)


def tell_received(ticket: Ticket, *, now: datetime, actor: User | None = None) -> None:
    """Intake starts when the customer wrote; Altor learned of it now. Told once, and once more where the opening that
    was no longer waited for comes after all: of several beginnings the earliest counts.
    """
    at, key = min(ticket.opened_at, now), f"ticket.received:{ticket.ref}"
    told = PhaseEvent.objects.filter(ticket_ref=ticket.ref, kind="ticket.received").aggregate(at=Min("at"))["at"]
    if told is None:
        events.record("ticket.received", ticket_ref=ticket.ref, at=at, actor=actor, key=key)
    elif at < told:
        events.record(
            "ticket.received", ticket_ref=ticket.ref, at=at, actor=actor, key=f"{key}:{at.isoformat()}",
            data={"was": told.isoformat()}, is_news=False,
        )  # fmt: skip


def team_for(actor: User | None) -> Team:
    """The team of a new ticket: the default one, unless its creator would then not see it. Where none is the default
    the oldest one, and where there is none at all one that is made.
    """
    default = Team.objects.order_by("-is_default", "pk").first()
    if actor is not None and actor.role != Role.ADMIN:
        own = Team.objects.filter(memberships__user=actor).order_by("-is_default", "pk").first()
        if own is not None:
            return own
    if default is None:
        default, _ = Team.objects.get_or_create(is_default=True, defaults={"name": "Support", "slug": "support"})
    return default


def installation_zone() -> tzinfo | None:
    """The zone the installation's customers mostly live in; None when the profile says nothing but UTC."""
    data = InstallationProfile.objects.values_list("data", flat=True).first()
    name = str((data or {}).get("timezone") or "")
    return zone_named(name) if name and name != "UTC" else None


# ------------------------------------------------------------------------------------------------------------ deciding
def _decide_customer(ticket: Ticket, now: datetime) -> None:
    if ticket.customer_why.get("how") == _HOW_PERSON:
        return
    found = resolve_customer(
        organization=ticket.organization,
        requester_email=ticket.requester_email,
        subject=ticket.subject,
        description=ticket.description,
    )
    before = ticket.customer_id
    ticket.customer, ticket.customer_why = found.customer, found.as_dict()
    if found.customer is not None and found.customer.pk != before:
        _tell(ticket, "ticket.customer_set", now, {"org_id": found.customer.org_id, "how": found.how})


def _decide_class(ticket: Ticket, now: datetime) -> None:
    if ticket.class_why.get("how") == _HOW_PERSON:
        return
    fields = {"priority": ticket.priority, "channel": ticket.channel, "helpdesk": ticket.helpdesk}
    found = classify_text(ticket.subject, ticket.description, ticket.tags, known_playbooks(), fields=fields)
    before = ticket.incident_class
    ticket.incident_class, ticket.class_why = found.incident_class, found.as_dict()
    if read := textmodel.read_ticket(ticket):
        ticket.class_why["model"] = read
    if found.incident_class and ticket.status == Ticket.Status.RECEIVED:
        ticket.status = Ticket.Status.CLASSIFIED
    if found.incident_class and found.incident_class != before:
        _tell(ticket, "ticket.classified", now, {"class": found.incident_class, "how": "rules"})


@transaction.atomic
def decide_again(ticket: Ticket, *, now: datetime) -> Ticket:
    """Customer and class once more: playbooks or the directory have changed since. A person's decision stays."""
    locked = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    _decide_customer(locked, now)
    _decide_class(locked, now)
    locked.save(update_fields=["customer", "customer_why", "incident_class", "class_why", "status", "updated_at"])
    return locked


def _tell(ticket: Ticket, kind: str, now: datetime, data: Mapping[str, Any], actor: User | None = None) -> None:
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:12]
    events.record(
        kind,
        ticket_ref=ticket.ref,
        at=now,
        actor=actor,
        data=data,
        key=f"{kind}:{ticket.ref}:{now.isoformat()}:{digest}",
    )


def known_playbooks() -> list[Playbook]:
    """The playbooks in force, parsed; the shipped library is loaded when there are none. One query in the end."""
    versions = list(PlaybookVersion.objects.active().values_list("pk", "sha256"))
    if not versions:
        ensure_library()
        versions = list(PlaybookVersion.objects.active().values_list("pk", "sha256"))
    return [_parsed(pk, sha256) for pk, sha256 in versions]


@lru_cache(maxsize=64)
def _parsed(pk: int, sha256: str) -> Playbook:
    """Versions are immutable: parsing one takes longer than reading a ticket, so it is done once per process."""
    return Playbook.model_validate(PlaybookVersion.objects.values_list("document", flat=True).get(pk=pk, sha256=sha256))


def read_claims_again(ticket: Ticket, *, timezone: str = "", stated: Iterable[tuple[str, str]] = ()) -> None:
    """Claims of the opening, of what the customer wrote since, and of fields that state one (`stated`: kind, value).

    `timezone` is the requester's, where it is known.
    """
    zone = zone_named(timezone) or installation_zone()
    found = extract_claims(ticket.subject, ticket.description, written_at=ticket.opened_at, zone=zone)
    written = TicketMessage.objects.filter(ticket=ticket, author=Author.CUSTOMER, is_public=True, is_redacted=False)
    for message in written.order_by("at", "external_id")[:_MOST_MESSAGES]:
        found = [*found, *extract_claims("", message.text, written_at=message.at, zone=zone)]
    kinds = set(TicketClaim.Kind.values)
    found = [*found, *(Claim(kind, value[:2000], "", origin="field") for kind, value in stated if kind in kinds)]
    replace_text_claims(ticket, found)


def replace_text_claims(ticket: Ticket, claims: Iterable[Claim]) -> None:
    """Claims read from the text take the place of those read before; what a person wrote or struck out stays. Nothing
    is written when they are the same.
    """
    rows = list(ticket.claims.all())
    kept = {(row.kind, row.value) for row in rows if row.edited_by_id or row.origin == _HOW_PERSON}
    decided = {kind for kind, _ in kept} & {TicketClaim.Kind.ONSET, TicketClaim.Kind.ENDED}
    wanted: dict[tuple[str, str], Claim] = {}
    for one in claims:
        if (one.kind, one.value) not in kept and one.kind not in decided:
            wanted.setdefault((one.kind, one.value), one)
    old = [row for row in rows if not row.edited_by_id and row.origin != _HOW_PERSON]
    told = [(one.kind, one.value, one.quote, one.precision_s, one.origin) for one in wanted.values()]
    if sorted(map(repr, told)) == sorted(
        repr((row.kind, row.value, row.quote, row.precision_s, row.origin)) for row in old
    ):
        return
    ticket.claims.filter(pk__in=[row.pk for row in old]).delete()
    TicketClaim.objects.bulk_create(
        TicketClaim(
            ticket=ticket,
            kind=one.kind,
            value=one.value,
            quote=one.quote,
            precision_s=one.precision_s,
            origin=one.origin,
        )
        for one in wanted.values()
    )


# ---------------------------------------------------------------------------------------------------------- correcting
@transaction.atomic
def correct_ticket(
    ticket: Ticket,
    *,
    actor: User,
    customer: Customer | None = None,
    incident_class: str | None = None,
    claims: Sequence[ClaimEdit | Mapping[str, Any]] = (),
    owner: User | None = None,
    now: datetime | None = None,
) -> Ticket:
    """A person's correction; None means: leave as it is. It stands against later updates of the ticket.

    A corrected customer is remembered for the requester's address. InvalidInput for an unknown class or a bad claim.
    """
    now = now or timezone.now()
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("customer").get(pk=ticket.pk)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if customer is not None and (customer.pk != ticket.customer_id or ticket.customer_why.get("how") != _HOW_PERSON):
        before["customer"], after["customer"] = str(ticket.customer.org_id if ticket.customer else ""), customer.org_id
        learned = remember_address(Customer.objects.select_for_update().get(pk=customer.pk), ticket.requester_email)
        detail = f"Set by {actor}." + (
            f" Tickets from {ticket.requester_email} are this customer's from now on." if learned else ""
        )
        ticket.customer, ticket.customer_why = customer, {"how": _HOW_PERSON, "detail": detail, "candidates": []}
        _tell(ticket, "ticket.customer_set", now, {"org_id": customer.org_id, "how": _HOW_PERSON}, actor)
    if incident_class is not None and (
        incident_class != ticket.incident_class or ticket.class_why.get("how") != _HOW_PERSON
    ):
        _check_class(incident_class)
        before["class"], after["class"] = ticket.incident_class, incident_class
        ticket.incident_class = incident_class
        ticket.class_why = {
            "how": _HOW_PERSON,
            "reasons": [f"Set by {actor}."],
            "scores": ticket.class_why.get("scores", {}),
        }
        if ticket.status == Ticket.Status.RECEIVED and incident_class:
            ticket.status = Ticket.Status.CLASSIFIED
        _tell(ticket, "ticket.classified", now, {"class": incident_class, "how": _HOW_PERSON}, actor)
    if owner is not None and owner.pk != ticket.owner_id:
        before["owner"], after["owner"] = str(ticket.owner.username if ticket.owner else ""), owner.username
        change_owner(ticket, owner, at=now, actor=actor)
    if claims:
        changes = apply_edits(ticket, claims, actor=actor)
        if changes:
            after["claims"] = changes
    if after:
        ticket.save()
        record_event(actor=actor, action="ticket.corrected", target=ticket, before=before, after=after)
    return ticket


def _check_class(incident_class: str) -> None:
    known = sorted(set(PlaybookVersion.objects.active().values_list("incident_class", flat=True)) | {"other"})
    if incident_class and incident_class not in known:
        raise InvalidInput(
            f"There is no class {incident_class!r}. Known: {', '.join(known)}.",
            errors={"incident_class": [f"one of: {', '.join(known)}"]},
        )
