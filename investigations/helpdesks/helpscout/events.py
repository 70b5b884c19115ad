"""Help Scout's webhooks: the conversation object as it stands, the event's name in the header `x-helpscout-event`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from investigations.helpdesks.base import Agent, TicketEvent
from investigations.helpdesks.helpscout.shapes import conversation_event, merged_from
from investigations.helpdesks.reading import identifier, text

EVENT_HEADER: Final = "x-helpscout-event"
_CONVERSATIONS: Final = "convo."
#: Events that bring the first knowledge of a customer, whose object leaves out what they are about, or whose change may
#: move none of the object's times: the reading by the API settles which of two states is the newer one.
_FETCHED: Final = frozenset(
    {"convo.created", "convo.merged", "convo.moved", "convo.assigned", "convo.tags", "convo.custom-fields"}
)


def read_event(body: Mapping[str, Any], headers: Mapping[str, str]) -> Sequence[TicketEvent]:
    """The conversation's event, and one for each conversation that the object names as merged into it; none for
    events about customers, ratings, tags and live chats. InvalidInput when the object has no usable id.
    """
    what = text(headers.get(EVENT_HEADER), 80).strip().lower()
    if not what.startswith(_CONVERSATIONS):
        return []
    if what == "convo.deleted":
        # Only the id is sent. A deletion is final, so the time of reading it serves.
        named = identifier(body.get("id"), "conversation")
        return [TicketEvent(named, datetime.now(UTC), what, f"{what}:{named}", is_deleted=True)]
    event = conversation_event(body)
    event = replace(
        event,
        what=what,
        key=f"{what}:{_digest(event)}",
        assignee=Agent("") if what == "convo.assigned" and event.assignee is None else event.assignee,
        needs_fetch=not event.is_deleted and (what in _FETCHED or not event.is_whole),
    )
    gone = [
        TicketEvent(each, at or event.at, what, event.key, merged_into=event.external_id)
        for each, at in merged_from(body).items()
    ]
    return [event, *gone]


def _digest(event: TicketEvent) -> str:
    """The same object under two deliveries gives the same key: Help Scout names neither event nor delivery."""
    said = (event.external_id, event.fields, event.custom, event.status, event.assignee, event.messages)
    return hashlib.sha256(repr(said).encode(errors="replace")).hexdigest()[:32]
