"""`manage.py config export|diff|apply FOLDER`: the installation's configuration as files under version control."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from altor.configuration import apply_folder, difference, write_folder
from altor.errors import DomainError

DRIFT: Final = 2


class Command(BaseCommand):
    help = (
        "Keep profile, connections, playbooks, teams and endpoints as a folder of files; secrets stay in the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, text in (
            ("export", "write the folder"),
            ("diff", "compare; exit code 2 when installation and folder differ"),
            ("apply", "make the installation as the folder says, all or nothing"),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("folder", type=Path)
            if name == "apply":
                action.add_argument("--prune", action="store_true", help="also remove what the folder does not hold")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            if options["action"] == "export":
                for file in write_folder(folder):
                    self.stdout.write(file)
            elif options["action"] == "diff":
                text = difference(folder)
                self.stdout.write(text, ending="")
                if text:
                    sys.exit(DRIFT)
            else:
                changed = apply_folder(folder, prune=options["prune"])
                self.stdout.write(
                    f"applied: {', '.join(changed)}" if changed else "nothing to do: it is as the folder says"
                )
                if left := difference(folder):
                    self.stdout.write("What the folder does not hold was kept (--prune removes it):")
                    self.stdout.write(left, ending="")
        except DomainError as error:
            raise CommandError(f"{error.detail} Nothing was changed.", returncode=DRIFT) from None
