"""`manage.py profile show|propose|import|export`: what this installation calls things."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from altor.errors import DomainError
from investigations.services.connections import active_connections
from investigations.services.profiles import (
    as_yaml,
    current_profile,
    export_profile,
    import_profile,
    parse_profile,
    save_profile,
)
from investigations.services.proposals import ProfileProposal, proposal_for

_SIGNS = {"high": "=", "medium": "?", "none": "-"}


class Command(BaseCommand):
    help = "Show, propose, import and export the installation profile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        show = actions.add_parser("show", help="print the profile in force")
        show.add_argument("--format", choices=("yaml", "json"), default="yaml")
        propose = actions.add_parser("propose", help="look at the telemetry and suggest the names used in it")
        propose.add_argument("--accept", action="store_true", help="save the suggestions as a new version")
        propose.add_argument("--format", choices=("text", "json"), default="text")
        load = actions.add_parser("import", help="take over a profile (JSON or YAML), its customers included")
        load.add_argument("file", help="path, or - for standard input")
        export = actions.add_parser("export", help="print the profile with the customer directory")
        export.add_argument("--format", choices=("yaml", "json"), default="json")
        export.add_argument("--without-customers", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except DomainError as error:
            raise CommandError(error.detail, returncode=2) from None

    def _show(self, options: dict[str, Any]) -> None:
        self._print(export_profile(customers=False), options["format"])

    def _export(self, options: dict[str, Any]) -> None:
        self._print(export_profile(customers=not options["without_customers"]), options["format"])

    def _import(self, options: dict[str, Any]) -> None:
        name = options["file"]
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name} cannot be read: {error}", returncode=2) from None
        for key in import_profile(parse_profile(text)):
            self.stderr.write(f"not known here and left out: {key}")
        self.stdout.write("imported")

    def _propose(self, options: dict[str, Any]) -> None:
        connection = active_connections().get("clickhouse")
        if connection is None:
            raise CommandError("No ClickHouse is connected: there is no telemetry to look at.", returncode=2)
        profile = current_profile()
        proposal = proposal_for(connection, profile)
        if options["format"] == "json":
            self.stdout.write(json.dumps(proposal.as_dict(), indent=2, ensure_ascii=False))
        else:
            self._tell(proposal)
        if options["accept"]:
            save_profile(proposal.applied_to(profile), comment="Proposed from the telemetry")
            self.stderr.write("saved as a new version")

    def _tell(self, proposal: ProfileProposal) -> None:
        self.stdout.write(
            f"{proposal.spans:,} requests and {proposal.logs:,} log lines from {proposal.window_start:%Y-%m-%d %H:%M} "
            f"to {proposal.window_end:%Y-%m-%d %H:%M} UTC\n"
        )
        for each in proposal.suggestions:
            change = f"  (now {each.current or 'not recorded'})" if each.is_changed else ""
            self.stdout.write(f"{_SIGNS[each.confidence]} {each.title}: {each.value or 'not recorded'}{change}")
            self.stdout.write(f"    {each.reason}")
            for other in each.alternatives:
                self.stdout.write(f"    or {other.name}: {other.reason}")
        for warning in proposal.warnings:
            self.stdout.write(f"! {warning}")

    def _print(self, data: dict[str, Any], form: str) -> None:
        text = as_yaml(data) if form == "yaml" else json.dumps(data, indent=2, ensure_ascii=False)
        self.stdout.write(text.rstrip("\n"))
