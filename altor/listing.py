"""Long lists: keyset pagination (a page is found by the last row's key, so page 900 costs what page 1 costs)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.core.signing import BadSignature, dumps, loads
from django.db.models import Model, Q, QuerySet

PAGE_SIZE: Final = 50
_SALT: Final = "altor.listing"

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows in order, and the cursors of the neighbouring pages ("" at the ends)."""

    rows: Sequence[M]
    older: str
    newer: str

    def __bool__(self) -> bool:
        return bool(self.rows)


def keyset_page(queryset: QuerySet[M], cursor: str, *, by: str = "", size: int = PAGE_SIZE) -> Page[M]:
    """One page, newest first by `by` (a non-null date field; empty: by primary key) and then by primary key.

    A cursor that was not made here shows the first page.
    """
    fields = [by, "pk"] if by else ["pk"]
    direction, key = _read(cursor, len(fields))
    backwards = direction == "newer"
    rows = queryset.order_by(*(name if backwards else f"-{name}" for name in fields))
    if key is not None:
        rows = rows.filter(_beyond(fields, key, "gt" if backwards else "lt"))
    found = list(rows[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    has_older = (more if not backwards else True) and bool(found)
    has_newer = (more if backwards else key is not None) and bool(found)
    return Page(
        rows=found,
        older=_write("older", fields, found[-1]) if has_older else "",
        newer=_write("newer", fields, found[0]) if has_newer else "",
    )


def _beyond(fields: Sequence[str], key: Sequence[Any], op: str) -> Q:
    if len(fields) == 1:
        return Q(**{f"pk__{op}": key[0]})
    first, second = fields
    return Q(**{f"{first}__{op}": key[0]}) | Q(**{first: key[0], f"{second}__{op}": key[1]})


def _write(direction: str, fields: Sequence[str], row: Model) -> str:
    values = [getattr(row, name) for name in fields]
    return dumps([direction, *(v.isoformat() if isinstance(v, datetime) else v for v in values)], salt=_SALT)


def _read(cursor: str, width: int) -> tuple[str, Sequence[Any] | None]:
    if not cursor:
        return "older", None
    try:
        direction, *key = loads(cursor, salt=_SALT)
    except (BadSignature, ValueError, TypeError):
        return "older", None
    return (direction, key) if len(key) == width else ("older", None)
