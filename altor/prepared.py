"""Statements that the database plans once for each connection: where planning takes longer than carrying out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections


class _Cursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        found = super().execute(query, params, prepare=True, **options)
        # psycopg keeps no text of a statement that is prepared already, and Django's log of queries reads one here.
        text: Any = getattr(self, "_query", None) or SimpleNamespace(query=query.encode())
        self._query = text
        return found


def first_row(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    """Of a statement's answer. `sql` is one of a few texts that only read: each stays with the connection.

    Select texts as `::text`: a statement that was prepared before a migration would fail where a column has another
    length since.
    """
    # Django asks an old connection whether it lives before the first statement of a request. This one asks by itself,
    # and again on a new connection where the old one turns out to be gone: one way to the database and back less.
    mine: Any = connections[DEFAULT_DB_ALIAS]  # the stubs do not know of health checks
    is_first = mine.connection is not None and not mine.in_atomic_block and not mine.health_check_done
    mine.health_check_done = mine.health_check_done or is_first
    try:
        return _first_row(sql, params)
    except (OperationalError, InterfaceError):
        if not is_first or connection.is_usable():
            raise
        connection.close()
        return _first_row(sql, params)


def _first_row(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:  # its checks, errors and log
        cursor.cursor.close()
        cursor.cursor = _Cursor(connection.connection)
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
