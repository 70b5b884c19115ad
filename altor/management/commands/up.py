"""`manage.py up`: everything a team needs, as one supervised group of processes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from altor.embedded.clickhouse import ClickHouseUnavailable
from altor.embedded.postgres import EmbeddedPostgres, PostgresUnavailable
from altor.embedded.processes import ProcessFailed
from altor.embedded.supervisor import PortTaken, check_port, clickhouse_part, supervise, web_part, worker_part
from altor.migrating import migrate
from altor.settings import environment


class Command(BaseCommand):
    help = "Run web, worker and the embedded servers until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, help="runs carried out at the same time (ALTOR_WORKERS, 2)")
        parser.add_argument("--no-web", action="store_true", help="this machine works only")
        parser.add_argument("--no-worker", action="store_true", help="this machine serves pages only")
        parser.add_argument(
            "--clickhouse",
            action="store_true",
            help="run the embedded ClickHouse engine (it also runs when it holds data)",
        )
        parser.add_argument("--stop-pg", action="store_true", help="stop the embedded PostgreSQL at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._up(options)
        except (PortTaken, ProcessFailed, PostgresUnavailable, ClickHouseUnavailable) as error:
            raise CommandError(str(error)) from None

    def _up(self, options: dict[str, Any]) -> None:
        if not options["no_web"]:
            check_port(options["host"], options["port"])
        migrate()
        connection.close()
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        parts = []
        engine = settings.HOME / "clickhouse"
        wants_engine = options["clickhouse"] or (engine / "data").is_dir()
        if wants_engine and not environment.text("ALTOR_CLICKHOUSE_URL"):
            parts.append(clickhouse_part(engine))
        if not options["no_web"]:
            parts.append(web_part(options["port"], host=options["host"]))
        if not options["no_worker"]:
            parts.append(worker_part(options["workers"]))
        if not parts:
            raise CommandError("Nothing to run: web and worker are both switched off.")
        if not options["no_web"]:
            self.stdout.write(f"Altor is at http://{options['host']}:{options['port']} (Ctrl-C ends it)")
        try:
            supervise(settings.HOME, parts, say=lambda text: print(text, file=sys.stderr, flush=True))
        finally:
            if options["stop_pg"] and not environment.text("ALTOR_DATABASE_URL"):
                EmbeddedPostgres(settings.HOME / "pg").stop()
