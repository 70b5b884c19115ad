"""PostgreSQL extensions that a migration needs: installed, or asked for in words that an administrator can act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError
from django.db import ProgrammingError, transaction


def require_extensions(*names: str) -> Callable[[Any, Any], None]:
    """For RunPython: installs what is missing. CommandError names what this server or this user does not allow."""

    def install(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            cursor.execute("SELECT extname FROM pg_extension WHERE extname = ANY(%s)", [list(names)])
            missing = sorted(set(names) - {name for (name,) in cursor.fetchall()})
            cursor.execute("SELECT name FROM pg_available_extensions WHERE name = ANY(%s)", [missing])
            available = {name for (name,) in cursor.fetchall()}
            for name in missing:
                if name not in available:
                    raise CommandError(
                        f"This PostgreSQL server has no extension {name!r}: install its package (pgvector for "
                        "'vector', postgresql-contrib for the others) and migrate again."
                    )
                try:
                    with transaction.atomic(using=connection.alias):
                        cursor.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}"')
                except ProgrammingError as error:
                    raise CommandError(
                        f"The extension {name!r} may not be installed by this user. Let an administrator run "
                        f'CREATE EXTENSION "{name}"; in this database, and migrate again. ({error})'
                    ) from None

    return install
