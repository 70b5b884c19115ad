"""The customers of an incident: who has written, who has not, who was told, and the notice for those who have not."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound
from altor.models import User
from altor.spreadsheet import cell
from altor.words import money
from escalations.incidents.history import W, allow, lock, require_open, save, tell
from escalations.incidents.linking import add_customers
from escalations.incidents.updates import check, cleaned, overridden, refused_words
from escalations.incidents.wording import NEXT_UPDATE, words
from escalations.models import Incident, IncidentCustomer
from investigations.models import Customer, Ticket

#: What stands for a customer whose name the person may not read.
HIDDEN: Final = "A customer"
NOTICE: Final = "notice"


@dataclass(frozen=True, slots=True)
class Listed:
    """A customer as a person may see them. `tickets`: references of the linked ones; `may_open` those of them."""

    row: IncidentCustomer
    org_id: str
    name: str
    tickets: tuple[str, ...]
    may_open: frozenset[str]
    is_hidden: bool

    @property
    def has_written(self) -> bool:
        return bool(self.tickets)

    @property
    def is_told(self) -> bool:
        return self.row.told_at is not None

    @property
    def revenue(self) -> str:
        """A month, as the directory has it; "" where it is not known."""
        one = self.row.customer
        if self.is_hidden or one is None or one.mrr_minor is None:
            return ""
        return money(one.mrr_minor, one.mrr_currency)


@dataclass(frozen=True, slots=True)
class Customers:
    """By revenue, those of whom none is known last."""

    listed: Sequence[Listed]

    @property
    def wrote(self) -> list[Listed]:
        return [one for one in self.listed if one.has_written]

    @property
    def silent(self) -> list[Listed]:
        return [one for one in self.listed if not one.has_written]

    @property
    def untold(self) -> list[Listed]:
        return [one for one in self.silent if not one.is_told]

    @property
    def revenue(self) -> list[str]:
        """The known revenue a month of those who have not written, one sum per currency: nothing is converted."""
        sums: Counter[str] = Counter()
        for one in self.silent:
            known = one.row.customer
            if not one.is_hidden and known is not None and known.mrr_minor is not None:
                sums[known.mrr_currency] += known.mrr_minor
        return [money(amount, currency) for currency, amount in sorted(sums.items())]


def customers_of(incident: Incident, user: User, *, reads_directory: bool | None = None) -> Customers:
    """As `user` may see them: without the directory, names are those of tickets they may open. Four queries.

    `reads_directory` narrows what the role grants, for tokens.
    """
    may_read = user.may("customer.read") if reads_directory is None else reads_directory
    links = incident.links.filter(unlinked_at=None).select_related("ticket__customer").order_by("pk")
    tickets = [link.ticket for link in links]
    open_to = set(
        Ticket.objects.visible_to(user).filter(pk__in=[one.pk for one in tickets]).values_list("ref", flat=True)
    )
    by_org: dict[str, list[str]] = {}
    for one in tickets:
        if one.customer is not None:
            by_org.setdefault(one.customer.org_id, []).append(one.ref)
    rows = list(incident.customers.select_related("customer", "told_by"))
    found = [_listed(row, tuple(by_org.get(row.org_id, ())), open_to, may_read) for row in rows]
    return Customers(sorted(found, key=_rank))


def _rank(one: Listed) -> tuple[bool, int, int]:
    known = one.row.customer
    amount = known.mrr_minor if known is not None and not one.is_hidden else None
    return amount is None, -(amount or 0), one.row.pk


def _listed(row: IncidentCustomer, refs: tuple[str, ...], open_to: set[str], may_read: bool) -> Listed:
    mine = frozenset(ref for ref in refs if ref in open_to)
    is_hidden = not may_read and not mine
    name = HIDDEN if is_hidden else str(row.customer or row.org_id)
    return Listed(row, "" if is_hidden else row.org_id, name, refs, mine, is_hidden)


@transaction.atomic
def mark_told(
    incident: Incident, pks: Sequence[int], *, how: str, actor: User, now: datetime, via: str = "page"
) -> int:
    """Customers were told by a person, and how; how many are new. InvalidInput for a way that is none, NotFound for a
    customer of another incident.
    """
    allow(actor)
    if how not in IncidentCustomer.How.values:
        known = ", ".join(IncidentCustomer.How.values)
        raise InvalidInput(f"Say how, with one of {known}.", errors={"how": [f"One of {known}."]})
    locked, rows = _rows(incident, pks)
    new = [one for one in rows if one.told_at is None]
    if not new:
        return 0
    locked.customers.filter(pk__in=[one.pk for one in new]).update(told_at=now, told_by=actor, told_how=how)
    save(locked)
    data = {"how": how, "orgs": [one.org_id for one in new][:100], "count": len(new)}
    tell(locked, W.TOLD, at=now, by=actor, via=via, data=data)
    record_event(actor=actor, action="incident.customers_told", target=locked, after={**data, "via": via})
    return len(new)


@transaction.atomic
def undo_told(incident: Incident, pk: int, *, actor: User, now: datetime, via: str = "page") -> bool:
    """They were not told after all."""
    allow(actor)
    locked, rows = _rows(incident, [pk])
    if rows[0].told_at is None:
        return False
    locked.customers.filter(pk=pk).update(told_at=None, told_by=None, told_how="")
    save(locked)
    tell(locked, W.UNTOLD, at=now, by=actor, via=via, data={"orgs": [rows[0].org_id]})
    record_event(actor=actor, action="incident.customers_untold", target=locked, after={"org": rows[0].org_id})
    return True


def _rows(incident: Incident, pks: Sequence[int]) -> tuple[Incident, list[IncidentCustomer]]:
    locked = lock(incident)
    rows = list(locked.customers.filter(pk__in=pks))
    if len(rows) != len(set(pks)) or not rows:
        raise NotFound(f"{locked.ref} has no such customer.")
    return locked, rows


@transaction.atomic
def add_customer(incident: Incident, org_id: str, *, actor: User, now: datetime, via: str = "page") -> bool:
    """One of the directory whom nothing measured; whether they were not there. NotFound for an unknown one."""
    allow(actor)
    known = Customer.objects.filter(org_id=org_id.strip()).first()
    if known is None:
        raise NotFound(f"The customer directory has no {org_id!r}.")
    locked = lock(incident)
    require_open(locked)
    added = add_customers(locked, [known], found=IncidentCustomer.Found.PERSON, now=now)
    if added:
        save(locked)
        tell(locked, W.CUSTOMERS, at=now, by=actor, via=via, data={"count": 1, "orgs": [known.org_id]})
        record_event(actor=actor, action="incident.customer_added", target=locked, after={"org": known.org_id})
    return bool(added)


def proposed_notice(incident: Incident) -> dict[str, str]:
    """Language -> the notice as it was kept, else the template's words."""
    found = words()
    if found is None:
        return dict(incident.notice)
    return {code: str(incident.notice.get(code) or found.template(NOTICE, code)) for code in found.languages}


