"""`manage.py reference`: write the reference pages that are made from the code."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from altor.reference import FOLDER, pages, write


class Command(BaseCommand):
    help = "Write docs/reference pages that are made from the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare; exit code 1 when a page is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            stale = [
                name
                for name, text in pages().items()
                if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
            ]
            if stale:
                raise CommandError(f"Out of date: {', '.join(stale)}. Run `manage.py reference`.")
            return
        for path in write():
            self.stdout.write(path.name)
