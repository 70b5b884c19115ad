"""What apps above add to packets: the setting `PACKET_PARTS` lists functions of this shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from pydantic import Field

from altor.registry import parts
from escalations.packets.format import Event, Link, Part, Promise, Related, Told, Tried
from investigations.models import Investigation, Ticket


class PacketPart(Part):
    """Joined to what the run itself tells, in the order of the setting. Nothing of it names a customer's person."""

    told: list[Told] = Field(default_factory=list)
    promised: list[Promise] = Field(default_factory=list)
    tried: list[Tried] = Field(default_factory=list)
    related: list[Related] = Field(default_factory=list)
    timeline: list[Event] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)


class MakesPart(Protocol):
    def __call__(self, ticket: Ticket, run: Investigation, now: datetime) -> PacketPart | None:
        """What is known at `now`; the same rows give the same part. None: nothing to add."""
        ...


def parts_of(tickets: list[Ticket], run: Investigation, now: datetime) -> Iterator[PacketPart]:
    makers: tuple[MakesPart, ...] = parts("PACKET_PARTS")
    for make in makers:
        for ticket in tickets:
            if (found := make(ticket, run, now)) is not None:
                yield found
