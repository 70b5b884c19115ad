"""Inbound events and endpoints from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from altor.errors import DomainError
from altor.models import InboundEvent
from altor.signatures import SOURCES
from investigations.services.endpoints import create_endpoint
from investigations.services.inbound import process_event, replay_event, sweep_inbound


class Command(BaseCommand):
    help = "List and replay inbound events; create an endpoint that events are posted to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="List events, newest first")
        listing.add_argument("--status", choices=InboundEvent.Status.values)
        listing.add_argument("--limit", type=int, default=50)
        replay = actions.add_parser("replay", help="Work events again: by id, or all that are dead")
        replay.add_argument("id", nargs="*", type=int)
        replay.add_argument("--dead", action="store_true")
        replay.add_argument("--now", action="store_true", help="Work them here, without a worker")
        actions.add_parser("sweep", help="Queue again what is due")
        create = actions.add_parser("endpoint", help="Create an endpoint; its secret is printed once")
        create.add_argument("source", choices=SOURCES)
        create.add_argument("connection")
        create.add_argument("--title", default="")
        create.add_argument("--prefix", default="TK")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except DomainError as error:
            raise CommandError(error.detail) from None

    def _list(self, options: dict[str, Any]) -> None:
        events = InboundEvent.objects.select_related("endpoint").defer("body", "headers")
        if options["status"]:
            events = events.filter(status=options["status"])
        for event in events[: max(1, options["limit"])]:
            at = event.received_at.isoformat(timespec="seconds")
            self.stdout.write(
                f"{event.pk}  {at}  {event.endpoint}  {event.kind or '-'}  {event.status} "
                f"({event.attempts} tries)  {event.result_ref or '-'}  {event.reason}"
            )

    def _replay(self, options: dict[str, Any]) -> None:
        events = InboundEvent.objects.filter(pk__in=options["id"])
        if options["dead"]:
            events = InboundEvent.objects.filter(status=InboundEvent.Status.DEAD)
        elif not options["id"]:
            raise CommandError("Name the events, or use --dead.")
        unknown = sorted(set(options["id"]) - set(events.values_list("pk", flat=True))) if not options["dead"] else []
        if unknown:
            raise CommandError(f"There is no event {', '.join(map(str, unknown))}.")
        for event in events.order_by("pk"):
            replay_event(event, actor=None)
            done = process_event(event.pk) if options["now"] else None
            self.stdout.write(
                f"{event.pk}  {done.status if done else 'queued'}  {done.reason if done else ''}".rstrip()
            )

    def _sweep(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{sweep_inbound()} queued again")

    def _endpoint(self, options: dict[str, Any]) -> None:
        endpoint, secret = create_endpoint(
            source=options["source"],
            connection=options["connection"],
            title=options["title"],
            ticket_prefix=options["prefix"],
            actor=None,
        )
        self.stdout.write(f"/api/v1/hooks/{endpoint.source}/{endpoint.connection}/")
        self.stdout.write(f"Secret: {secret}")
