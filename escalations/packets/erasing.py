"""A frozen packet without the words of a ticket that its helpdesk removed. What was measured stays, it was never the
customer's: it was read from the company's own systems.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Parts that people wrote, or that repeat what was claimed.
_WRITTEN: Final[Mapping[str, Any]] = {
    "note": "", "tried": [], "told": [], "promised": [], "questions": [], "contradictions": [], "unknown": [],
}  # fmt: skip
#: Events that a person wrote.
_WROTE: Final = frozenset({"customer", "reply"})
#: Shorter subjects are words that stand everywhere.
_SHORTEST: Final = 6


def without_words(packet: Mapping[str, Any], *, removed: str) -> dict[str, Any]:
    """A new packet of the same format; `removed` stands where a text cannot be left out. Twice is once."""
    if not packet:
        return {}
    tickets = [one for one in packet.get("tickets") or [] if isinstance(one, Mapping)]
    addresses = {str(one.get("url")) for one in tickets if one.get("url")}
    subjects = [str(one.get("subject") or "") for one in tickets]
    found = {
        **packet,
        **{name: empty for name, empty in _WRITTEN.items() if name in packet},
        "severity": {**packet.get("severity", {}), "why": ""},
        "tickets": [{**one, "subject": removed, "url": ""} for one in tickets],
        "timeline": [one for one in packet.get("timeline") or [] if one.get("kind") not in _WROTE],
        "evidence": [_unsaid(one, removed) for one in packet.get("evidence") or []],
        "checklist": [{**one, "detail": "", "files": []} for one in packet.get("checklist") or []],
        "again": {**packet["again"], "said": "", "new": []} if packet.get("again") else None,
        "links": [one for one in packet.get("links") or [] if one.get("url") not in addresses],
    }
    for subject in sorted(subjects, key=len, reverse=True):
        if len(subject) >= _SHORTEST and subject != removed:
            found = _replaced(found, subject, removed)
    return found


def without_replies(packet: Mapping[str, Any]) -> dict[str, Any]:
    """Where single messages were removed: which of the replies that the packet quotes they were is not known."""
    return {**packet, **({"told": []} if "told" in packet else {})}


def _unsaid(item: Mapping[str, Any], removed: str) -> dict[str, Any]:
    """What a step asked a person for is evidence too."""
    return {**item, **({"summary": removed, "figure": None} if item.get("source") == "manual" else {})}


def _replaced(value: Any, text: str, by: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, text, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, text, by) for item in value]
    return value.replace(text, by) if isinstance(value, str) else value
