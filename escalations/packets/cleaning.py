"""The last look before a packet leaves: what is personal or secret is taken out of every text."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from altor.redaction import redact_text
from investigations.intake.ordinary_words import ORDINARY
from investigations.models import Ticket

#: Shorter parts of a name are words as well, and so are these.
_SHORTEST: Final = 3
_WORDS: Final = ORDINARY | {
    name.casefold()
    for names in (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
    for name in names
}
#: Keys whose values are ids and times of ours: a redaction could only break them.
_OURS: Final = frozenset({"id", "ref_id", "result_hash", "fetched_at", "made_at", "opened_at", "as_of", "at", "sha256"})
#: Keys of texts that people wrote, or that are made of such: there a first name alone is a person too.
_WRITTEN: Final = frozenset({"subject", "text", "next_step", "result", "ask", "said", "new"})
_WRITTEN_ABOVE: Final = frozenset({"title", "summary", "note"})
_SHOWN: Final = "[requester]"


@dataclass(frozen=True, slots=True)
class People:
    """`whole` names are taken out of every text, `parts` of them only where people wrote."""

    whole: re.Pattern[str] | None = None
    parts: re.Pattern[str] | None = None


def people_of(tickets: Iterable[Ticket]) -> People:
    """The customers' persons who wrote. What the account itself is called stays."""
    whole: set[str] = set()
    parts: set[str] = set()
    for ticket in tickets:
        account = str(ticket.customer or "").casefold()
        words = ticket.requester_name.split()
        if len(words) > 1 and " ".join(words).casefold() not in account:
            whole.add(" ".join(words))
        parts |= {
            word
            for word in words
            if len(word) >= _SHORTEST and word.casefold() not in account and word.casefold() not in _WORDS
        }
    return People(_pattern(whole, re.IGNORECASE), _pattern(whole | parts, 0))


def clean(document: dict[str, Any], people: People) -> dict[str, Any]:
    """The packet's JSON with every text redacted. A new one."""
    return {key: _clean(value, people, key, key in _WRITTEN_ABOVE) for key, value in document.items()}


def _clean(value: Any, people: People, key: str, is_written: bool) -> Any:
    if isinstance(value, dict):
        return {name: _clean(item, people, name, name in _WRITTEN) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, people, key, is_written) for item in value]
    if not isinstance(value, str) or key in _OURS:
        return value
    text = redact_text(value)
    for names in (people.whole, people.parts if is_written else None):
        text = names.sub(_SHOWN, text) if names else text
    return text


def _pattern(names: set[str], flags: int) -> re.Pattern[str] | None:
    if not names:
        return None
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", flags)
