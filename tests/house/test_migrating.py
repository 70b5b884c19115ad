"""A start migrates what is to be migrated, and what is up to date costs it nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from altor import migrating
from altor.migrating import migrate

pytestmark = pytest.mark.django_db


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the commands that were carried out."""
    told: list[str] = []

    def run(name: str, **options: object) -> object:
        told.append(name)
        return call_command(name, **options)

    monkeypatch.setattr(migrating, "call_command", run)
    with connection.cursor() as cursor:
        cursor.execute("COMMENT ON TABLE django_migrations IS NULL")  # whatever ran on this database before
    yield told


def test_a_second_start_finds_nothing_to_do(commands: list[str]) -> None:
    assert migrate()
    assert commands[0] == "migrate"
    commands.clear()
    assert not migrate()
    assert not commands


def test_a_start_that_was_killed_before_the_permissions_were_made_is_made_good(commands: list[str]) -> None:
    Permission.objects.all().delete()
    assert migrate()
    assert Permission.objects.filter(codename="view_ticket").exists()


@pytest.mark.parametrize("note", ["NULL", "'altor: done to an older version'", "'somebody else''s words'"])
def test_only_this_versions_own_note_counts(commands: list[str], note: str) -> None:
    migrate()
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE django_migrations IS {note}")
    assert migrate()


def test_a_migration_that_is_missing_is_carried_out_whatever_the_note_says(commands: list[str]) -> None:
    migrate()
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS django_session")
    assert migrate()
    assert "django_session" in connection.introspection.table_names()


def test_the_lock_is_given_back(commands: list[str]) -> None:
    migrate()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)
