"""The frozen copy of a packet that an escalation keeps, and what came later beside it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from escalations.attachments.reading import files_named
from escalations.contracts.checklist import Checked, State
from escalations.lifecycle.owners import owners
from escalations.lifecycle.proposing import Proposal
from escalations.models import Escalation, EscalationEvent
from escalations.packets.again import again_of
from escalations.packets.build import build_packet
from escalations.packets.cleaning import clean, people_of
from escalations.packets.format import ChecklistItem, File, Link, Owner
from escalations.packets.material import address


def freeze(escalation: Escalation, wanted: Proposal, *, now: datetime) -> dict[str, Any]:
    """The packet of an escalation that is being sent, as JSON. About 15 queries."""
    overridden = escalation.completeness == Escalation.Completeness.OVERRIDDEN
    to = owners(wanted.form.owner_at(wanted.severity), wanted.run.ticket, now)
    packet = build_packet(
        wanted.run, severity=escalation.severity, severity_why=escalation.severity_why, now=now,
        checklist=[_item(one, overridden=overridden) for one in wanted.items], note=_note(escalation),
        owner=Owner(name=to.title, why=f"{wanted.form.title}: {wanted.chosen_because}"), made_by=escalation.sent_by,
        links=[Link(title=f"Escalation {escalation.ref}", url=address("escalations:escalation", escalation.ref))],
    )  # fmt: skip
    document = packet.as_dict()
    if escalation.after is None:
        return document
    again = again_of(escalation.after, document).model_dump(mode="json")
    return clean({**document, "again": again}, people_of([wanted.run.ticket]))


def additions(escalation: Escalation) -> list[dict[str, Any]]:
    """What was said and added after sending, in order: {"at", "by", "what", "text", "files"}."""
    shown = (W.ADDED, W.ANSWERED, W.JOINED, W.SEVERITY)
    return [
        {"at": one.at.isoformat(), "by": str(one.by or one.data.get("name") or ""), "what": one.get_what_display(),
         "text": one.text or _said(one),
         "files": [asdict(file) for file in files_named(one.data.get("files") or ())]}
        for one in escalation.history.filter(what__in=shown).select_related("by")
    ]  # fmt: skip


W = EscalationEvent.What


def _said(one: EscalationEvent) -> str:
    if one.what == W.JOINED:
        return f"{one.data.get('ticket')} of {one.data.get('customer')}"
    return f"{one.data.get('from', '')} → {one.data.get('to', '')}"


def _note(escalation: Escalation) -> str:
    parts = []
    if escalation.completeness == Escalation.Completeness.OVERRIDDEN:
        parts.append(f"Sent past its contract: {escalation.override_reason}")
    if escalation.completeness == Escalation.Completeness.PROVISIONAL:
        parts.append("Sent provisionally: what is missing follows.")
    return "\n\n".join([*parts, *([escalation.note] if escalation.note else [])])


def _item(one: Checked, *, overridden: bool) -> ChecklistItem:
    state = str(one.state)
    if one.state is State.MISSING and overridden:
        state = "overridden"
    return ChecklistItem(
        key=one.id, title=one.title, state=state, detail=one.says, evidence=list(one.evidence),
        files=[File(**asdict(file)) for file in one.files],
    )  # fmt: skip
