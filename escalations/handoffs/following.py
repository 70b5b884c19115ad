"""A handoff goes with its rotation: another shift's end, another one who follows, and both are told."""

from __future__ import annotations

from datetime import datetime

from altor.audit import record_event
from escalations.handoffs.ends import Now, looked_up
from escalations.handoffs.telling import clock, tell
from escalations.lifecycle.owners import leads
from escalations.models import Handoff, HandoffItem
from escalations.oncall.now import plans


def follow(handoff: Handoff, now: datetime) -> None:
    """Bring it to the rotation as it is now; tell whom it came from and whom it goes to. With the row locked."""
    plan = next((one for one in plans(now) if one.rotation.pk == handoff.rotation_id), None)
    found = looked_up(plan, handoff.seat, handoff.outgoing, handoff.ends_at, now)
    if found is None or _is_taken(handoff, found):
        drop(handoff, now)
        return
    if (found.ends_at, found.incoming) == (handoff.ends_at, handoff.incoming):
        return
    before, end = handoff.incoming, handoff.ends_at
    handoff.ends_at, handoff.incoming, handoff.incoming_from = found.ends_at, found.incoming, found.incoming_from
    handoff.save(update_fields=["ends_at", "incoming", "incoming_from"])
    record_event(
        actor=None, action="handoff.redirected", target=handoff,
        before={"incoming": before.username if before else "", "ends_at": end.isoformat()},
        after={
            "incoming": handoff.incoming.username if handoff.incoming else "", "ends_at": handoff.ends_at.isoformat(),
        },
    )  # fmt: skip
    words = [f"The shift of {handoff.outgoing} ends {clock(handoff, handoff.ends_at)}"]
    if before != handoff.incoming:
        words.append(f"Before, {before or 'nobody'} was to take it")
    people = [handoff.outgoing, before, handoff.incoming, *([] if handoff.incoming else leads(handoff.team))]
    tell(
        "handoff.redirected", handoff, f"goes to {handoff.incoming or 'nobody yet'}", people=people, lines=words,
        key=f"{now.isoformat()}", now=now,
    )  # fmt: skip


def _is_taken(handoff: Handoff, found: Now) -> bool:
    """Another handoff of this seat has that end."""
    others = Handoff.objects.filter(rotation=handoff.rotation_id, seat=handoff.seat, ends_at=found.ends_at)
    return others.exclude(pk=handoff.pk).exclude(status=Handoff.Status.DROPPED).exists()


def drop(handoff: Handoff, now: datetime) -> None:
    """The outgoing goes on: nothing moves. Both are told."""
    handoff.status, handoff.closed_at = Handoff.Status.DROPPED, now
    handoff.save(update_fields=["status", "closed_at"])
    handoff.items.offered().update(status=HandoffItem.Status.GONE, decided_at=now)
    record_event(actor=None, action="handoff.dropped", target=handoff)
    tell(
        "handoff.redirected", handoff, f"is dropped: {handoff.outgoing} stays on the seat", key="dropped", now=now,
        people=[handoff.outgoing, handoff.incoming],
    )  # fmt: skip
