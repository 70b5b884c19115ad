"""`manage.py pg start|stop|status|psql|dump|restore`: the embedded PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from argparse import REMAINDER, ArgumentParser
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from altor.embedded.postgres import EmbeddedPostgres, PostgresUnavailable
from altor.settings import environment


class Command(BaseCommand):
    help = "Start, stop and look at the embedded PostgreSQL; dump and restore the database, wherever it is."
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("start", help="start the server (it also starts by itself on first use)")
        actions.add_parser("stop", help="stop the server")
        actions.add_parser("status", help="say whether it runs; exit code 3 when not")
        psql = actions.add_parser("psql", help="open a session")
        psql.add_argument("rest", nargs=REMAINDER, help="arguments of psql, e.g. -c 'SELECT 1'")
        dump = actions.add_parser("dump", help="write a backup")
        dump.add_argument("file", type=Path)
        restore = actions.add_parser("restore", help="load a backup into the database, which must be empty or --clean")
        restore.add_argument("file", type=Path)
        restore.add_argument("--clean", action="store_true", help="replace what is there")

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
        raise SystemExit(self._tool("psql", self._dsn(), *options["rest"]))

    def _dump(self, options: dict[str, Any]) -> None:
        file: Path = options["file"]
        scratch = file.with_name(f".{file.name}.part")
        with scratch.open("xb") as target:
            os.chmod(scratch, 0o600)
            code = subprocess.run(
                [self.server.tool("pg_dump"), "--format=custom", "--no-owner", self._dsn()], stdout=target, check=False
            ).returncode
        if code:
            scratch.unlink()
            raise CommandError("The backup was not written; see the message above.")
        scratch.rename(file)
        self.stdout.write(f"{file}: {file.stat().st_size / 1e6:.1f} MB")

    def _restore(self, options: dict[str, Any]) -> None:
        file: Path = options["file"]
        if not file.is_file():
            raise CommandError(f"There is no file {file}")
        clean = ["--clean", "--if-exists"] if options["clean"] else []
        if self._tool(
            "pg_restore",
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            *clean,
            "--dbname",
            self._dsn(),
            str(file),
        ):
            raise CommandError("Nothing was restored; see the message above.")
        self.stdout.write(f"restored {file}")

    def _dsn(self) -> str:
        if self.outside:
            return self.outside
        self.server.ensure()
        return self.server.dsn()

    def _tool(self, name: str, *arguments: str) -> int:
        return subprocess.run([self.server.tool(name), *arguments], check=False).returncode
