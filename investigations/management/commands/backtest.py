"""`manage.py backtest`: what Altor would have said of closed tickets, and what the team found."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from altor.errors import DomainError
from investigations.services.playbooks import ensure_library
from investigations.services.trial_report import as_document, report_of
from investigations.services.trial_texts import backtest_text
from investigations.services.trial_work import work_through
from investigations.services.trials import BACKTEST, MOST, start_backtest

INVALID: Final = 2


class Command(BaseCommand):
    help = "Say what Altor would have said of closed tickets, beside what the team found. Nothing of them changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--last", type=int, default=BACKTEST, metavar="N", help=f"tickets, at most {MOST}")
        parser.add_argument("--class", dest="incident_class", default="", help="of this incident class only")
        parser.add_argument("--since", metavar="ISO8601", help="closed at this time or later")
        parser.add_argument("--until", metavar="ISO8601", help="closed before this time")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_library()
        try:
            trial = start_backtest(
                incident_class=options["incident_class"],
                since=_time("--since", options["since"]),
                until=_time("--until", options["until"]),
                last=options["last"],
                queue=False,
            )
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=INVALID) from None
        report = report_of(work_through(trial), None)
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_document(report), ensure_ascii=False))
        else:
            self.stdout.write(backtest_text(report))


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{name} {text!r} is not a time such as 2026-05-01T10:02:00Z", returncode=INVALID) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
