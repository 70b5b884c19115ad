"""What apps above add to the sidebar's one call: the setting `WIDGET_PARTS` lists such functions.

Each gives a name and a JSON-able object, or None when it has nothing to say about this ticket. A part that fails costs
its own place in the sidebar, never the call.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from altor.models import User
from altor.registry import parts
from investigations.models import Investigation, Ticket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WidgetContext:
    """`run` is the ticket's newest run in any status; `user` the person behind the sidebar, None when only the
    helpdesk vouches for them (then nothing may be offered that needs a person).
    """

    ticket: Ticket
    run: Investigation | None
    user: User | None
    now: datetime


class WidgetPart(Protocol):
    def __call__(self, context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None: ...


def parts_stamp(ticket: Ticket, user: User | None) -> tuple[Hashable, ...] | None:
    """The state of all that the parts show of a ticket to a person; None where one of them cannot say.

    A part says it by an attribute `stamp`: a function of (ticket, user) whose value changes with what the part would
    show. Cheap: it is asked at every call.
    """
    found: list[Hashable] = []
    for part in parts("WIDGET_PARTS"):
        stamp = getattr(part, "stamp", None)
        if stamp is None:
            return None
        found.append(stamp(ticket, user))
    return tuple(found)


def widget_parts(context: WidgetContext) -> dict[str, Mapping[str, Any]]:
    """Name -> object of every part that has something to say."""
    found: dict[str, Mapping[str, Any]] = {}
    for part in parts("WIDGET_PARTS"):
        try:
            said = part(context)
        except Exception:
            log.exception("a part of the sidebar failed", extra={"part": getattr(part, "__name__", str(part))})
            continue
        if said is not None:
            found[said[0]] = said[1]
    return found
