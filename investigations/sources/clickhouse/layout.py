"""Which tables and columns the telemetry has: found with one query, remembered per address and credential."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.core.cache import cache
from django.db import Error as DatabaseError

log = logging.getLogger(__name__)

#: Layouts are looked at again after this long: a table may have been added.
TTL_S: Final = 600
_KEPT: Final = 64
_MEMORY: dict[str, tuple[float, Layout]] = {}

#: One round trip: the columns, whether settings may be sent, and the version.
DETECT: Final = """
SELECT 'column' AS what, table AS a, name AS b, type AS c,
  if(default_kind = 'MATERIALIZED', default_expression, '') AS d
FROM system.columns
WHERE database = if({database:String} = '', currentDatabase(), {database:String})
  AND table IN ({traces:String}, {logs:String})
UNION ALL SELECT 'setting', '', name, value, '' FROM system.settings WHERE name = 'readonly'
UNION ALL SELECT 'version', '', version(), timezone(), ''
"""
#: `SpanAttributes['http.route']`, as the server writes an expression; the name with its escapes.
_ATTRIBUTE: Final = re.compile(r"(\w+)\['((?:[^'\\]|\\.)+)'\]")

_COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
#: A column of another type says something else than the text of the attribute.
_TEXTS: Final = ("String", "LowCardinality(String)")


@dataclass(frozen=True, slots=True)
class Layout:
    """`traces` and `logs` map column names to types; empty when the table is missing. `held` tells which materialized
    column holds an attribute: {("traces" | "logs", attributes' column, attribute): column, quoted}.
    """

    traces: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    readonly: str = "0"  # the server's setting for this user: "1" forbids sending any setting
    version: str = ""
    timezone: str = "UTC"  # of the server: times without a zone are in it
    held: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def may_send_settings(self) -> bool:
        return self.readonly != "1"

    def style(self, column: str, table: str = "traces") -> str:
        """How an attribute column is read: "map" or "json"."""
        kind = (self.traces if table == "traces" else self.logs).get(column, "")
        return "json" if kind.startswith(("JSON", "Object")) else "map"

    def column_of(self, column: str, table: str, attribute: str) -> str | None:
        """The materialized column that holds an attribute. Reading it instead of the map that holds all of them is
        several times as fast; where a part of the table was written before the column, the server fills it in itself.
        """
        return self.held.get((table, column, attribute))

    @property
    def name(self) -> str:
        """The layout in words, for the connections page."""
        if not self.traces and not self.logs:
            return "no OpenTelemetry tables found"
        style = "JSON attributes" if self.style("SpanAttributes") == "json" else "Map attributes"
        logs = (
            "no logs"
            if not self.logs
            else "logs with EventName"
            if "EventName" in self.logs
            else "logs with TimestampTime"
            if "TimestampTime" in self.logs
            else "early logs"
        )
        hyperdx = ", ClickStack" if any(name.startswith("__hdx") for name in [*self.traces, *self.logs]) else ""
        held = f", columns of their own for {len(self.held)} attribute{'s'[: len(self.held) > 1]}" if self.held else ""
        return f"OpenTelemetry exporter tables, {style}, {logs}{hyperdx}{held}"


def read(rows: Sequence[Sequence[Any]], traces: str, logs: str) -> Layout:
    found: dict[str, dict[str, str]] = {traces: {}, logs: {}}
    readonly, version, timezone = "0", "", "UTC"
    held: dict[tuple[str, str, str], str] = {}
    for what, a, b, c, d in rows:
        if what == "column":
            found.setdefault(str(a), {})[str(b)] = str(c)
            attribute = _ATTRIBUTE.fullmatch(str(d))
            if attribute and str(c) in _TEXTS and _COLUMN.fullmatch(str(b)):
                table = "traces" if a == traces else "logs"
                held.setdefault((table, attribute[1], re.sub(r"\\(.)", r"\1", attribute[2])), f"`{b}`")
        elif what == "setting":
            readonly = str(c)
        else:
            version, timezone = str(b), str(c)
    return Layout(found[traces], found[logs], readonly, version, timezone, held)


# ------------------------------------------------------------------------------------------------------- remembering
def cache_key(connection: str, database: str, traces: str, logs: str) -> str:
    """`connection` is the identity of address and credential. The number changes with the shape of `Layout`."""
    tables = hashlib.sha256("\x00".join([database, traces, logs]).encode()).hexdigest()[:16]
    return f"clickhouse-layout-3:{connection}:{tables}"


def remembered(key: str) -> Layout | None:
    """What this process knows, without any round trip."""
    known = _MEMORY.get(key)
    return known[1] if known and time.monotonic() - known[0] < TTL_S else None


async def stored(key: str) -> Layout | None:
    """What another process found; it is remembered here from now on."""
    try:
        found = await cache.aget(key)
    except (DatabaseError, OSError, pickle.PickleError, AttributeError) as error:
        # Asking ClickHouse again costs one round trip; a run must not end for a cache.
        log.warning("the cache does not answer", extra={"error": type(error).__name__})
        return None
    if not isinstance(found, Layout):
        return None
    _keep(key, found)
    return found


async def remember(key: str, found: Layout) -> None:
    """A layout without tables is not kept: they may be made any moment."""
    if found.traces or found.logs:
        _keep(key, found)
    else:
        _MEMORY.pop(key, None)
    try:
        if found.traces or found.logs:
            await cache.aset(key, found, TTL_S)
        else:
            await cache.adelete(key)
    except (DatabaseError, OSError) as error:
        log.warning("the cache takes nothing", extra={"error": type(error).__name__})


def remember_no_settings(key: str) -> None:
    """The server refused settings although it seemed to take them (constraints of the user's profile)."""
    known = remembered(key)
    if known is not None:
        _keep(key, replace(known, readonly="1"))


def forget() -> None:
    """For tests."""
    _MEMORY.clear()


def _keep(key: str, found: Layout) -> None:
    while len(_MEMORY) >= _KEPT:
        _MEMORY.pop(next(iter(_MEMORY)))
    _MEMORY[key] = (time.monotonic(), found)
