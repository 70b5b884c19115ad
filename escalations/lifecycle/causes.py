"""When two escalations are the same for engineering: the same cause, told by its label and what is behind it."""

from __future__ import annotations

from typing import Any

from investigations.models import Investigation
from investigations.services.causes import UNDECIDED

_LONGEST_TITLE = 300


def cause_of(run: Investigation) -> str:
    """`lat.deploy_route|deployment|4f2c…`: label, kind and id of the culprit; without one the scope stands for it.

    What cannot be named is nobody else's: the ticket itself is in the key then.
    """
    document: dict[str, Any] = run.diagnosis or {}
    label = str((document.get("candidates") or [{}])[0].get("label") or "")
    if label in ("", UNDECIDED) or label.startswith(("none.", "other.")):
        return f"{label or UNDECIDED}|ticket|{run.ticket.ref}"[:200]
    culprit, scope = document.get("culprit") or {}, document.get("scope") or {}
    if culprit.get("id"):
        return f"{label}|{culprit.get('kind')}|{culprit['id']}"[:200]
    if scope.get("value") or scope.get("kind") == "all":
        return f"{label}|{scope.get('kind')}|{scope.get('value') or ''}"[:200]
    return f"{label}|ticket|{run.ticket.ref}"[:200]


def title_of(run: Investigation) -> str:
    """What engineering reads first: the cause in words, else the ticket's subject."""
    document: dict[str, Any] = run.diagnosis or {}
    first = (document.get("candidates") or [{}])[0]
    label = str(first.get("label") or UNDECIDED)
    title = str(first.get("title") or "")
    if label == UNDECIDED or not title:
        return (run.ticket.subject or f"Ticket {run.ticket.ref}")[:_LONGEST_TITLE]
    return title[:_LONGEST_TITLE]
