"""The packet in one line and in three sentences."""

from __future__ import annotations

import re
from typing import Final

from altor.words import counted
from escalations.packets.format import Change, Impact, Onset
from escalations.packets.impact import symptom_of
from escalations.packets.material import Material

_TITLE: Final = 140
_INNER_END: Final = re.compile(r"[.!?](?=\s)")
#: Where a new sentence begins; "approx. 5" does not.
_NEXT: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z“])")


def title_of(material: Material, impact: Impact) -> str:
    """What is wrong, and for whom; the ticket's subject where no cause is known."""
    ticket = material.tickets[0]
    what = str(material.top.get("title") or "") if material.is_decided else ""
    what = what or ticket.subject or f"Ticket {ticket.ref}"
    n = impact.customers - 1
    others = f" and {counted(n, 'other')}" if n > 0 else ""
    whom = f"{ticket.customer}{others}" if ticket.customer else ""
    return cut(f"{what} ({whom})" if whom else what, _TITLE)


def summary_of(material: Material, impact: Impact, onset: Onset, change: Change | None) -> str:
    """What is measured and since when; the cause and how sure; whom it hits and what is asked."""
    run = material.run
    if not material.diagnosis:
        said = f"Investigation {run.ref} has not come to a diagnosis yet ({run.get_status_display().lower()})"
        return f"{said}. The customer wrote: {_flat(material.tickets[0].subject or 'no subject')}."
    parts = []
    symptom = symptom_of(material)
    if symptom is not None:
        name = str(material.tickets[0].customer or "The customer")
        since = f", since {onset.words.partition(', between')[0]}" if onset.at else ""
        parts.append(f"{name}{since}: {_first(symptom.summary)}")
    parts.append(_cause(material, change))
    parts.append(_whom(material, impact))
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts if part)


def _cause(material: Material, change: Change | None) -> str:
    if not material.is_decided:
        return f"The cause is not established: {_flat(str(material.diagnosis.get('summary') or 'nothing fits'))}"
    sure = material.top.get("confidence")
    told = f" ({sure:.0%} sure)" if isinstance(sure, int | float) else ""
    title = _flat(str(material.top.get("title") or material.top.get("label")))
    if change is None:
        return f"Cause{told}: {title}"
    name = change.id[:7] if change.kind == "deployment" else change.id
    shown = "" if change.title in (change.id, title) else f" “{_flat(change.title)}”"
    if name in title:
        return f"Cause{told}: {title}{shown}"
    service = f" of {change.service}" if change.service else ""
    when = f", {change.lead} the onset" if change.lead else ""
    return f"Cause{told}: {title}; {change.kind.replace('_', ' ')} {name}{shown}{service}{when}"


def _whom(material: Material, impact: Impact) -> str:
    steps = material.diagnosis.get("next_steps") or []
    asked = f"; asked for: {_flat(str(steps[0]))}" if steps else ""
    if impact.customers:
        money = " and ".join(one.shown for one in impact.revenue)
        worth = f", {money} a month at risk" if money else ""
        n = impact.customers
        return f"{counted(n, 'customer is', 'customers are')} known to be affected{worth}{asked}"
    return f"No customer is known to be affected{asked}"


def _flat(text: str) -> str:
    """A part of a sentence: one line without an end of its own."""
    return _INNER_END.sub(";", " ".join(text.split()).rstrip(".!? "))


def _first(text: str) -> str:
    """The first sentence without its end; the rest stands under impact."""
    flat = " ".join(text.split())
    match = _NEXT.search(flat)
    return _flat(flat[: match.start()] if match else flat)


def cut(text: str, longest: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1].rsplit(" ", 1)[0] + "…"
