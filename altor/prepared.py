"""Statements that the database plans once for each connection: where planning takes longer than carrying out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db import connection


class _Cursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        found = super().execute(query, params, prepare=True, **options)
        # psycopg keeps no text of a statement that is prepared already, and Django's log of queries reads one here.
        text: Any = getattr(self, "_query", None) or SimpleNamespace(query=query.encode())
        self._query = text
        return found


def first_row(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    """Of a statement's answer. `sql` is one of a few texts: each stays with the connection.

    Select texts as `::text`: a statement that was prepared before a migration would fail where a column has another
    length since.
    """
    with connection.cursor() as cursor:  # its checks, errors and log
        cursor.cursor.close()
        cursor.cursor = _Cursor(connection.connection)
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
