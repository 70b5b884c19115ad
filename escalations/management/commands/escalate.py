"""Escalate a finished investigation from the command line, under its contract like from everywhere else."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from altor.errors import DomainError
from altor.models import User
from escalations.contracts.format import SEVERITIES
from escalations.lifecycle.proposing import propose
from escalations.lifecycle.sending import ContractUnmet, Wish, send
from investigations.models import Investigation


class Command(BaseCommand):
    help = "Escalate a finished investigation, or show with --dry-run what its contract still asks for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", help="INV-812")
        parser.add_argument("--as", dest="user", required=True, help="user name of whoever escalates")
        parser.add_argument("--severity", choices=SEVERITIES, default="", help="default: as the diagnosis proposes")
        parser.add_argument("--why", default="", help="why this severity, where it is not the proposed one")
        parser.add_argument("--note", default="", help="a word to the engineer")
        parser.add_argument(
            "--answer", action="append", default=[], metavar="ITEM=TEXT", help="an item of the checklist"
        )
        parser.add_argument("--override", default="", metavar="REASON", help="send it incomplete, by those who may")
        parser.add_argument("--provisional", action="store_true", help="send at once where the contract lets it")
        parser.add_argument("--join", action="store_true", help="join an open escalation of the same cause")
        parser.add_argument("--dry-run", action="store_true", help="send nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is nobody called {options['user']!r}.", returncode=2)
        run = Investigation.objects.visible_to(user).by_ref(options["run"]).with_context().first()
        if run is None:
            raise CommandError(f"{options['user']} sees no investigation {options['run']!r}.", returncode=2)
        try:
            if options["dry_run"]:
                self._show(run, options["severity"])
                return
            sent, is_new = send(run, self._wish(options), actor=user, now=timezone.now())
        except ContractUnmet as refused:
            lines = [f"  {item['id']}: {item['title']}" for item in refused.extra["missing"]]
            raise CommandError("\n".join([refused.detail, *lines])) from None
        except DomainError as refused:
            raise CommandError(refused.detail) from None
        self.stdout.write(f"{sent.ref} {'sent' if is_new else 'is open already'}: {sent.title}")

    def _show(self, run: Investigation, severity: str) -> None:
        wanted = propose(run, severity=severity)
        self.stdout.write(f"{wanted.severity} under {wanted.version}: {wanted.why}")
        for item in wanted.items:
            self.stdout.write(f"  {item.state:<9} {item.id}: {item.title}")
        self.stdout.write("could be sent" if wanted.is_complete else f"{len(wanted.missing)} missing")

    @staticmethod
    def _wish(options: dict[str, Any]) -> Wish:
        answers = dict(text.split("=", 1) for text in options["answer"] if "=" in text)
        if len(answers) != len(options["answer"]):
            raise CommandError(f"Write answers as ITEM=TEXT: {json.dumps(options['answer'])}", returncode=2)
        return Wish(
            severity=options["severity"], severity_why=options["why"], note=options["note"], answers=answers,
            override_reason=options["override"], is_provisional=options["provisional"], joins=options["join"],
            via="command",
        )  # fmt: skip
