"""The tables as this version of Altor needs them, at every start; what is up to date already costs nothing."""

from __future__ import annotations

import hashlib
from typing import Final

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

#: The advisory lock that only migrations of Altor take.
_LOCK: Final = 7_301_443


def migrate() -> bool:
    """Bring the tables up to date; whether anything was to be done. Machines that start together do it one after the
    other.

    Django's command takes seconds even where nothing is to be done: it builds all models of all migrations and makes
    permissions again. So what it brought to its end is written beside the list of migrations, and a start that finds
    it there goes on at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        executor = MigrationExecutor(connection)
        leaves = executor.loader.graph.leaf_nodes()
        wanted = _digest(leaves)
        if not executor.migration_plan(leaves) and _done() == wanted:
            return False
        call_command("migrate", interactive=False, verbosity=0)
        if str(settings.CACHES["default"]["BACKEND"]).endswith("DatabaseCache"):
            call_command("createcachetable", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(f"COMMENT ON TABLE django_migrations IS '{wanted}'")
        return True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _digest(leaves: list[tuple[str, str]]) -> str:
    """Of the newest migration of each app. Django's version is a part of it: a newer one may make other permissions."""
    names = [django.__version__, *(f"{app}.{name}" for app, name in sorted(leaves))]
    return f"altor: done to {hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}"


def _done() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regclass('django_migrations'), 'pg_class')")
        found = cursor.fetchone()
    return str(found[0] or "") if found else ""
