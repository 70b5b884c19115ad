"""A packet from what a run has stored. The same rows give the same packet; nothing is measured or decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from altor.models import User
from escalations.packets import changes, impact, reproduction, ruled_out, timeline, tried
from escalations.packets.cleaning import clean, people_of
from escalations.packets.evidence import evidence_of
from escalations.packets.format import (
    ChecklistItem,
    Link,
    Owner,
    Packet,
    PlaybookBrief,
    RunBrief,
    Severity,
)
from escalations.packets.material import Material, address, link, material_of
from escalations.packets.parts import parts_of
from escalations.packets.queries import Queries
from escalations.packets.summary import summary_of, title_of
from investigations.models import Investigation, Ticket


def build_packet(
    run: Investigation,
    *,
    severity: str,
    severity_why: str,
    checklist: Sequence[ChecklistItem | Mapping[str, Any]] = (),
    note: str = "",
    tickets: Sequence[Ticket] = (),
    owner: Owner | None = None,
    links: Sequence[Link] = (),
    now: datetime,
    made_by: User | None,
) -> Packet:
    """The packet of a run, finished or not, with ticket, customer and playbook selected.

    `tickets`: all that are escalated together; the run's own comes first in any case. `checklist`, `note` (an override
    or a provisional sending) and `owner` come from the contract; without an owner the evidence names one where it can.
    `links` stand before ours. What other customers wrote is told only as far as `made_by` may see it. About 15 queries.
    """
    material = material_of(run, tickets=tickets, now=now, user=made_by)
    added = list(parts_of(list(material.tickets), run, now))
    change = changes.change_of(material)
    hit = impact.impact_of(material)
    onset = timeline.onset_of(material)
    queries = Queries()
    evidence, left_out = evidence_of(material, queries)
    ticket = material.tickets[0]
    packet = Packet(
        title=title_of(material, hit),
        summary=summary_of(material, hit, onset, change),
        note=note,
        severity=_severity(material, severity, severity_why),
        owner=owner or changes.owner_of(material, change),
        tickets=[impact.ticket_of(one) for one in material.tickets],
        customer=impact.customer_of(ticket.customer),
        impact=hit,
        scope=impact.scope_of(material),
        onset=onset,
        cause=ruled_out.cause_of(material.top) if material.top else None,
        others=ruled_out.others_of(material),
        change=change,
        next_steps=[str(step) for step in material.diagnosis.get("next_steps") or ()],
        reproduction=reproduction.reproduction_of(material, change, evidence, queries.found, queries.views),
        timeline=timeline.timeline_of(material, change, [event for part in added for event in part.timeline]),
        evidence=evidence,
        evidence_left_out=left_out,
        queries=queries.found,
        views=queries.views,
        ruled_out=ruled_out.ruled_out_of(material, change),
        contradictions=[str(one.get("says") or "") for one in material.diagnosis.get("contradictions") or ()],
        not_checked=ruled_out.not_checked_of(material),
        unknown=ruled_out.unknown_of(material),
        tried=[*tried.tried_of(material), *(one for part in added for one in part.tried)],
        told=sorted((one for part in added for one in part.told), key=lambda one: one.at),
        promised=sorted((one for part in added for one in part.promised), key=lambda one: one.due_at),
        related=[*changes.related_of(material, change), *(one for part in added for one in part.related)],
        questions=ruled_out.questions_of(material),
        checklist=[ChecklistItem.model_validate(item) for item in checklist],
        investigation=RunBrief(
            ref=run.ref, url=address("investigations:run", run.ref), status=run.status, as_of=run.as_of,
            result_hash=run.result_hash,
        ),
        playbook=_playbook(run),
        links=[*links, *(one for part in added for one in part.links), *_links(material)],
        made_at=now,
        made_by=str(made_by) if made_by else "",
    )  # fmt: skip
    return Packet.model_validate(clean(packet.as_dict(), people_of(material.tickets)))


def _severity(material: Material, level: str, why: str) -> Severity:
    document = material.diagnosis
    return Severity(
        level=level, why=why, proposed=str(document.get("severity") or ""),
        proposed_why=str(document.get("severity_why") or ""),
    )  # fmt: skip


def _playbook(run: Investigation) -> PlaybookBrief | None:
    book = run.playbook
    return PlaybookBrief(key=book.key, version=book.version, title=book.title) if book else None


def _links(material: Material) -> list[Link]:
    found = [Link(title=f"Investigation {material.run.ref}", url=address("investigations:run", material.run.ref))]
    for ticket in material.tickets:
        found.append(Link(title=f"Ticket {ticket.ref}", url=address("investigations:ticket", ticket.ref)))
        if link(ticket.url):
            found.append(Link(title=f"{ticket.ref} in the helpdesk", url=link(ticket.url)))
    return found
