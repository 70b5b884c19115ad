"""`manage.py pg` as an operator uses it."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from altor.embedded.postgres import EmbeddedPostgres
from altor.management.commands import pg
from tests.house.test_postgres import do, value


@pytest.fixture
def home(server: EmbeddedPostgres, settings, monkeypatch) -> EmbeddedPostgres:
    """The command works on this test's own server."""
    monkeypatch.delenv("ALTOR_DATABASE_URL", raising=False)
    settings.HOME = server.home.parent
    return server


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("pg", *arguments, stdout=out)
    return out.getvalue()


def test_start_status_and_stop(home):
    with pytest.raises(SystemExit) as ended:
        said("status")
    assert ended.value.code == 3
    assert f"process {home.pid() or ''}" in said("start")
    assert f"running, PostgreSQL {home.version()}, process {home.pid()}" in said("status")
    assert said("stop") == "stopped\n" and said("stop") == "was not running\n"


def test_a_backup_brings_everything_back(home, tmp_path):
    home.ensure()
    do(home, "CREATE TABLE kept AS SELECT 7 AS n")
    backup = tmp_path / "altor.dump"
    said("dump", str(backup))
    assert backup.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [backup]
    do(home, "UPDATE kept SET n = 8", "CREATE TABLE later AS SELECT 1")
    said("restore", "--clean", str(backup))
    assert value(home, "SELECT n FROM kept") == 7


def test_a_restore_over_what_is_there_changes_nothing(home, tmp_path, capfd):
    home.ensure()
    do(home, "CREATE TABLE kept AS SELECT 7 AS n")
    said("dump", str(tmp_path / "altor.dump"))
    do(home, "UPDATE kept SET n = 8")
    with pytest.raises(CommandError, match="Nothing was restored"):
        said("restore", str(tmp_path / "altor.dump"))
    assert value(home, "SELECT n FROM kept") == 8 and "already exists" in capfd.readouterr().err


def test_a_file_or_directory_that_is_not_there_is_named(home, tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        said("restore", str(tmp_path / "absent"))
    with pytest.raises(CommandError, match="There is no directory"):
        said("dump", str(tmp_path / "absent" / "altor.dump"))


def test_options_of_psql_are_passed_on(home, capfd):
    home.ensure()
    with pytest.raises(SystemExit) as ended:
        pg.Command().run_from_argv(["manage.py", "pg", "psql", "-At", "-c", "SELECT 6 * 7"])
    assert ended.value.code == 0 and capfd.readouterr().out == "42\n"


def test_a_database_elsewhere_is_not_started_but_used(home, monkeypatch, capfd):
    home.ensure()
    monkeypatch.setenv("ALTOR_DATABASE_URL", f"postgresql://altor:kiwi@/altor?host={home.socket}")
    with pytest.raises(CommandError, match="ALTOR_DATABASE_URL is set"):
        said("start")
    with pytest.raises(SystemExit):
        pg.Command().run_from_argv(["manage.py", "pg", "psql", "-At", "-c", "SELECT 1"])
    assert capfd.readouterr().out == "1\n"
    dsn, environment = _connection(home)
    assert "kiwi" not in dsn and environment["PGPASSWORD"] == "kiwi"


def _connection(home: EmbeddedPostgres) -> tuple[str, dict[str, str]]:
    from altor.settings.environment import text

    command = pg.Command()
    command.server, command.outside = home, text("ALTOR_DATABASE_URL")
    return command._connection()
