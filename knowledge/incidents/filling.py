"""Fill an incident's text for one customer: a few of the reply templates' placeholders, sentence by sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from escalations.models import Incident
from investigations.models import Ticket
from knowledge.replies import wording
from knowledge.replies.filling import names_in, sentences, strangers_in, substitute
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.values import Values, one_line, zone_of

#: Those that hold for every customer of an incident. Figures of one customer's evidence are not among them.
NAMES: Final = ("next_update", "since", "ended", "account", "customer_name", "ticket", "agent")


def strangers(text: str) -> list[str]:
    """What stands in braces and is none of `NAMES`."""
    return [*strangers_in(text), *(name for name in names_in(text) if name in PLACEHOLDERS and name not in NAMES)]


def fill(
    text: str, language: str, *, incident: Incident, next_update_at: datetime | None, ticket: Ticket | None,
    account: str, agent: str,
) -> str:  # fmt: skip
    """The text with what is known; a sentence that needs what is not becomes the one that says so, or is left out.
    Times are in the customer's zone, UTC without a ticket.
    """
    zone: tzinfo = zone_of(ticket) if ticket is not None else UTC
    values = {
        "next_update": _moment(next_update_at, language, zone), "since": _about(incident.began_at, language, zone),
        "ended": _about(incident.back_since, language, zone), "account": one_line(account),
        "agent": one_line(agent), "customer_name": "", "ticket": "",
    }  # fmt: skip
    if ticket is not None:
        known = Values(ticket, None, language=language, agent=agent, next_update_at=next_update_at)
        for name in ("account", "customer_name", "ticket"):
            value = known.of(name)
            values[name] = value.text if value is not None else ""
    return "\n".join(" ".join(_told(line, values, language)) for line in text.split("\n")).strip()


def _told(line: str, values: Mapping[str, str], language: str) -> list[str]:
    found: list[str] = []
    for sentence in sentences(line):
        missing = [name for name in names_in(sentence) if name in NAMES and not values[name]]
        said = _unknown(missing[0], language) if missing else substitute(sentence, values)
        if said and said not in found:
            found.append(said)
    return found


def _unknown(name: str, language: str) -> str:
    texts = PLACEHOLDERS[name].unknown
    return texts.get(language, texts["en"])


def _about(at: datetime | None, language: str, zone: tzinfo) -> str:
    """An onset and an end are measured to some minutes."""
    return wording.moment(at.astimezone(zone), language, about=True) if at is not None else ""


def _moment(at: datetime | None, language: str, zone: tzinfo) -> str:
    return wording.moment(at.astimezone(zone), language) if at is not None else ""
