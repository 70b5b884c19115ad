"""Edits of what was read from a ticket's text: add, change, strike out, bring back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from altor.errors import InvalidInput
from altor.models import User
from altor.redaction import redact_text
from investigations.diagnosis.steps import question_text
from investigations.intake.endpoints import METHODS, normalised
from investigations.models import Ticket, TicketClaim

_AMOUNT: Final = re.compile(r"\d{1,12} [A-Z]{3}")
_ENDPOINT: Final = re.compile(rf"(?:(?:{'|'.join(METHODS)}) )?/[^\s?#]{{0,250}}")
_AT_MOST: Final = 50
#: One moment of each kind: a new one takes the place of the old.
_SINGLE: Final = frozenset({TicketClaim.Kind.ONSET, TicketClaim.Kind.ENDED})


@dataclass(frozen=True, slots=True)
class ClaimEdit:
    """With `claim_id`: change that claim (None = leave as it is). Without: add one of `kind` and `value`."""

    claim_id: int | None = None
    kind: str = ""
    value: str | None = None
    is_active: bool | None = None
    precision_s: int | None = None


def facts_of(ticket: Ticket) -> list[str]:
    """What the ticket is known to claim, sorted: "endpoint:GET /v2/orders", "customer:org_k3p7". One query."""
    found = {
        f"{kind}:{value}"[:300] for kind, value in ticket.claims.filter(is_active=True).values_list("kind", "value")
    }
    return sorted(found | ({f"customer:{ticket.customer.org_id}"} if ticket.customer else set()))


def apply_edits(ticket: Ticket, edits: Sequence[ClaimEdit | Mapping[str, Any]], *, actor: User) -> list[dict[str, Any]]:
    """Apply edits in the caller's transaction; what changed, for the audit log. InvalidInput names the bad edit."""
    if len(edits) > _AT_MOST:
        raise InvalidInput(f"At most {_AT_MOST} claims can be edited at once.")
    changes = []
    for edit in edits:
        one = edit if isinstance(edit, ClaimEdit) else _edit(edit)
        change = _change(ticket, one.claim_id, one, actor) if one.claim_id is not None else _add(ticket, one, actor)
        if change:
            changes.append(change)
    return changes


def _edit(raw: Mapping[str, Any]) -> ClaimEdit:
    try:
        return ClaimEdit(**raw)
    except TypeError:
        raise InvalidInput("A claim edit holds claim_id, kind, value, is_active, precision_s.") from None


def _change(ticket: Ticket, claim_id: int, edit: ClaimEdit, actor: User) -> dict[str, Any]:
    claim = ticket.claims.select_for_update().filter(pk=claim_id).first()
    if claim is None:
        raise InvalidInput(f"The ticket has no claim {claim_id}.", errors={"claims": [f"no claim {claim_id}"]})
    before = {"value": claim.value, "is_active": claim.is_active}
    if edit.value is not None:
        value = checked_value(claim.kind, edit.value)
        if value != claim.value:
            claim.value, claim.origin = value, "person"
            claim.precision_s = (
                edit.precision_s if edit.precision_s is not None else (60 if claim.kind in _SINGLE else None)
            )
    if edit.is_active is not None:
        claim.is_active = edit.is_active
    after = {"value": claim.value, "is_active": claim.is_active}
    if after == before:
        return {}
    claim.edited_by = actor
    claim.save()
    return {"kind": claim.kind, "before": before, "after": after}


def _add(ticket: Ticket, edit: ClaimEdit, actor: User) -> dict[str, Any]:
    if edit.kind not in TicketClaim.Kind.values:
        raise InvalidInput(
            f"There is no kind of claim {edit.kind!r}.",
            errors={"claims": [f"kind: one of {', '.join(TicketClaim.Kind.values)}"]},
        )
    if edit.kind == TicketClaim.Kind.ANSWER:
        raise InvalidInput("An answer is given to a question of a diagnosis, not entered as a claim.")
    value = checked_value(edit.kind, edit.value or "")
    if ticket.claims.filter(kind=edit.kind, value=value, is_active=True).exists():
        return {}
    if edit.kind in _SINGLE:
        ticket.claims.filter(kind=edit.kind, is_active=True).update(is_active=False, edited_by=actor)
    precision = edit.precision_s if edit.precision_s is not None else (60 if edit.kind in _SINGLE else None)
    TicketClaim.objects.create(
        ticket=ticket, kind=edit.kind, value=value, precision_s=precision, origin="person", edited_by=actor
    )
    return {"kind": edit.kind, "before": None, "after": {"value": value, "is_active": True}}


def keep_answer(ticket: Ticket, *, name: str, question: str, answer: str, actor: User) -> bool:
    """A person's answer to the question of that name, in the caller's transaction, in place of an earlier one.

    False when the same answer stands already.
    """
    earlier = ticket.claims.filter(kind=TicketClaim.Kind.ANSWER, name=name, is_active=True)
    kept = {"value": answer[:2000], "quote": question_text(question)}
    if earlier.filter(**kept).exists():
        return False
    earlier.update(is_active=False)
    TicketClaim.objects.create(
        ticket=ticket, kind=TicketClaim.Kind.ANSWER, name=name, origin="person", edited_by=actor, **kept
    )
    return True


def checked_value(kind: str, value: str) -> str:
    """The normal form of a claim's value. InvalidInput says what is expected."""
    text = redact_text(value.strip())
    if not 0 < len(text) <= 300:
        raise InvalidInput(
            "A claim's value has 1 to 300 characters.", errors={"claims": ["value: 1 to 300 characters"]}
        )
    match kind:
        case TicketClaim.Kind.ONSET | TicketClaim.Kind.ENDED:
            return _moment(text)
        case TicketClaim.Kind.ENDPOINT:
            method, _, path = text.rpartition(" ")
            text = f"{method.upper()} {path}".strip()
            if not _ENDPOINT.fullmatch(text):
                raise InvalidInput(
                    "An endpoint looks like 'GET /v2/orders'.", errors={"claims": ["value: METHOD /path"]}
                )
            text = normalised(text)
        case TicketClaim.Kind.AMOUNT:
            if not _AMOUNT.fullmatch(text):
                raise InvalidInput(
                    "An amount is minor units and currency: '123456 EUR'.",
                    errors={"claims": ["value: minor units and currency"]},
                )
    return text


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            "A time is ISO 8601: 2026-05-01T10:02:00Z.", errors={"claims": ["value: ISO 8601"]}
        ) from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
