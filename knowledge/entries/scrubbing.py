"""What a case leaves in its texts that an entry must not hold: customers, people, addresses, the case's own ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from altor.redaction import redact_text
from investigations.models import Customer, Ticket, TicketClaim
from knowledge.language.folding import fold
from knowledge.language.matching import find_names
from knowledge.language.names import Directory, Sort

#: What stands where somebody was named.
CUSTOMER: Final = "the customer"
PERSON: Final = "a person"
GONE: Final = "…"
_SHORTEST: Final = 3
#: Claims that are of this case alone: an endpoint and an error code are of the cause.
_OF_THE_CASE: Final = (TicketClaim.Kind.REQUEST_ID, TicketClaim.Kind.OBJECT_ID, TicketClaim.Kind.AMOUNT)
#: Ids in the vendor's and in payment systems.
_IDS: Final = re.compile(r"\b(?:req|evt|in|cus|sub|ch|pi|org|acct|usr|ii|il|ticket)_[A-Za-z0-9]{4,40}\b")
_REFERENCES: Final = re.compile(r"\b(?:INV|ESC|TK|ZD|FD|HS|CW|FR|IC)-\d+\b")


def scrubber(ticket: Ticket) -> Callable[[str], str]:
    """A function that takes every customer's names and domains, people's names and addresses, and the ids of this case
    out of a text. Up to four queries now, none later.
    """
    directory = Directory(other_customers=_customers(), people=_people(ticket))
    own = sorted(_own_ids(ticket), key=len, reverse=True)
    exact = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in own)) if own else None

    def clean(text: str) -> str:
        text = exact.sub(GONE, text) if exact is not None else text
        text = _REFERENCES.sub(GONE, _IDS.sub(GONE, text))
        return redact_text(_without_names(text, directory), ips=True)

    return clean


def _without_names(text: str, directory: Directory) -> str:
    folded = fold(text)
    spans = []
    for named in find_names(folded.text, directory):
        start, end = folded.span(named.start, named.end)
        spans.append((start, end, CUSTOMER if named.name.sort is Sort.CUSTOMER else PERSON))
    parts, at = [], 0
    for start, end, word in sorted(spans):
        if start >= at:
            parts += [text[at:start], word]
            at = end
    return "".join([*parts, text[at:]])


def _customers() -> frozenset[str]:
    rows = Customer.objects.values_list("name", "org_id", "stripe_customer", "domains")
    return _kept(name for row in rows for name in (*row[:3], *row[3]))


def _people(ticket: Ticket) -> frozenset[str]:
    from altor.models import User

    found = {ticket.requester_name, ticket.requester_email}
    for username, first, last, email in User.objects.values_list("username", "first_name", "last_name", "email"):
        found |= {username, email, f"{first} {last}".strip()}
    messages = ticket.messages.values_list("author_name", flat=True) if hasattr(ticket, "messages") else ()
    return _kept([*found, *messages])


def _own_ids(ticket: Ticket) -> set[str]:
    claims = ticket.claims.filter(kind__in=_OF_THE_CASE).values_list("value", flat=True)
    return {one for one in (ticket.ref, ticket.external_id, *claims) if len(one) >= _SHORTEST}


def _kept(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip() for name in names if name and len(name.strip()) >= _SHORTEST)
