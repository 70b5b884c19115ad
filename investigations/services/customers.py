"""Whose ticket is this? Resolution with its reason, corrections that are remembered, import of the directory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from pydantic import ValidationError

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import User
from investigations.intake.mail_providers import FREE_MAIL
from investigations.models import Customer
from investigations.profile import CustomerRecord
from investigations.services.tiers import tell_tiers

_READ: Final = 30_000
_ID: Final = re.compile(
    r"(?<![A-Za-z0-9_])[A-Za-z][A-Za-z0-9]{1,15}[_\-][A-Za-z0-9][A-Za-z0-9_\-]{2,60}(?![A-Za-z0-9_])"
)
_NUMBERED: Final = re.compile(
    r"\b(?:org(?:ani[sz]ation)?|account|tenant|customer|workspace)\s?(?:id|no\.?|number|#)?[\s:#=]{1,4}(\d{3,20})\b",
    re.IGNORECASE,
)
_STRIPE: Final = re.compile(r"(?<![A-Za-z0-9_])cus_[A-Za-z0-9]{6,60}")
_DOMAIN_IN_TEXT: Final = re.compile(
    r"(?<![A-Za-z0-9.\-])(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
_SHORTEST_NAME: Final = 4

#: how -> the sentence that says it; {0} is what was found.
_HOW: Final[dict[str, str]] = {
    "organization_id": "The organisation's id {0!r} stands in the directory.",
    "email": "The requester's address is known as this customer's.",
    "organization_domain": "The organisation's domain {0} is this customer's.",
    "email_domain": "The requester writes from {0}.",
    "stripe_customer": "The text names the Stripe customer {0}.",
    "org_id": "The text names the account id {0}.",
    "name": "The ticket names {0!r}.",
    "domain_in_text": "The text names the domain {0}.",
}


_AMONG: ContextVar[frozenset[str] | None] = ContextVar("customers_among", default=None)


@contextmanager
def among(org_ids: Iterable[str]) -> Iterator[None]:
    """Inside, only these customers are known: a run under another installation's profile must not meet ours."""
    token = _AMONG.set(frozenset(org_ids))
    try:
        yield
    finally:
        _AMONG.reset(token)


def _directory() -> QuerySet[Customer]:
    known = _AMONG.get()
    return Customer.objects.all() if known is None else Customer.objects.filter(org_id__in=known)


@dataclass(frozen=True, slots=True)
class Candidate:
    customer: Customer
    how: str
    value: str

    def as_dict(self) -> dict[str, str]:
        return {
            "org_id": self.customer.org_id,
            "name": self.customer.name,
            "how": self.how,
            "detail": _HOW[self.how].format(self.value),
        }


@dataclass(frozen=True, slots=True)
class Resolution:
    """`customer` is None when nobody, or more than one, fits. `candidates` are the alternatives, best first."""

    customer: Customer | None
    how: str
    detail: str
    candidates: list[Candidate] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The shape of Ticket.customer_why."""
        return {
            "how": self.how,
            "detail": self.detail,
            "candidates": [candidate.as_dict() for candidate in self.candidates[:8]],
        }


def resolve_customer(
    *, organization: Mapping[str, Any], requester_email: str = "", subject: str = "", description: str = ""
) -> Resolution:
    """The customer of a ticket. Each way is tried in its order; the first that names exactly one customer decides.

    A way that names several is kept: a later way may single one of them out. Others found on the way are alternatives.
    """
    open_choice: list[Candidate] = []
    decided: Candidate | None = None
    alternatives: list[Candidate] = []
    for found in _ways(organization, requester_email.strip().lower(), subject, description[:_READ]):
        if not found:
            continue
        if decided is not None:
            alternatives += [one for one in found if one.customer.pk != decided.customer.pk]
            continue
        among = [one for one in found if any(one.customer.pk == other.customer.pk for other in open_choice)]
        fits = among if open_choice else found
        if len(fits) == 1:
            decided = fits[0]
            alternatives = [one for one in open_choice if one.customer.pk != decided.customer.pk]
        elif not open_choice:
            open_choice = found
    if decided is not None:
        detail = _HOW[decided.how].format(decided.value)
        others = _distinct(alternatives)
        if others:
            detail += f" Something speaks for {', '.join(str(one.customer) for one in others[:3])} too."
        return Resolution(decided.customer, decided.how, detail, others)
    if open_choice:
        names = ", ".join(str(one.customer) for one in open_choice[:5])
        return Resolution(None, "ambiguous", f"{len(open_choice)} customers fit: {names}.", _distinct(open_choice))
    return Resolution(None, "unknown", "Neither organisation, address nor text names a customer of the directory.")


def _distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    first: dict[int, Candidate] = {}
    for one in candidates:
        first.setdefault(one.customer.pk, one)
    return list(first.values())


def _ways(organization: Mapping[str, Any], email: str, subject: str, description: str) -> Iterator[list[Candidate]]:
    """The candidates of each way, most certain first. One query each, none for what the ticket does not hold."""
    external_id = str(organization.get("external_id") or "").strip()
    name = str(organization.get("name") or "").strip()
    text = f"{subject}\n{description}"
    if external_id:
        yield _where(Q(org_id=external_id), "organization_id", external_id) or _where(
            Q(org_id__iexact=external_id), "organization_id", external_id
        )
    if email:
        yield _where(Q(emails__contains=[email]), "email", email)
    domain = str(organization.get("domain") or "").strip().lower()
    if domain:
        yield _by_domain(domain, "organization_domain")
    mail_domain = email.rpartition("@")[2]
    if mail_domain and mail_domain != domain:
        yield _by_domain(mail_domain, "email_domain")
    stripe = list(dict.fromkeys(_STRIPE.findall(text)))[:20]
    if stripe:
        yield [
            Candidate(one, "stripe_customer", one.stripe_customer)
            for one in _directory().filter(stripe_customer__in=stripe)[:5]
        ]
    yield _by_ids(text)
    yield _by_name(name, text)
    yield _by_mentioned_domain(text, {domain, mail_domain})


def _where(condition: Q, how: str, value: str) -> list[Candidate]:
    return [Candidate(customer, how, value) for customer in _directory().filter(condition)[:8]]


def _by_domain(domain: str, how: str) -> list[Candidate]:
    """The domain, then what it is a part of: eu.acme.com is acme.com's."""
    labels = domain.strip(".").split(".")
    while len(labels) >= 2:
        name = ".".join(labels)
        if name in FREE_MAIL:
            return []
        found = _where(Q(domains__contains=[name]), how, name)
        if found:
            return found
        labels = labels[1:]
    return []


