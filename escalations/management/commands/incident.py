"""Incidents on the command line: what is open and suggested, and one with its timeline."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from altor.models import User
from escalations.incidents.customers import customers_of
from escalations.models import Incident, IncidentSuggestion


class Command(BaseCommand):
    help = "List incidents and what is suggested as one, or show one with its timeline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="open incidents, and what is suggested")
        listed.add_argument("--all", action="store_true", help="closed ones too")
        shown = actions.add_parser("show", help="one incident with its timeline")
        shown.add_argument("ref", help="INC-3")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "show":
            self._show(options["ref"])
        else:
            self._list(is_all=options["all"])

    def _list(self, *, is_all: bool) -> None:
        rows = Incident.objects.all() if is_all else Incident.objects.open()
        for one in rows.with_context():
            due = f"next update {_at(one.next_update_at)}" if one.next_update_at is not None else ""
            line = f"{one.ref:<8} {one.severity} {one.status:<10} {one.commander or 'nobody'!s:<20} {one.title} {due}"
            self.stdout.write(line.rstrip())
        for found in IncidentSuggestion.objects.open():
            self.stdout.write(f"suggested  {found.severity or '–'} {found.figures}: {found.title}")
        if not rows.exists() and not IncidentSuggestion.objects.open().exists():
            self.stdout.write("No incident is open, and none is suggested.")

    def _show(self, ref: str) -> None:
        found = Incident.objects.by_ref(ref).with_context().first()
        if found is None:
            raise CommandError(f"There is no incident {ref!r}.", returncode=2)
        self.stdout.write(f"{found.ref} {found.title}")
        self.stdout.write(f"  {found.severity}, {found.get_status_display().lower()}, {found.commander or 'nobody'}")
        if found.next_update_at is not None:
            self.stdout.write(f"  customers hear by {_at(found.next_update_at)}, every {found.update_every_min} min")
        tickets = found.links.filter(unlinked_at=None).values_list("ticket__ref", flat=True)
        self.stdout.write(f"  tickets: {', '.join(tickets) or 'none'}")
        # Whoever may run this on the machine may read all of it.
        customers = customers_of(found, User(role="admin", is_active=True))
        self.stdout.write(f"  customers: {len(customers.wrote)} wrote, {len(customers.silent)} did not,"
                          f" {len(customers.untold)} not told")  # fmt: skip
        for event in found.history.select_related("by"):
            by = f", {event.by}" if event.by is not None else ""
            text = f": {' '.join(event.text.split())[:160]}" if event.text else ""
            self.stdout.write(f"  {_at(event.at)}  {event.get_what_display()}{by}{text}")


def _at(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M UTC}"
