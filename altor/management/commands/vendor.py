"""`manage.py vendor`: browser files of other projects (see `altor.vendored`)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from altor import vendored


class Command(BaseCommand):
    help = "Add, check and build the browser files taken from other projects"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="copy one file of an npm package")
        add.add_argument("spec", help="NAME@VERSION")
        add.add_argument("file", help="path inside the package")
        actions.add_parser("check", help="compare every file with its checksum (no network)")
        icons = actions.add_parser("icons", help="build the icon sprite from vendor/icons.txt")
        icons.add_argument("--version", dest="icons_version", default="3.51.0")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            if action == "add":
                entry = vendored.add(options["spec"], options["file"])
                self.stdout.write(f"{entry['file']} sha256 {entry['sha256']}")
            elif action == "icons":
                entry = vendored.build_icons(options["icons_version"])
                self.stdout.write(f"{entry['file']}: {entry['source']}")
        except vendored.VendorError as failure:
            raise CommandError(str(failure)) from failure
        found = vendored.problems()
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write(f"{len(vendored.manifest())} vendored files agree with the manifest")
