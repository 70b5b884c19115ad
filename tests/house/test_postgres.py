"""The embedded PostgreSQL: real servers, started, killed and refused."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from altor.embedded import postgres
from altor.embedded.postgres import UNSAFE_FAST, EmbeddedPostgres, PostgresUnavailable
from altor.settings.environment import ROOT
from tests.house.conftest import until

START = """
import sys
from pathlib import Path
from altor.embedded.postgres import UNSAFE_FAST, EmbeddedPostgres
own = EmbeddedPostgres(Path(sys.argv[1]), UNSAFE_FAST)
own.ensure()
print(own.pid())
"""


def value(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def do(server: EmbeddedPostgres, *statements: str) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_first_use_makes_a_server_with_its_database_and_extensions(running):
    assert value(running, "SELECT current_database()") == "altor"
    installed = "SELECT count(*) FROM pg_extension WHERE extname IN ('pg_trgm', 'unaccent', 'btree_gin')"
    assert value(running, installed) == 3
    assert running.is_running() and running.pid() and running.version().startswith("18.")


def test_it_listens_on_a_closed_unix_socket_only(running):
    assert value(running, "SHOW listen_addresses") == ""
    assert running.socket.stat().st_mode & 0o777 == 0o700 and running.data.stat().st_mode & 0o777 == 0o700


def test_a_running_server_is_found_and_not_started_again(running):
    pid = running.pid()
    for _ in range(10):
        EmbeddedPostgres(running.home, UNSAFE_FAST).ensure()
    assert running.pid() == pid


def test_stopped_it_keeps_its_rows(server):
    server.ensure()
    do(server, "CREATE TABLE kept AS SELECT 7 AS n")
    assert server.stop() is True and not server.is_running()
    assert server.stop() is False
    server.ensure()
    assert value(server, "SELECT n FROM kept") == 7


@pytest.mark.slow
def test_four_processes_that_race_start_one_server(server):
    command = [sys.executable, "-c", START, str(server.home)]
    racing = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].strip() for process in racing]
    assert [process.returncode for process in racing] == [0] * 4
    assert set(said) == {str(server.pid())}


@pytest.mark.slow
def test_a_killed_server_comes_back_with_its_rows(server):
    server.ensure()
    do(server, "CREATE TABLE kept AS SELECT 7 AS n", "CHECKPOINT")
    os.kill(server.pid(), signal.SIGKILL)
    began = time.monotonic()
    server.ensure()
    assert value(server, "SELECT n FROM kept") == 7
    assert time.monotonic() - began < 30


def test_data_of_another_version_are_refused_with_what_to_do(server):
    server.ensure()
    server.stop()
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresUnavailable, match=r"to PostgreSQL 15, the installed programs are version 18.*pg_dump"):
        server.ensure()
    (server.data / "PG_VERSION").write_text("18\n")


@pytest.mark.slow
def test_a_wrong_setting_fails_at_once_with_the_servers_words(server):
    server.settings["shared_buffers"] = "many"
    began = time.monotonic()
    with pytest.raises(PostgresUnavailable, match="shared_buffers"):
        server.ensure()
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_full_server_is_not_taken_for_a_dead_one(server):
    server.settings["max_connections"] = "5"
    server.ensure()
    pid, held = server.pid(), []
    with pytest.raises(psycopg.OperationalError):
        while len(held) < 20:
            held.append(psycopg.connect(server.dsn()))
    server.ensure()
    assert server.pid() == pid
    for connection in held:
        connection.close()


def test_statements_and_details_stay_out_of_the_log(running):
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE once (word text UNIQUE)")
        connection.execute("INSERT INTO once VALUES ('kiwi-secret')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO once VALUES ('kiwi-secret')")
    logs = running.data / "log"
    until(lambda: any("duplicate key" in path.read_text() for path in logs.glob("*.log")))
    assert not any("kiwi-secret" in path.read_text() for path in logs.glob("*.log"))


def test_a_deep_home_gets_a_short_socket(open_place, monkeypatch):
    monkeypatch.setattr(postgres, "SHARED_PLACE", open_place / "shared")
    deep = EmbeddedPostgres(open_place / ("d" * 60) / ("e" * 60) / "pg", UNSAFE_FAST)
    try:
        deep.ensure()
        assert len(str(deep.socket)) < 90 and value(deep, "SELECT 1") == 1
    finally:
        deep.destroy()
    assert not deep.socket.exists()


def test_chosen_programs_must_be_there(server, monkeypatch):
    monkeypatch.setenv("ALTOR_PG_BIN", "/nowhere/bin")
    with pytest.raises(PostgresUnavailable, match="ALTOR_PG_BIN is /nowhere/bin"):
        server.ensure()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that its server may not enter")
class TestAsRoot:
    def test_a_closed_home_stays_closed_and_links_to_the_data(self, server):
        closed = server.home.parent / "closed"
        closed.mkdir(mode=0o700)
        own = EmbeddedPostgres(closed / "pg", UNSAFE_FAST)
        try:
            own.ensure()
            assert closed.stat().st_mode & 0o777 == 0o700
            assert (own.home / "data").is_symlink() and own.data.is_relative_to(postgres.SHARED_PLACE)
            again = EmbeddedPostgres(closed / "pg", UNSAFE_FAST)
            again.ensure()
            assert again.pid() == own.pid()
        finally:
            own.destroy()
        assert not own.place.exists()

    @pytest.mark.slow
    def test_a_removed_closed_home_begins_anew(self, server):
        closed = server.home.parent / "closed"
        closed.mkdir(mode=0o700)
        own = EmbeddedPostgres(closed / "pg", UNSAFE_FAST)
        own.ensure()
        do(own, "CREATE TABLE former AS SELECT 1")
        for path in own.home.iterdir():
            path.unlink()
        own.home.rmdir()
        anew = EmbeddedPostgres(closed / "pg", UNSAFE_FAST)
        try:
            anew.ensure()
            assert value(anew, "SELECT to_regclass('former')") is None
        finally:
            anew.destroy()

    def test_the_server_runs_as_a_user_of_its_own(self, running):
        assert Path(f"/proc/{running.pid()}").stat().st_uid == pwd.getpwnam(postgres.SYSTEM_USER).pw_uid

    @pytest.mark.slow
    def test_an_ordinary_user_has_a_server_too(self, server, open_place):
        """In a forked child that gave up root: the interpreter itself may lie where others cannot start it."""
        programs = _programs_for_everybody(open_place)
        home = open_place / "ordinary"
        home.mkdir()
        ordinary = pwd.getpwnam("nobody")
        os.chown(home, ordinary.pw_uid, ordinary.pw_gid)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(ordinary.pw_gid)
                os.setuid(ordinary.pw_uid)
                os.environ["ALTOR_PG_BIN"] = str(programs)
                own = EmbeddedPostgres(home / "pg", UNSAFE_FAST)
                own.ensure()
                mine = Path(f"/proc/{own.pid()}").stat().st_uid == ordinary.pw_uid
                own.stop()
                code = 0 if mine else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    @pytest.mark.slow
    def test_another_users_directory_is_refused_in_words(self, server):
        server.ensure()
        server.stop()
        os.chown(server.data, pwd.getpwnam("nobody").pw_uid, -1)
        try:
            with pytest.raises(PostgresUnavailable, match="belongs to another user"):
                server.ensure()
        finally:
            os.chown(server.data, pwd.getpwnam(postgres.SYSTEM_USER).pw_uid, -1)


def _programs_for_everybody(place: Path) -> Path:
    """The wheel's programs where any user may run them."""
    from altor.embedded.postgres_programs import find_programs, others_may_enter

    programs = find_programs(place / "copies")
    assert others_may_enter(programs)
    return programs
