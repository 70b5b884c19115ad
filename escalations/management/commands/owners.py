"""Check that every open ticket has an owner, or lies in a queue that somebody answers for."""

from __future__ import annotations

from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from escalations.handoffs import checking
from escalations.ownership.queues import violations


class Command(BaseCommand):
    help = "Check that every open ticket has an owner, or lies in a queue that somebody answers for. Exit 1 otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        count, now = 0, timezone.now()
        for found in chain(violations(now), checking.violations(now)):
            count += 1
            self.stdout.write(f"{found.ticket:<16} {found.team:<16} {found.why}")
        if count:
            self.stderr.write(f"{count} open ticket{'s are' if count > 1 else ' is'} nobody's.")
            raise SystemExit(1)
        self.stdout.write("Every open ticket has an owner or a queue that somebody answers for.")
