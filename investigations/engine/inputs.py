"""What a run knows before its first step: the customer, the claims of the ticket, the windows, earlier cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from investigations.diagnosis.facts import plain
from investigations.diagnosis.types import RunInputs
from investigations.engine.earlier import earlier_cases
from investigations.models import Customer, Ticket, TicketClaim
from investigations.profile import Profile
from investigations.services.textmodel import read_by_model

#: Telemetry is looked at this far back: a day as baseline and the hours of the incident.
WINDOW: Final = timedelta(hours=30)
RECENT: Final = timedelta(hours=3)
BILLING_LOOKBACK: Final = timedelta(days=75)
USAGE_LOOKBACK: Final = timedelta(days=36)
ISSUES_LOOKBACK: Final = timedelta(days=180)


#: What decides whose data is seen, and when: never taken from a text that somebody typed as an answer.
NOT_BY_ANSWER: Final = frozenset({"org_id", "plan", "domain", "emails", "answers", "claim_precision_s"})


def build_inputs(
    ticket: Ticket, *, as_of: datetime, profile: Profile, earlier: Sequence[Mapping[str, Any]] | None = None
) -> RunInputs:
    """Inputs of a run at `as_of`. What is not known is absent, so that conditions read it as unknown. Queries.

    `earlier`: the cases that a run has kept; None reads those confirmed before `as_of`.
    """
    customer = _customer(ticket.customer, profile)
    values: dict[str, Any] = {**_windows(as_of, profile), "opened_at": ticket.opened_at, **_claims(ticket)}
    values["window_misses"] = _misses(values)
    if ticket.customer is not None:
        values |= {
            "org_id": ticket.customer.org_id,
            "stripe_customer": ticket.customer.stripe_customer,
            "plan": customer.get("plan"),
            "domain": ticket.customer.domains[0] if ticket.customer.domains else None,
            "emails": ticket.customer.emails or None,
        }
    values["answers"] = answers = _answers(ticket)
    for name, item in answers.items():
        if name not in NOT_BY_ANSWER and values.get(name) in (None, ""):
            values[name] = item["answer"]
    return RunInputs(
        as_of=as_of,
        ticket={
            "ref": ticket.ref,
            "subject": ticket.subject,
            "description": ticket.description,
            "text": f"{ticket.subject}\n{ticket.description}",
            "opened_at": plain(ticket.opened_at),
            "tags": list(ticket.tags),
            "priority": ticket.priority,
            "requester_name": ticket.requester_name,
            "fits": {key: float(score) for key, score in (ticket.class_why.get("playbooks") or {}).items()},
            **read_by_model(ticket),
        },
        customer=customer,
        values={key: plain(value) for key, value in values.items() if value not in (None, "", {})},
        profile=profile.model_dump(mode="json", exclude={"customers"}),
        earlier=(
            earlier_cases(ticket, as_of=as_of, endpoint=values.get("endpoint")) if earlier is None else list(earlier)
        ),
    )


def inputs_of_customer(customer: Customer, *, as_of: datetime, profile: Profile) -> RunInputs:
    """As of a ticket that says nothing but whose it is: for trying a step out. No queries."""
    known = _customer(customer, profile)
    values: dict[str, Any] = {
        **_windows(as_of, profile),
        "opened_at": as_of,
        "window_misses": False,
        "org_id": customer.org_id,
        "stripe_customer": customer.stripe_customer,
        "plan": known.get("plan"),
        "domain": customer.domains[0] if customer.domains else None,
        "emails": customer.emails or None,
    }
    return RunInputs(
        as_of=as_of,
        ticket={"text": "", "subject": "", "description": "", "opened_at": plain(as_of), "tags": [], "fits": {}},
        customer=known,
        values={key: plain(value) for key, value in values.items() if value not in (None, "")},
        profile=profile.model_dump(mode="json", exclude={"customers"}),
    )


def _windows(as_of: datetime, profile: Profile) -> dict[str, Any]:
    start = as_of - WINDOW
    oldest = profile.telemetry.window_start
    return {
        "window_start": max(start, oldest) if oldest else start,
        "window_end": as_of,
        "recent_start": as_of - RECENT,
        "billing_since": as_of - BILLING_LOOKBACK,
        "usage_since": as_of - USAGE_LOOKBACK,
        "issues_since": as_of - ISSUES_LOOKBACK,
    }


def _misses(values: dict[str, Any]) -> bool:
    """Whether the ticket speaks of a time that is surely before everything that is looked at."""
    claimed = values.get("claimed_onset")
    slack = timedelta(seconds=float(values.get("claim_precision_s") or 0))
    at: datetime = datetime.fromisoformat(claimed) + slack if claimed else values["opened_at"]
    start: datetime = values["window_start"]
    return at < start


def _customer(customer: Customer | None, profile: Profile) -> dict[str, Any]:
    if customer is None:
        return {}
    fields = ("org_id", "name", "plan", "tier", "stripe_customer", "linear_customer")
    return {name: getattr(customer, name) for name in fields if getattr(customer, name)}


def _answers(ticket: Ticket) -> dict[str, dict[str, str]]:
    """{name of the input or step: {"ask", "answer"}}: what people have answered to questions, the last one each."""
    given = ticket.claims.filter(kind=TicketClaim.Kind.ANSWER, is_active=True).exclude(name="").order_by("pk")
    return {claim.name: {"ask": claim.quote, "answer": claim.value} for claim in given}


def _claims(ticket: Ticket) -> dict[str, Any]:
    """The claims a person has not struck out; of several times the most exact, a person's before the text's."""
    kinds = TicketClaim.Kind
    found: dict[str, list[TicketClaim]] = {}
    for claim in ticket.claims.filter(is_active=True):
        found.setdefault(claim.kind, []).append(claim)
    for claims in found.values():
        claims.sort(key=lambda claim: (claim.origin != "person", claim.precision_s or 0, claim.pk))
    values: dict[str, Any] = {}
    for kind, name in ((kinds.ENDPOINT, "endpoint"), (kinds.ONSET, "claimed_onset"), (kinds.ENDED, "claimed_ended")):
        if found.get(kind):
            values[name] = found[kind][0].value
    if found.get(kinds.ONSET):
        values["claim_precision_s"] = found[kinds.ONSET][0].precision_s
    for kind, name in (
        (kinds.REQUEST_ID, "request_ids"),
        (kinds.ERROR_CODE, "error_codes"),
        (kinds.AMOUNT, "amounts"),
        (kinds.OBJECT_ID, "object_ids"),
    ):
        if found.get(kind):
            values[name] = [claim.value for claim in found[kind]]
    return values
