"""Which tables and columns the telemetry has: found with one query, remembered per address and credential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: One round trip: the columns, whether settings may be sent, and the version.
DETECT: Final = """
SELECT 'column' AS what, table AS a, name AS b, type AS c FROM system.columns
WHERE database = if({database:String} = '', currentDatabase(), {database:String}) AND table IN ({traces:String}, {logs:String})
UNION ALL SELECT 'setting', '', name, value FROM system.settings WHERE name = 'readonly'
UNION ALL SELECT 'version', '', version(), timezone()
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """`traces` and `logs` map column names to types; empty when the table is missing."""

    traces: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    readonly: str = "0"  # the server's setting for this user: "1" forbids sending any setting
    version: str = ""

    @property
    def may_send_settings(self) -> bool:
        return self.readonly != "1"

    def style(self, column: str, table: str = "traces") -> str:
        """How an attribute column is read: "map" or "json"."""
        kind = (self.traces if table == "traces" else self.logs).get(column, "")
        return "json" if kind.startswith(("JSON", "Object")) else "map"

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
        return f"OpenTelemetry exporter tables, {style}, {logs}{hyperdx}"


def read(rows: Sequence[Sequence[Any]], traces: str, logs: str) -> Layout:
    found: dict[str, dict[str, str]] = {traces: {}, logs: {}}
    readonly, version = "0", ""
    for what, a, b, c in rows:
        if what == "column":
            found.setdefault(str(a), {})[str(b)] = str(c)
        elif what == "setting":
            readonly = str(c)
        else:
            version = str(b)
    return Layout(found[traces], found[logs], readonly, version)
