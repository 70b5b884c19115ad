"""`manage.py connections list|test [SOURCE …]|columns`: what is connected, does it work, what would make it faster."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from investigations.services.connections import (
    active_connections,
    check_connection,
    faster_columns,
    secret_ending,
    sources,
)
from investigations.sources.base import ConnectionConfig, ConnectionReport, SourceError


class Command(BaseCommand):
    help = "List the connections in force, or test them. Exit 1 when a tested connection does not work."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        for name, words in (("list", "What is connected, without secrets"), ("test", "Ask each source who we are")):
            command = commands.add_parser(name, help=words)
            command.add_argument("--format", choices=("text", "json"), default="text")
            if name == "test":
                command.add_argument(
                    "source", nargs="*", help="github, linear, stripe, clickhouse, statuspage; default all"
                )

        commands.add_parser(
            "columns", help="print statements that make ClickHouse answer faster; an operator runs them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = active_connections()
        except DatabaseError:
            raise CommandError("The database is not set up: run `manage.py migrate` first", returncode=3) from None
        if options["action"] == "list":
            self._list(found, options["format"])
            return
        if options["action"] == "columns":
            self._columns(found)
            return
        unknown = [name for name in options["source"] if name not in sources()]
        if unknown:
            raise CommandError(f"No such source: {', '.join(unknown)} (known: {', '.join(sources())})", returncode=2)
        absent = [name for name in options["source"] if name not in found]
        if absent:
            raise CommandError(f"Not connected: {', '.join(absent)}", returncode=2)
        wanted = options["source"] or list(found)
        if not wanted:
            raise CommandError("Nothing is connected yet", returncode=2)
        reports = {name: (found[name], check_connection(found[name])) for name in wanted}
        self._tell(reports, options["format"])
        if not all(report.ok for _, report in reports.values()):
            sys.exit(1)

    def _list(self, found: dict[str, ConnectionConfig], form: str) -> None:
        rows = [
            {
                "source": config.source,
                "name": config.name,
                "origin": config.origin,
                "base_url": config.base_url,
                "secret_ends": secret_ending(config.secret),
                "options": dict(config.options),
            }
            for config in found.values()
        ]
        if form == "json":
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            ending = f"key …{row['secret_ends']}" if row["secret_ends"] else "no key shown"
            self.stdout.write(f"{row['source']:<11} {row['base_url']}  ({row['origin']}, {ending})")
        if not rows:
            self.stdout.write("Nothing is connected. See docs/how-to/connect-a-source.md.")

    def _columns(self, found: dict[str, ConnectionConfig]) -> None:
        if "clickhouse" not in found:
            raise CommandError("ClickHouse is not connected", returncode=2)
        try:
            statements = faster_columns(found["clickhouse"])
        except SourceError as error:
            raise CommandError(error.message, returncode=1) from None
        for statement in statements:
            self.stdout.write(statement)
        if not statements:
            self.stderr.write("Every attribute that Altor reads is in a column of its own.")

    def _tell(self, reports: dict[str, tuple[ConnectionConfig, ConnectionReport]], form: str) -> None:
        if form == "json":
            self.stdout.write(json.dumps({name: _as_dict(report) for name, (_, report) in reports.items()}, indent=2))
            return
        for name, (_, report) in reports.items():
            mark = self.style.SUCCESS("ok  ") if report.ok else self.style.ERROR("FAIL")
            who = f" as {report.identity}" if report.identity else ""
            self.stdout.write(f"{mark} {name:<11} {report.message}{who} ({report.seconds:.2f} s)")
            for scope in report.scopes:
                self.stdout.write(f"       may {scope.name}" + (" (write)" if scope.writes else ""))
            for warning in report.warnings:
                self.stdout.write(self.style.WARNING(f"       {warning}"))


def _as_dict(report: ConnectionReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "seconds": report.seconds,
        "message": report.message,
        "identity": report.identity,
        "scopes": [{"name": scope.name, "writes": scope.writes} for scope in report.scopes],
        "warnings": list(report.warnings),
        "details": dict(report.details),
    }
