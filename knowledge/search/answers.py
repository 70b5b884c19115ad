"""What a program asks of the search and what it is told: the same over REST and for assistants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from altor.errors import InvalidInput, NotFound
from altor.models import User
from investigations.models import Ticket
from knowledge.entry_serializers import FoundSerializer
from knowledge.search.finding import Answer, Filters, find


def filters_of(given: Mapping[str, Any]) -> Filters:
    """`given`: what `SearchQuery` or `MatchInput` has validated."""
    return Filters(
        incident_class=given["class"], label=given["label"], component=given["component"],
        confidence=given["confidence"], audience=given["audience"], tier=given["tier"], language=given["language"],
    )  # fmt: skip


def match_ticket(user: User, given: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that explain a ticket. `given`: what `MatchInput` has validated.

    NotFound for a ticket the person may not see, InvalidInput without a text.
    """
    filters = filters_of(given)
    if ref := given.get("ticket"):
        ticket = Ticket.objects.visible_to(user).select_related("customer").filter(ref=ref).first()
        if ticket is None:
            raise NotFound(f"There is no ticket {ref!r} that you may see.")
        if not filters.tier and ticket.customer is not None:
            filters = replace(filters, tier=ticket.customer.tier)
        text = f"{ticket.subject}\n{ticket.description}"
    else:
        text = _text(given)
    return told(find(user, text, filters, limit=given["limit"]))


def _text(given: Mapping[str, Any]) -> str:
    text = "\n".join(part for part in (given.get("subject", ""), given.get("text", "")) if part)
    if not text.strip():
        raise InvalidInput("Give a text or a ticket.", errors={"text": ["give a text or a ticket"]})
    return text


def told(answer: Answer) -> dict[str, Any]:
    """The shape of `SearchResultSerializer`."""
    return {
        "next": None,
        "previous": None,
        "results": FoundSerializer(answer.found, many=True).data,
        "mended": dict(answer.mended),
        "by_words_only": answer.by_words_only,
        "seconds": round(answer.seconds, 4),
    }
