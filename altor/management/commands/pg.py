"""`manage.py pg start|stop|status|psql|dump|restore`: the embedded PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from altor.embedded.postgres import EmbeddedPostgres, PostgresUnavailable
from altor.settings import environment


class Command(BaseCommand):
    help = "Start, stop and look at the embedded PostgreSQL; dump and restore the database, wherever it is."
    requires_system_checks = []
    rest: Sequence[str] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("start", help="start the server (it also starts by itself on first use)")
        actions.add_parser("stop", help="stop the server")
        actions.add_parser("status", help="say whether it runs; exit code 3 when not")
        actions.add_parser("psql", help="open a session; what follows goes to psql, e.g. -c 'SELECT 1'")
        dump = actions.add_parser("dump", help="write a backup")
        dump.add_argument("file", type=Path)
        restore = actions.add_parser("restore", help="load a backup into an empty database, or with --clean into any")
        restore.add_argument("file", type=Path)
        restore.add_argument("--clean", action="store_true", help="replace what is there; stop web and worker first")

    def run_from_argv(self, argv: list[str]) -> None:
        if argv[2:3] == ["psql"]:  # psql's options are not ours to read
            argv, self.rest = argv[:3], argv[3:]
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        self.server = EmbeddedPostgres(settings.HOME / "pg")
        self.outside = environment.text("ALTOR_DATABASE_URL")
        if self.outside and options["action"] in ("start", "stop", "status"):
            raise CommandError("ALTOR_DATABASE_URL is set: the embedded server is not used.")
        try:
            getattr(self, f"_{options['action']}")(options)
        except PostgresUnavailable as error:
            raise CommandError(str(error)) from None

    def _start(self, options: dict[str, Any]) -> None:
        self.server.ensure()
        self.stdout.write(f"running, process {self.server.pid()}, {self.server.home}")

    def _stop(self, options: dict[str, Any]) -> None:
        self.stdout.write("stopped" if self.server.stop() else "was not running")

    def _status(self, options: dict[str, Any]) -> None:
        if not self.server.is_running():
            self.stdout.write("not running")
            raise SystemExit(3)
        self.stdout.write(
            f"running, PostgreSQL {self.server.version()}, process {self.server.pid()}, {self.server.home}"
        )

    def _psql(self, options: dict[str, Any]) -> None:
        dsn, environment = self._connection()
        raise SystemExit(
            subprocess.run([self.server.tool("psql"), dsn, *self.rest], env=environment, check=False).returncode
        )

    def _dump(self, options: dict[str, Any]) -> None:
        """A complete file or none, readable by its owner only."""
        file: Path = options["file"]
        if not file.parent.is_dir():
            raise CommandError(f"There is no directory {file.parent}")
        dsn, environment = self._connection()
        scratch = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                command = [self.server.tool("pg_dump"), "--format=custom", "--no-owner", dsn]
                if subprocess.run(command, stdout=target, env=environment, check=False).returncode:
                    raise CommandError("The backup was not written; see the message above.")
            scratch.rename(file)
        finally:
            scratch.unlink(missing_ok=True)
        self.stdout.write(f"{file}: {file.stat().st_size / 1e6:.1f} MB")

    def _restore(self, options: dict[str, Any]) -> None:
        """In one transaction: the whole backup, or nothing changes."""
        file: Path = options["file"]
        if not file.is_file():
            raise CommandError(f"There is no file {file}")
        dsn, environment = self._connection()
        flags = ["--no-owner", "--exit-on-error", "--single-transaction"]
        if options["clean"]:
            flags += ["--clean", "--if-exists"]
        command = [self.server.tool("pg_restore"), *flags, "--dbname", dsn, str(file)]
        if subprocess.run(command, env=environment, check=False).returncode:
            raise CommandError("Nothing was restored; see the message above.")
        self.stdout.write(f"restored {file}")

    def _connection(self) -> tuple[str, dict[str, str]]:
        """Where to connect, and the environment that carries the password: arguments can be read by every user."""
        environment = dict(os.environ)
        if not self.outside:
            self.server.ensure()
            return self.server.dsn(), environment
        parts = conninfo_to_dict(self.outside)
        password = parts.pop("password", None)
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        return make_conninfo("", **{name: str(value) for name, value in parts.items()}), environment
