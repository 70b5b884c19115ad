"""`manage.py packet INV-7`: the packet of an investigation, for a terminal, a file or a program."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from escalations.packets.markdown import LIMIT, markdown
from escalations.packets.plain import as_text
from escalations.packets.preview import preview
from escalations.packets.schema import schema_text
from investigations.models import Investigation


class Command(BaseCommand):
    help = "Print the packet of an investigation, as engineering would read it, or the format's JSON Schema."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("investigation", metavar="INV-7", nargs="?")
        parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
        parser.add_argument("--limit", type=int, default=LIMIT, help="characters of the Markdown")
        parser.add_argument("--schema", action="store_true", help="print the JSON Schema instead")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["schema"]:
            self.stdout.write(schema_text(), ending="")
            return
        if not options["investigation"]:
            raise CommandError("Which investigation? Give INV-7, or --schema.", returncode=2)
        run = Investigation.objects.by_ref(options["investigation"].upper()).with_context().first()
        if run is None:
            raise CommandError(f"There is no investigation {options['investigation']}.", returncode=2)
        packet = preview(run, user=None, now=timezone.now()).as_dict()
        match options["format"]:
            case "json":
                self.stdout.write(json.dumps(packet, ensure_ascii=False))
            case "markdown":
                self.stdout.write(markdown(packet, limit=options["limit"]))
            case _:
                self.stdout.write(as_text(packet))
