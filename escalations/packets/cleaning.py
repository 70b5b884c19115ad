"""The last look before a packet leaves: what is personal or secret is taken out of every text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from altor.redaction import redact_text
from investigations.models import Ticket

#: Shorter parts of a name are words as well.
_SHORTEST: Final = 3
#: Keys whose values are ids and times of ours: a redaction could only break them.
_OURS: Final = frozenset({"id", "ref_id", "result_hash", "fetched_at", "made_at", "opened_at", "as_of", "at"})


def people_of(tickets: Iterable[Ticket]) -> list[str]:
    """Names of the customers' persons who wrote, longest first; what the account itself is called stays."""
    found: set[str] = set()
    for ticket in tickets:
        account = str(ticket.customer or "").casefold()
        whole = " ".join(ticket.requester_name.split())
        names = [whole, *whole.split()]
        found |= {name for name in names if len(name) >= _SHORTEST and name.casefold() not in account}
    return sorted(found, key=lambda one: (-len(one), one))


def clean(value: Any, people: Iterable[str] = (), *, key: str = "") -> Any:
    """The JSON value with every text redacted. A new value."""
    names = list(people)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)") if names else None
    return _clean(value, pattern, key)


def _clean(value: Any, names: re.Pattern[str] | None, key: str) -> Any:
    if isinstance(value, str):
        if key in _OURS:
            return value
        text = redact_text(value)
        return names.sub("[requester]", text) if names else text
    if isinstance(value, dict):
        return {name: _clean(item, names, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, names, key) for item in value]
    return value