def _by_ids(text: str) -> list[Candidate]:
    ids = list(dict.fromkeys(_ID.findall(text)))[:40] + list(dict.fromkeys(_NUMBERED.findall(text)))[:5]
    if not ids:
        return []
    found = list(_directory().filter(org_id__in=ids)[:8])
    if not found:
        lowered = [one.lower() for one in ids]  # an id typed in other case
        found = list(_directory().extra(where=["lower(org_id) = ANY(%s)"], params=[lowered])[:8])
    return [Candidate(customer, "org_id", customer.org_id) for customer in found]


def _by_name(name: str, text: str) -> list[Candidate]:
    """The organisation's name as the helpdesk has it; else names that stand in the text, longest first."""
    if name:
        found = _where(Q(name__iexact=name), "name", name)
        if found:
            return found
    lowered = " ".join(text.lower().split())
    if not lowered:
        return []
    rows = _directory().extra(
        where=["length(name) >= %s", "strpos(%s, lower(name)) > 0"], params=[_SHORTEST_NAME, lowered]
    )[:20]
    lines = {line.strip(" \t,.-–—").lower() for line in text.splitlines()}
    signed = [one for one in rows if one.name.lower() in lines]
    spoken = [one for one in rows if _stands_alone(one.name.lower(), lowered) and (" " in one.name or one.name in text)]
    best = signed or [
        one
        for one in spoken
        if not any(one.name.lower() in other.name.lower() and one.pk != other.pk for other in spoken)
    ]
    return [Candidate(customer, "name", customer.name) for customer in best[:8]]


