"""`manage.py helpdeskapp zendesk|freshdesk`: the sidebar app of a connection, as a folder to upload."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from altor.errors import DomainError
from altor.models import InboundEndpoint
from investigations.helpdesks import packages
from investigations.helpdesks.freshdesk import app as freshdesk
from investigations.helpdesks.zendesk import app as zendesk


class Command(BaseCommand):
    help = "Write the sidebar app of a connection into a folder, to be uploaded to the helpdesk."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="helpdesk", required=True)
        for name, text in (
            ("zendesk", "app for Zendesk Support"),
            ("freshdesk", "app for Freshdesk, to be packed by its FDK"),
        ):
            kind = kinds.add_parser(name, help=text)
            kind.add_argument("--connection", required=True, help="name of the connection")
            kind.add_argument("--out", required=True, type=Path, help="a new or empty folder")
            kind.add_argument("--url", default="", help="Altor's address, where it is not ALTOR_BASE_URL")
            if name == "zendesk":
                kind.add_argument("--email", default="", help="the author that Zendesk asks for")
                kind.add_argument(
                    "--framed",
                    action="store_true",
                    help="frame Altor in a packaged page; Zendesk does not sign the start of such a page",
                )

    def handle(self, *args: Any, **options: Any) -> None:
        helpdesk, connection = options["helpdesk"], options["connection"]
        if not InboundEndpoint.objects.filter(source=helpdesk, connection=connection).exists():
            raise CommandError(f"There is no connection {helpdesk}/{connection}.")
        try:
            address = packages.page_address(options["url"] or settings.BASE_URL, helpdesk, connection)
            if helpdesk == "zendesk":
                email = options["email"] or f"altor@{urlsplit(address).hostname}"
                files = zendesk.files(address, email=email, signed=not options["framed"])
            else:
                files = freshdesk.files(address)
            written = packages.write(files, options["out"])
        except DomainError as error:
            raise CommandError(error.detail) from None
        for path in written:
            self.stdout.write(str(path))
        self.stdout.write(f"It opens {address}")
