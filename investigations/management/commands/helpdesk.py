"""`manage.py helpdesk add|list|test|backfill`: connect a helpdesk, see whether it works, read its past."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from altor.errors import DomainError
from investigations.helpdesks.registry import helpdesks
from investigations.models import Backfill, HelpdeskConnection
from investigations.services.backfill import cancel, start_backfill, work_page
from investigations.services.helpdesk_overview import address_of, overview
from investigations.services.helpdesks import HelpdeskValues, check_helpdesk, save_helpdesk

INVALID: Final = 2


class Command(BaseCommand):
    help = "Connect helpdesks, test them, and read their past. Secrets come from the environment, never from arguments."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="connect one, or change its address, prefix, title and options")
        add.add_argument("kind", choices=list(helpdesks()))
        add.add_argument("name")
        add.add_argument("--base-url", default=None, help="address of its API")
        add.add_argument("--prefix", default="", help="ticket references begin with it")
        add.add_argument("--title", default=None)
        add.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of its kind")
        add.add_argument("--origin", action="append", default=None, help="origin of a page that may show the sidebar")
        add.add_argument("--secret-env", default="", metavar="VARIABLE", help="variable that holds the API's key")
        add.add_argument(
            "--signing-secret-env", default="", metavar="VARIABLE", help="variable with a secret the helpdesk chose"
        )
        for name, words in (("list", "what is connected, and its last day"), ("test", "ask each who we are")):
            command = actions.add_parser(name, help=words)
            command.add_argument("--format", choices=("text", "json"), default="text")
            if name == "test":
                command.add_argument("connection", nargs="*", metavar="KIND/NAME", help="default: all that are on")
        back = actions.add_parser("backfill", help="read the last days; none of the tickets starts a run")
        back.add_argument("connection", metavar="KIND/NAME")
        back.add_argument("--days", type=int, default=30)
        back.add_argument("--now", action="store_true", help="read here, page by page, without a worker")
        back.add_argument("--cancel", action="store_true", help="stop reading")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=INVALID) from None

    def _add(self, options: dict[str, Any]) -> None:
        kind, name = options["kind"], options["name"]
        row = _rows().filter(endpoint__source=kind, endpoint__connection=name).first()
        values = HelpdeskValues(
            base_url=_given(options["base_url"], row.base_url if row else ""),
            secret=_variable(options["secret_env"]),
            options={**(row.options if row else {}), **dict(_pair(text) for text in options["option"])},
            origins=_given(options["origin"], row.origins if row else []),
            writes_notes=bool(row and row.writes_notes),
            writes_tags=bool(row and row.writes_tags),
            sends_replies=bool(row and row.sends_replies),
            title=options["title"],
            prefix=options["prefix"],
        )
        signing = _variable(options["signing_secret_env"]) or ""
        saved, secret = save_helpdesk(kind, name, values, actor=None, signing_secret=signing)
        self.stdout.write(address_of(saved.endpoint))
        if secret:
            self.stdout.write(f"secret, shown once: {secret}")

    def _list(self, options: dict[str, Any]) -> None:
        rows = [
            {
                "connection": str(line.row), "title": line.title, "active": line.endpoint.is_active,
                "base_url": line.row.base_url, "health": line.row.health, "events_last_day": line.total,
                "refused_last_day": line.refused_total,
                "backfill": line.backfill.status if line.backfill else None,
            }
            for line in overview(_rows(), now=timezone.now())
        ]  # fmt: skip
        if options["format"] == "json":
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            state = row["health"] if row["active"] else "off"
            self.stdout.write(
                f"{row['connection']}  {state}  {row['base_url'] or '-'}  {row['events_last_day']} events, "
                f"{row['refused_last_day']} refused in the last day"
            )

    def _test(self, options: dict[str, Any]) -> None:
        wanted = [_named(name) for name in options["connection"]] or list(_rows().filter(endpoint__is_active=True))
        if not wanted:
            raise CommandError("No helpdesk is connected yet", returncode=INVALID)
        reports = [(row, check_helpdesk(row)) for row in wanted]
        if options["format"] == "json":
            found = [
                {
                    "connection": str(row), "ok": report.ok, "seconds": report.seconds, "message": report.message,
                    "identity": report.identity, "warnings": list(report.warnings),
                }
                for row, report in reports
            ]  # fmt: skip
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            for row, report in reports:
                self.stdout.write(f"{row}  {'ok' if report.ok else 'FAILED'}  {report.seconds:.2f} s  {report.message}")
                for warning in report.warnings:
                    self.stdout.write(f"  warning: {warning}")
        if not all(report.ok for _, report in reports):
            sys.exit(1)

    def _backfill(self, options: dict[str, Any]) -> None:
        connection = _named(options["connection"])
        if options["cancel"]:
            running = Backfill.objects.filter(connection=connection, status=Backfill.Status.RUNNING).first()
            if running is None:
                raise CommandError(f"{connection} is not being read", returncode=INVALID)
            cancel(running, actor=None)
            self.stdout.write("stopped")
            return
        row: Backfill | None = start_backfill(connection, days=options["days"], actor=None)
        first = row
        while options["now"] and row is not None and row.status == Backfill.Status.RUNNING:
            if row.reason:
                # The helpdesk wants us to wait, or does not answer: a worker goes on when it is time.
                break
            row = work_page(row.pk) or Backfill.objects.get(pk=row.pk)
        found = row or first
        if found is None:
            return
        self.stdout.write(
            f"{found.status}: {found.read} read, {found.created} new, {len(found.problems)} passed over"
            + (f" ({found.reason})" if found.reason else "")
        )
        if found.status == Backfill.Status.FAILED:
            sys.exit(1)


def _rows() -> Any:
    return HelpdeskConnection.objects.select_related("endpoint")


def _given(value: Any, stored: Any) -> Any:
    return stored if value is None else value


def _named(text: str) -> HelpdeskConnection:
    kind, _, name = text.partition("/")
    found: HelpdeskConnection | None = _rows().filter(endpoint__source=kind, endpoint__connection=name).first()
    if found is None:
        raise CommandError(f"There is no helpdesk connection {text!r}", returncode=INVALID)
    return found


def _variable(name: str) -> str | None:
    if not name:
        return None
    value = os.environ.get(name, "").strip()
    if not value:
        raise CommandError(f"The variable {name} is empty", returncode=INVALID)
    return value


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"--option {text!r} is not NAME=VALUE", returncode=INVALID)
    return name, value
