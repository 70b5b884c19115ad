"""The metrics from the command line. `verify` is a stable contract: see docs/reference/commands.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from investigations.models import Ticket
from metrics.models import Cycle
from metrics.phases.keeping import BATCH, compute, refresh, verify

DIFFERS: Final = 1
#: Differences that are written out.
SHOWN: Final = 50


class Command(BaseCommand):
    help = "Compute the metrics from the phase events, or check that what is kept is what the events give."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="way", required=True)
        again = ways.add_parser("refresh", help="read the events that were told since the last time")
        again.add_argument("--all", action="store_true", help="compute every ticket anew")
        ways.add_parser("verify", help="compute everything anew and compare; exits 1 with the differences")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['way']}")(options)

    def _refresh(self, options: dict[str, Any]) -> None:
        from django.utils import timezone

        if not options["all"]:
            print(f"{refresh(most=10_000)} tickets computed")
            return
        now = timezone.now()
        refs = list(Ticket.objects.order_by("pk").values_list("ref", flat=True))
        done = sum(compute(refs[place : place + BATCH], now) for place in range(0, len(refs), BATCH))
        refresh(now, most=10_000)
        print(f"{done} tickets computed")

    def _verify(self, options: dict[str, Any]) -> None:
        differing = 0
        for ref, number, found in verify():
            differing += 1
            if differing <= SHOWN:
                told = ", ".join(f"{name} is {kept}, the events give {given}" for name, (kept, given) in found.items())
                print(f"{ref} cycle {number}: {told}")
        if differing > SHOWN:
            print(f"… and {differing - SHOWN} more")
        print(f"{Cycle.objects.count()} cycles compared, {differing} differ")
        if differing:
            sys.exit(DIFFERS)
