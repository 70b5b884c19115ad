"""What apps above add to the sidebar's one call: the setting `WIDGET_PARTS` lists such functions.

Each gives a name and a JSON-able object, or None when it has nothing to say about this ticket. A part that fails costs
its own place in the sidebar, never the call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping
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


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes with all that a part shows, as an attribute `stamp` of the part.

    `sql` is one scalar of text over the row `ticket`, a constant: all of them are read in one statement at every call.
    It holds the versions of the rows that the part reads (`row_version`): those change with whatever writes a row, also
    past `save()`. `then` makes of it what the clock changes too; it is asked at every call, and should read nothing.
    """

    sql: str
    then: Callable[[str | None, StampContext], Hashable] | None = None


@dataclass(frozen=True, slots=True)
class StampContext:
    team_id: int  # of the ticket
    user: User | None
    now: datetime


def row_version(*names: str) -> str:
    """SQL of a text that changes with every write to these rows; those of an outer join may be missing."""
    columns = ", '/', ".join(f"{name}.xmin, {name}.ctid" for name in names)
    return f"concat({columns})"


def row_versions(names: str, source: str) -> str:
    """SQL of a scalar: the versions of all rows of `source`, a FROM clause and what follows it, by the first's id."""
    first, *_ = every = names.split()
    return f"(SELECT string_agg({row_version(*every)}, ',' ORDER BY {first}.id) FROM {source})"  # noqa: S608  # of constants


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