@transaction.atomic
def keep_notice(
    incident: Incident, texts: Mapping[str, str], *, override_reason: str = "", actor: User, now: datetime,
    via: str = "page",
) -> Incident:  # fmt: skip
    """Keep the notice once it is checked: what is copied and exported is this. Refused as an update is."""
    allow(actor)
    locked = lock(incident)
    require_open(locked)
    kept = {language: cleaned(text) for language, text in texts.items() if text.strip()}
    found, errors = words(), {}
    if not kept:
        errors["texts"] = ["Write the notice."]
    for language, text in kept.items():
        if said := refused_words(text, language):
            errors[f"texts.{language}"] = [said]
    if found is not None and set(kept) - set(found.languages):
        errors["texts"] = [f"Notices are written in {', '.join(found.languages.values())}."]
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    checked = check(locked.run, kept)
    reason = overridden(checked, override_reason, actor)
    if locked.notice == kept:
        return locked
    locked.notice = kept
    save(locked)
    tell(locked, W.NOTICE, at=now, by=actor, via=via, text=next(iter(kept.values())), data={"languages": list(kept)})
    record_event(
        actor=actor, action="incident.notice_kept", target=locked, reason=reason[:300],
        after={"languages": list(kept), "leaks": len(checked.leaks), "via": via},
    )  # fmt: skip
    return locked


def notice_for(incident: Incident, one: Listed, language: str, agent: str) -> str:
    """The kept notice for one customer; "" where none is kept in this language."""
    found, text = words(), str(incident.notice.get(language) or "")
    if found is None or not text:
        return text
    # What cannot be promised any more is not said.
    due = incident.next_update_at if NEXT_UPDATE in text else None
    account = str(one.row.customer) if one.row.customer is not None else ""
    return found.fill(text, language, incident=incident, next_update_at=due, ticket=None, account=account, agent=agent)


def as_csv(incident: Incident, listed: Sequence[Listed], agent: str) -> str:
    """Those who have not written, with the notice filled for each; texts that would be formulas are quoted."""
    out = io.StringIO()
    rows = csv.writer(out)
    languages = list(incident.notice)
    rows.writerow(
        ["org_id", "name", "mrr_minor", "mrr_currency", "measured", "told_at", *(f"notice_{one}" for one in languages)]
    )
    for one in listed:
        if one.has_written:
            continue
        known = one.row.customer if not one.is_hidden else None
        amount = known.mrr_minor if known is not None and known.mrr_minor is not None else ""
        told = one.row.told_at.isoformat() if one.row.told_at is not None else ""
        notices = [cell(notice_for(incident, one, language, agent)) for language in languages]
        currency = cell(known.mrr_currency) if known is not None else ""
        rows.writerow([cell(one.org_id), cell(one.name), amount, currency, cell(one.row.shown), told, *notices])
    return out.getvalue()