def _stands_alone(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _by_mentioned_domain(text: str, seen: set[str]) -> list[Candidate]:
    domains = {match.group().lower() for match in _DOMAIN_IN_TEXT.finditer(text)}
    wider = {".".join(name.split(".")[n:]) for name in domains for n in range(len(name.split(".")) - 1)}
    wanted = sorted(wider - FREE_MAIL - seen)[:60]
    if not wanted:
        return []
    rows = _directory().filter(domains__overlap=wanted)[:8]
    return [
        Candidate(one, "domain_in_text", next(domain for domain in one.domains if domain in wanted)) for one in rows
    ]


# ------------------------------------------------------------------------------------------------------- the directory
def remember_address(customer: Customer, email: str) -> bool:
    """After a person's correction: from now on `email` is this customer's and nobody else's. False when it was known.

    Only the address is learned, never its domain: one person does not make a provider a customer.
    """
    email = email.strip().lower()
    if not email or email in customer.emails:
        return False
    for other in (
        Customer.objects.select_for_update().filter(emails__contains=[email]).exclude(pk=customer.pk).order_by("pk")
    ):
        other.emails = [address for address in other.emails if address != email]
        other.save(update_fields=["emails", "updated_at"])
    customer.emails = [*customer.emails, email]
    customer.save(update_fields=["emails", "updated_at"])
    return True


@transaction.atomic
def update_customer(customer: Customer, *, actor: User, changes: Mapping[str, Any]) -> Customer:
    """Change one customer; `changes` holds names of _FIELDS. Lists are replaced and kept in lower case."""
    customer = Customer.objects.select_for_update().get(pk=customer.pk)
    before, after = {}, {}
    for name in _FIELDS:
        if name not in changes:
            continue
        value = changes[name]
        if name == "mrr_currency":
            value = str(value).upper()
        if isinstance(value, list):
            value = list(dict.fromkeys(text.strip().lower() for text in value if text.strip()))
        if getattr(customer, name) != value:
            before[name], after[name] = getattr(customer, name), value
            setattr(customer, name, value)
    if customer.mrr_minor is not None and not customer.mrr_currency:
        raise InvalidInput("mrr_minor needs its mrr_currency.", errors={"mrr_currency": ["three letters, e.g. EUR"]})
    if after:
        customer.save()
        record_event(
            actor=actor, action="customer.changed", object_kind="customer", object_ref=customer.org_id,
            before=plain(before), after=plain(after),
        )  # fmt: skip
        tell_tiers({customer.pk: (str(before["tier"]), customer.tier)} if "tier" in after else {})
    return customer


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a customer as the audit log keeps them."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class ImportReport:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: tuple[str, ...] = ()


_FIELDS: Final = (
    "name", "domains", "emails", "plan", "tier", "stripe_customer", "linear_customer", "mrr_minor", "mrr_currency",
    "renews_on",
)  # fmt: skip


@transaction.atomic
def import_directory(
    records: Iterable[CustomerRecord | Mapping[str, Any]], *, actor: User | None = None
) -> ImportReport:
    """Create or update customers by `org_id`. Idempotent.

    Addresses and domains learned here are kept, empty values in a record erase nothing. InvalidInput names the bad row.
    """
    parsed = _parsed(records)
    known = {
        customer.org_id: customer
        for customer in Customer.objects.select_for_update().filter(org_id__in=list(parsed)).order_by("pk")
    }
    fresh, changed = [], []
    tiers = {customer.pk: customer.tier for customer in known.values()}
    for org_id, record in parsed.items():
        customer = known.get(org_id)
        values = _values(record, customer)
        if customer is None:
            fresh.append(Customer(org_id=org_id, **values))
        elif any(getattr(customer, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(customer, name, value)
            changed.append(customer)
    Customer.objects.bulk_create(fresh, batch_size=1000)
    Customer.objects.bulk_update(changed, _FIELDS, batch_size=500)
    tell_tiers({customer.pk: (tiers[customer.pk], customer.tier) for customer in changed})
    report = ImportReport(
        len(fresh), len(changed), len(parsed) - len(fresh) - len(changed), tuple(_shared_domains(parsed))
    )
    if fresh or changed:
        record_event(
            actor=actor,
            action="customers.imported",
            object_kind="customer",
            after={"created": report.created, "updated": report.updated},
        )
    return report


def _parsed(records: Iterable[CustomerRecord | Mapping[str, Any]]) -> dict[str, CustomerRecord]:
    parsed: dict[str, CustomerRecord] = {}
    for number, row in enumerate(records):
        try:
            record = row if isinstance(row, CustomerRecord) else CustomerRecord.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise InvalidInput(
                f"Customer {number + 1}: {'.'.join(map(str, first['loc']))}: {first['msg']}", row=number
            ) from None
        org_id = record.org_id.strip()
        if not 0 < len(org_id) <= 120:
            raise InvalidInput(f"Customer {number + 1}: org_id must have 1 to 120 characters.", row=number)
        parsed[org_id] = record
    return parsed


def _values(record: CustomerRecord, customer: Customer | None) -> dict[str, Any]:
    domains = [domain.strip().lower() for domain in [record.domain, *record.domains] if domain.strip()]
    emails = [email.strip().lower() for email in record.emails if "@" in email]
    if customer is not None:
        domains, emails = [*customer.domains, *domains], [*customer.emails, *emails]
    values: dict[str, Any] = {"domains": list(dict.fromkeys(domains)), "emails": list(dict.fromkeys(emails))}
    for name, limit in (("name", 200), ("plan", 80), ("tier", 40), ("stripe_customer", 80), ("linear_customer", 80)):
        text = str(getattr(record, name)).strip()[:limit]
        values[name] = text or (getattr(customer, name) if customer is not None else "")
    if record.mrr_minor is not None:
        values |= {"mrr_minor": record.mrr_minor, "mrr_currency": record.mrr_currency.upper()}
    else:
        values |= {
            "mrr_minor": customer.mrr_minor if customer is not None else None,
            "mrr_currency": customer.mrr_currency if customer is not None else "",
        }
    values["renews_on"] = record.renews_on or (customer.renews_on if customer is not None else None)
    if values["mrr_minor"] is not None and not values["mrr_currency"]:
        raise InvalidInput(f"{record.org_id}: mrr_minor needs its mrr_currency, e.g. EUR.", org_id=record.org_id)
    return values


def _shared_domains(parsed: Mapping[str, CustomerRecord]) -> Iterator[str]:
    owners: dict[str, list[str]] = {}
    for org_id, record in parsed.items():
        for domain in {record.domain, *record.domains} - {""}:
            owners.setdefault(domain.lower(), []).append(org_id)
    for domain, ids in sorted(owners.items()):
        if domain in FREE_MAIL:
            yield f"{domain} is a mail provider's domain: it will not be used to recognise {ids[0]}."
        elif len(ids) > 1:
            yield f"{domain} belongs to {len(ids)} customers ({', '.join(ids[:4])}): tickets from it are ambiguous."
