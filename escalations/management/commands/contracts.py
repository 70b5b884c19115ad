"""Load the shipped escalation contract, list those in force, check or store a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from altor.errors import DomainError
from escalations.contracts.format import remarks
from escalations.contracts.reading import ContractInvalid, read_contract
from escalations.contracts.stored import load_library, save_contract
from escalations.models import ContractVersion


class Command(BaseCommand):
    help = "Load the shipped escalation contract, list those in force, check or store a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="way", required=True)
        ways.add_parser("load", help="store the shipped contract; one that somebody changed stays as it is")
        ways.add_parser("list", help="one line for each contract in force")
        for name, text in (("check", "say what is wrong with a file"), ("store", "store a file and put it in force")):
            way = ways.add_parser(name, help=text)
            way.add_argument("file")
        shown = ways.add_parser("show", help="the contract in force as a file")
        shown.add_argument("key")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["way"]:
            case "load":
                self.stdout.write(f"{load_library()} new versions")
            case "list":
                for one in ContractVersion.objects.active().select_related("contract").order_by("contract__key"):
                    self.stdout.write(f"{one.contract.key:<32} v{one.number:<4} {one.contract.title}")
            case "show":
                found = ContractVersion.objects.active().filter(contract__key=options["key"]).first()
                if found is None:
                    raise CommandError(f"There is no contract {options['key']!r} in force.")
                self.stdout.write(found.source_yaml, ending="")
            case way:
                self._file(Path(options["file"]), is_stored=way == "store")

    def _file(self, path: Path, *, is_stored: bool) -> None:
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}.", returncode=2) from None
        try:
            form = read_contract(text, path.name)
            for said in remarks(form):
                self.stderr.write(said)
            if is_stored:
                stored = save_contract(text, actor=None, name=path.name, origin="file", comment="command line")
                self.stdout.write(f"{stored} is in force")
            else:
                self.stdout.write(f"{form.key}: {len(form.levels)} severities, {len(form.checklist)} items")
        except ContractInvalid as invalid:
            lines = [
                f"{path.name}:{one['line']}: {one['field']}: {one['message']}" for one in invalid.extra["problems"]
            ]
            raise CommandError("\n".join(lines)) from None
        except DomainError as refused:
            raise CommandError(refused.detail) from None
