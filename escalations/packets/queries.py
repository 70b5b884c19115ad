"""Queries as they were sent, in the form in which people read them and paste them.

The engine puts the definitions of the logical views before each statement. Here they stand once, beside the
statements, with the names of the installation's attributes filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from escalations.packets.format import Query

#: Requests of one piece of evidence that are told one by one.
PER_ITEM: Final = 3
_VIEW: Final = re.compile(r"(?:WITH )?([a-z][a-z0-9_]*) AS \((SELECT .*)\)(,?)")
_SLOT: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):([A-Za-z0-9_()., ']+)\}")
_NUMBER: Final = re.compile(r"(?:U?Int\d+|Float(?:32|64))")


def literal(value: Any, kind: str) -> str:
    """A parameter's value as ClickHouse SQL."""
    if _NUMBER.fullmatch(kind) and isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if isinstance(value, list | tuple):
        text = "[" + ", ".join(literal(item, "String") for item in value) + "]"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = str(value)
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return quoted if kind == "String" else f"CAST({quoted}, {_quoted(kind)})"


def _quoted(kind: str) -> str:
    return "'" + kind.replace("'", "\\'") + "'"


def filled(sql: str, params: Mapping[str, Any], *, only: tuple[str, ...] = ()) -> str:
    """The statement with its parameters written in; of names that begin with one of `only`, where some are given."""

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in params or (only and not name.startswith(only)):
            return match.group()
        return literal(params[name], match.group(2).strip())

    return _SLOT.sub(fill, sql)


def split(sql: str) -> tuple[dict[str, str], str]:
    """(view -> its SELECT, the statement itself)."""
    if not sql.startswith("WITH "):
        return {}, sql
    lines = sql.split("\n")
    views: dict[str, str] = {}
    for place, line in enumerate(lines):
        match = _VIEW.fullmatch(line)
        if match is None:
            # A WITH of the statement's own went on from ours.
            own = "\n".join(lines[place:])
            return views, f"WITH {own}" if place and lines[place - 1].endswith("),") else own
        views[match.group(1)] = match.group(2)
    return {}, sql


def whole(query: Query, views: Mapping[str, str]) -> str:
    """The statement complete: views before it, parameters written in."""
    statement = filled(query.text, query.params)
    if not query.views:
        return statement
    front = ",\n".join(f"{name.partition('@')[0]} AS ({views[name]})" for name in query.views if name in views)
    own = re.match(r"WITH\b\s*", statement, re.IGNORECASE)
    return f"WITH {front},\n{statement[own.end() :]}" if own else f"WITH {front}\n{statement}"


@dataclass
class Queries:
    """Collects requests: each once, however many pieces of evidence were made of its answer."""

    found: list[Query] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    _ids: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, requests: Any) -> tuple[list[str], int]:
        """(ids of the first requests, how many more there were)."""
        records = [one for one in requests if isinstance(one, Mapping)] if isinstance(requests, list) else []
        told = [one for one in records if one.get("target")]
        return [self._id(one) for one in told[:PER_ITEM]], max(0, len(told) - PER_ITEM)

    def _id(self, record: Mapping[str, Any]) -> str:
        params = record.get("params") if isinstance(record.get("params"), Mapping) else {}
        key = (str(record.get("source") or ""), str(record["target"]), repr(sorted((params or {}).items())))
        if key not in self._ids:
            self._ids[key] = f"Q{len(self._ids) + 1}"
            self.found.append(self._query(self._ids[key], record, params or {}))
        return self._ids[key]

    def _query(self, name: str, record: Mapping[str, Any], params: Mapping[str, Any]) -> Query:
        views: dict[str, str] = {}
        text = str(record["target"]).replace("\r", "")
        if record.get("method") == "QUERY" and str(record.get("source")) == "clickhouse":
            views, text = split(text)
        used = {match.group(1) for match in _SLOT.finditer(text)}
        is_sql = bool(views) or bool(used)
        return Query(
            id=name,
            source=str(record.get("source") or ""),
            method=str(record.get("method") or ""),
            text=text,
            views=[self._view(view, filled(body, params)) for view, body in views.items()],
            params={key: value for key, value in params.items() if (key in used if is_sql else True)},
            rows=_whole(record.get("rows")),
            read_rows=_whole(record.get("read_rows")),
            seconds=float(record["seconds"]) if isinstance(record.get("seconds"), int | float) else None,
            status=_whole(record.get("status")),
            error=str(record.get("error") or ""),
        )

    def _view(self, name: str, body: str) -> str:
        """The name under which the definition stands; one that differs in another query gets a number."""
        number = 1
        while True:
            known = name if number == 1 else f"{name}@{number}"
            if self.views.setdefault(known, body) == body:
                return known
            number += 1


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
