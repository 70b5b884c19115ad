"""What a packet for engineering says of known causes: those that the investigation recognised."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from escalations.packets.format import Related
from escalations.packets.parts import PacketPart
from investigations.models import Investigation, Ticket
from knowledge.models import Recognition
from knowledge.models.entries import Confidence
from knowledge.models.recognition import State


def packet_part(ticket: Ticket, run: Investigation, now: datetime) -> PacketPart | None:
    """Entries that were recognised by `now`, and that everybody who reads the packet may read: those of a team stay
    out. One query.
    """
    if ticket.pk != run.ticket_id:  # asked for each ticket of the packet
        return None
    rows = Recognition.objects.filter(investigation=run, state=State.RECOGNISED, at__lte=now, entry__team=None).exclude(
        entry__confidence=Confidence.ARCHIVED
    )
    related = [
        Related(
            kind="entry", ref=one.entry.ref, title=one.entry.title, state=one.entry.get_confidence_display(),
            why=f"Its signs are there: {one.says}" if one.says else "Its signs are there",
            url=f"{settings.BASE_URL}{reverse('knowledge:entry', args=[one.entry.ref])}",
        )
        for one in rows.select_related("entry").order_by("pk")
    ]  # fmt: skip
    return PacketPart(related=related) if related else None
