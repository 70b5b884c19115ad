"""`manage.py textmodel train|show|on|off`: the model of the own tickets behind the classification rules."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils import timezone

from altor.errors import DomainError
from investigations.services import textmodel

BAD_INPUT: Final = 2


class Command(BaseCommand):
    help = "Learn what this installation's tickets read like, show how well, or switch it off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="whether it is used, why, and its figures")
        verbs.add_parser("train", help="learn from the tickets whose class is known, and judge on the newest")
        verbs.add_parser("on", help="let it speak when it is better than the rules")
        off = verbs.add_parser("off", help="no longer use it, at once")
        off.add_argument("--reason", default="", help="why, for the audit log and the page")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "train":
                _, is_new = textmodel.train(now=timezone.now())
                if not is_new:
                    self.stdout.write("nothing to learn: no class became known since the last training")
            elif options["verb"] in ("on", "off"):
                textmodel.switch(on=options["verb"] == "on", actor=None, reason=options.get("reason", ""))
        except DomainError as refused:
            self.stderr.write(f"textmodel: {refused.detail}")
            sys.exit(BAD_INPUT)
        self._show()

    def _show(self) -> None:
        now = textmodel.state()
        self.stdout.write(f"{'on' if now.is_on else 'off'}: {now.why}")
        if now.newest is None:
            return
        figures = now.newest.figures
        self.stdout.write(
            f"{now.newest} of {now.newest.made_at:%Y-%m-%d %H:%M} UTC, data {now.newest.data_version[:12]}: "
            f"{figures['learned']} tickets older, {figures['held']} newer; right by rules {figures['by_rules']}, "
            f"with the model {figures['with_model']}"
        )
        for label, one in figures["classes"].items():
            self.stdout.write(
                f"  {label:16} learned {one['learned']:5d}  newer {one['held']:5d}  "
                f"rules {one['by_rules']:5d}  with model {one['with_model']:5d}"
            )
