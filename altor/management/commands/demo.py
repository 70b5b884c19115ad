"""`manage.py demo`: an invented company with real investigations, on this machine only."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from altor.demo.run import DemoOptions, run_demo
from altor.demo.setup import SetupFailed
from altor.embedded.clickhouse import ClickHouseUnavailable
from altor.embedded.postgres import PostgresUnavailable
from altor.embedded.processes import ProcessFailed


class Command(BaseCommand):
    help = "Run the demo: a company, its telemetry and upstream systems, tickets that are investigated while you watch."
    requires_system_checks: list[str] = []  # the database is not there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="port of the pages; the next free one is taken (default 8000)"
        )
        parser.add_argument("--reset", action="store_true", help="forget the former demo and begin anew")
        parser.add_argument("--seed", type=int, help="another company history; only together with a new demo")
        parser.add_argument("--tickets", type=int, help="create only so many past tickets, the newest ones")
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument("--once", action="store_true", help="investigate the past tickets, say how it went, stop")
        parser.add_argument("--report", type=Path, help="with --once: write all diagnoses to this file as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = DemoOptions(
            port=options["port"],
            reset=options["reset"],
            seed=options["seed"],
            tickets=options["tickets"],
            browser=not options["no_browser"],
            once=options["once"],
            report=options["report"],
        )

        def say(text: str) -> None:
            self.stdout.write(text)
            self.stdout.flush()

        try:
            code = run_demo(settings.HOME, chosen, say)
        except (SetupFailed, ProcessFailed, PostgresUnavailable, ClickHouseUnavailable) as error:
            raise CommandError(str(error)) from None
        if code:
            raise SystemExit(code)
