"""The state of all that the sidebar shows about one ticket, in one statement: most calls read nothing else of it.

It is made of versions of rows as PostgreSQL counts them, the transaction that wrote a row and the row's place. They
change whoever writes the row and however; a time of change would miss what writes past `save()`, and a highest number
what is committed out of turn.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from altor.models import User
from altor.prepared import first_row
from altor.registry import parts
from investigations.models import Ticket
from investigations.widget.parts import Stamp, StampContext, row_version, row_versions
from investigations.widget.places import Place

#: An answer that is kept is made anew on the full and the half hour, for what no stamp can tell at this price.
_CLOCK_S: Final = 1800
_CONNECTION: Final = row_versions(
    "c e",
    "investigations_helpdeskconnection c JOIN altor_inboundendpoint e ON e.id = c.endpoint_id"
    " WHERE e.source = ticket.helpdesk AND e.connection = ticket.connection",
)
_COLUMNS: Final = (
    "ticket.id", "ticket.team_id", "run.id", "run.live_version", "run.status::text",
    row_version("ticket", "customer", "run"), _CONNECTION,
)  # fmt: skip
_ROWS: Final = """
FROM investigations_ticket ticket
LEFT JOIN investigations_customer customer ON customer.id = ticket.customer_id
LEFT JOIN LATERAL (SELECT id, live_version, status, xmin, ctid FROM investigations_investigation
                   WHERE ticket_id = ticket.id ORDER BY id DESC LIMIT 1) run ON true
WHERE ticket.helpdesk = %s AND ticket.connection = %s AND ticket.external_id = %s"""


@dataclass(frozen=True, slots=True)
class Seen:
    """`version` is that of the newest run (`version_of`), "" without one. `state` changes with all that is shown; None
    where a part cannot say.
    """

    ticket_id: int
    version: str
    state: Hashable | None


def look(place: Place, now: datetime) -> Seen | None:
    """None where Altor does not know the ticket, or where it is not for this person to see. One query."""
    columns, stamps = _statement(parts("WIDGET_PARTS"))
    limit, asked = _visible_to(place.user)
    row = first_row(columns + _ROWS + limit, [place.helpdesk, place.slug, place.external_id, *asked])
    if row is None:
        return None
    ticket_id, team_id, run_id, live_version, status, *versions = row
    version = f"{run_id}-{live_version}-{status}" if run_id is not None else ""
    if stamps is None:
        return Seen(ticket_id, version, None)
    user, context = place.user, StampContext(team_id, place.user, now)
    who: Hashable = (user.pk, user.role, str(user), user.timezone) if user is not None else place.name
    here, told = versions[:2], zip(stamps, versions[2:], strict=True)
    found = [stamp.then(value, context) if stamp.then is not None else value for stamp, value in told]
    return Seen(ticket_id, version, (ticket_id, version, *here, who, *found, int(now.timestamp() // _CLOCK_S)))


@lru_cache(maxsize=8)
def _statement(of: Sequence[Any]) -> tuple[str, Sequence[Stamp] | None]:
    """What is selected, and the stamps whose values stand at its end; without them where a part has none."""
    stamps = [getattr(part, "stamp", None) for part in of]
    known = [stamp for stamp in stamps if stamp is not None]
    whole = len(known) == len(stamps)
    columns = [*_COLUMNS, *(f"({stamp.sql})" for stamp in known if whole)]
    return "SELECT " + ", ".join(columns).replace("%", "%%"), known if whole else None


def _visible_to(user: User | None) -> tuple[str, Sequence[Any]]:
    """The condition of `Ticket.objects.visible_to`; none where only the helpdesk vouches for whoever looks."""
    if user is None:
        return "", ()
    rows = Ticket.objects.visible_to(user).values("pk").order_by()
    if rows.query.is_empty():
        return " AND false", ()
    sql, who = rows.query.sql_with_params()
    return f" AND ticket.id IN ({sql})", who
