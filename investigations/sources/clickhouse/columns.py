"""Columns that would make the views faster: each attribute that they read, in a column of its own.

A Map column is read whole, whatever attribute is wanted. A materialized column holds one of them; the views take it by
themselves where the server has it (see `Layout.column_of`). Altor only reads, so the statements are for an operator.
"""

from __future__ import annotations

import re
from typing import Final

from investigations.profile import TelemetryProfile
from investigations.sources.clickhouse.guard import VIEWS
from investigations.sources.clickhouse.layout import Layout
from investigations.sources.clickhouse.views import Builder, ViewUnavailable

_PREFIX: Final = {"SpanAttributes": "attr", "LogAttributes": "attr", "ResourceAttributes": "resource"}


def statements(profile: TelemetryProfile, layout: Layout) -> list[str]:
    """ALTER statements, one per table, for the attributes that have no column yet; [] when all have one, or when the
    attributes are JSON columns, which keep each path apart anyway.
    """
    builder = Builder(profile, layout, "everyone")
    for view in VIEWS:
        try:
            builder.build(frozenset({view}))
        except ViewUnavailable:
            continue
    found = []
    for which in ("traces", "logs"):
        columns = layout.traces if which == "traces" else layout.logs
        missing = sorted(
            (attributes, name)
            for table, attributes, name in builder.reads
            if table == which
            and columns.get(attributes, "").startswith("Map(")
            and layout.column_of(attributes, which, name) is None
        )
        if missing:
            added = ",\n  ".join(_added(attributes, name) for attributes, name in missing)
            found.append(f"ALTER TABLE {builder.table('traces' if which == 'traces' else 'logs')}\n  {added};")
    return found


def _added(attributes: str, name: str) -> str:
    column = f"{_PREFIX[attributes]}_" + re.sub(r"[^A-Za-z0-9]", "_", name)[:90]
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"ADD COLUMN IF NOT EXISTS {column} LowCardinality(String) MATERIALIZED {attributes}['{quoted}']"
