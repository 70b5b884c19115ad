"""A diagnosis in a few values, as trials keep and compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Candidates kept.
FIRST: Final = 3
#: Confidence that differs by less is the same for a reader.
_SAME: Final = 0.005


def brief(document: Mapping[str, Any]) -> dict[str, Any]:
    """{"label", "title", "confidence", "severity", "escalate", "class", "playbook", "unavailable", "candidates":
    [{"label", "title", "confidence"}]}; the label of a run without candidates is "".
    """
    candidates = [
        {name: item.get(name) for name in ("label", "title", "confidence")} for item in document["candidates"][:FIRST]
    ]
    top = candidates[0] if candidates else {"label": "", "title": "", "confidence": None}
    return {
        **top,
        **{name: document.get(name) for name in ("severity", "escalate", "class", "playbook", "unavailable")},
        "candidates": candidates,
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a reader would see change, the weightiest first: label, escalate, severity, confidence."""
    names = [name for name in ("label", "escalate", "severity") if before.get(name) != after.get(name)]
    if abs((before.get("confidence") or 0.0) - (after.get("confidence") or 0.0)) >= _SAME:
        names.append("confidence")
    return names
