"""The tests' databases: migrated once for all processes and runs, cloned for each, emptied by taking out what is there.

Migrating takes fifteen seconds, a clone a part of one. Django's own emptying cuts every table off and makes the content
types and permissions again: a second for each test that commits, of which there are hundreds.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.test import TransactionTestCase
from psycopg.errors import DeadlockDetected

#: Rows that belong to the schema: a flush would make the same again.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
_MIGRATED = "altor_migrated_"


def are_ours() -> bool:
    """Whether they are on the embedded server, where we may do all."""
    return bool(settings.DATABASES["default"]["ENGINE"] == "altor.embedded.backend")


def migrated(place: Path) -> str:
    """The name of a database in which all migrations ran, made when none of these migrations is there.

    `place` holds the lock by which several test processes agree on who makes it.
    """
    name = f"{_MIGRATED}{_digest()}"
    with _alone(place / "migrated.lock"), connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_MIGRATED])
        found = {row[0] for row in cursor.fetchall()}
        for old in found - {name}:
            cursor.execute(f'DROP DATABASE "{old}" WITH (FORCE)')
        if name not in found:
            _make(f"{name}_unfinished")
            cursor.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')
    return name


def _make(name: str) -> None:
    given: dict[str, Any] = connection.settings_dict
    before, named = given["NAME"], given["TEST"]["NAME"]
    given["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        given["NAME"], given["TEST"]["NAME"] = before, named


def _digest() -> str:
    """Of all migrations, ours and those of packages."""
    found = hashlib.sha256(django.__version__.encode())
    for label in sorted(one.label for one in apps.get_app_configs()):
        module, _ = MigrationLoader.migrations_module(label)
        folder = Path(apps.get_app_config(label).path) / (module or "").rpartition(".")[2]
        for file in sorted(folder.glob("*.py")):
            found.update(f"{label}/{file.name}".encode() + file.read_bytes())
    return found.hexdigest()[:16]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def empty_quickly() -> None:
    """From here on a test that commits leaves its database behind by `empty`."""
    TransactionTestCase._fixture_teardown = lambda self: empty()  # type: ignore[attr-defined]


def rows() -> dict[str, bytes]:
    """Table -> its rows as COPY writes them, of every table that a test may fill."""
    found = {}
    with connection.cursor() as cursor:
        for name in _filled(cursor):
            with cursor.copy(f"COPY {name} TO STDOUT (FORMAT binary)") as out:
                found[name] = b"".join(bytes(part) for part in out)
    return found


def put_back(kept: dict[str, bytes]) -> None:
    """Into an emptied database of the same process, whose sequences have passed the kept rows' numbers."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The rows were checked when they were made.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, content in kept.items():
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as into:
                into.write(content)


def _tables() -> list[str]:
    return [f'"{name}"' for name in sorted(connection.introspection.django_table_names()) if name not in _KEPT]


def _filled(cursor: Any) -> list[str]:
    cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in _tables()))
    return [name for (name,) in cursor.fetchall()]


def empty() -> None:
    """Take every row out. As with a flush, a transaction that a thread has open is waited for; one that goes on to
    another table meanwhile, a page's request whose browser is gone, makes a deadlock: it has ended at the next try.
    """
    for last in (False, False, False, False, True):
        try:
            _empty()
        except OperationalError as error:
            if last or not isinstance(error.__cause__, DeadlockDetected):
                raise
            time.sleep(0.3)
        else:
            return


def _empty() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(_tables())} IN ACCESS EXCLUSIVE MODE")
        filled = _filled(cursor)
        if filled:
            # Nothing refers to what is gone, and what is append-only goes too: no trigger and no key need look.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("; ".join(f"DELETE FROM {name}" for name in filled))
