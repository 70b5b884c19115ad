"""A result of ClickHouse in the shape of the contract."""

from __future__ import annotations

from typing import Any

from altor.redaction import redact, redact_text
from investigations.sources.clickhouse.client import Result
from investigations.sources.clickhouse.values import holds_text, reader


def rows_of(result: Result, server_zone: str, most: int) -> list[list[Any]]:
    """The rows with values as the contract has them, secrets and personal data taken out of every text."""
    # Column by column, and each text once: the same routes and names come back thousands of times.
    columns = []
    for at, kind in enumerate(result.types):
        read, safe = reader(kind, server_zone), _Redacted() if holds_text(kind) else None
        given = [row[at] for row in result.rows[:most]]
        try:
            known = {value: read(value) for value in set(given)}
        except TypeError:  # lists
            values = [read(value) for value in given]
        else:
            values = [known[value] for value in given]
        columns.append(values if safe is None else [safe.of(value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


class _Redacted(dict[str, str]):
    """Redacted texts by their original."""

    def __missing__(self, text: str) -> str:
        self[text] = found = redact_text(text)
        return found

    def of(self, value: Any) -> Any:
        return self[value] if isinstance(value, str) else redact(value)
