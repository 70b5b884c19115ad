"""`manage.py playbooks list|check|load|export|diff|dry-run|schema`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from altor.errors import DomainError
from investigations.models import PlaybookVersion
from investigations.playbooks.diff import changes, text_diff
from investigations.playbooks.loader import (
    LIBRARY,
    PlaybookInvalid,
    failed_tests,
    library_files,
    parse_playbook,
    read_file,
    write_file,
)
from investigations.playbooks.schema import schema_text
from investigations.services.playbooks import active_playbook, ensure_library, store_version
from investigations.services.trial_report import as_document, report_of
from investigations.services.trial_texts import dry_run_text
from investigations.services.trial_work import work_through
from investigations.services.trials import MOST, USUAL, start_dry_run

INVALID: Final = 2


class Command(BaseCommand):
    help = "Check playbook files, load them as versions, export and compare them, print the format's schema."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="the versions in force")
        check = actions.add_parser(
            "check", help="validate files and run their own tests; exit code 2 when one is wrong"
        )
        check.add_argument("files", nargs="*", type=Path, help="default: the shipped library")
        load = actions.add_parser(
            "load", help="store files as new versions and put them in force, unless their own tests fail"
        )
        load.add_argument("files", nargs="*", type=Path, help="default: the shipped library")
        load.add_argument("--keep", action="store_true", help="store without putting in force")
        load.add_argument(
            "--approved",
            action="store_true",
            help="put in force without a second person, where the profile asks for one",
        )
        load.add_argument("--comment", default="")
        export = actions.add_parser("export", help="write versions back as the files they were")
        export.add_argument("key", nargs="?", help="KEY or KEY@VERSION; default: all in force")
        export.add_argument("--to", type=Path, help="a folder; default: standard output")
        diff = actions.add_parser("diff", help="compare two versions, or a version with a file")
        diff.add_argument("before", help="KEY@VERSION or KEY (the one in force)")
        diff.add_argument("after", help="KEY@VERSION, KEY or a file")
        diff.add_argument("--text", action="store_true", help="unified diff of the files")
        dry_run = actions.add_parser(
            "dry-run", help="what a playbook would say of past tickets; nothing of them changes"
        )
        dry_run.add_argument("playbook", help="a file, KEY@VERSION or KEY (the one in force)")
        dry_run.add_argument("--last", type=int, default=USUAL, metavar="N", help=f"tickets, at most {MOST}")
        dry_run.add_argument("--no-ask", action="store_true", help="ask no source, whatever a step asks now")
        dry_run.add_argument("--format", choices=("text", "json"), default="text")
        actions.add_parser("schema", help="JSON Schema of the format, for editors")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["action"] in ("list", "export", "diff", "dry-run"):
                ensure_library()
            getattr(self, f"_{options['action'].replace('-', '_')}")(options)
        except DomainError as error:
            raise CommandError(error.detail, returncode=INVALID) from None

    def _list(self, options: dict[str, Any]) -> None:
        rows = PlaybookVersion.objects.active().order_by("key")
        if not rows:
            self.stdout.write("No playbooks are loaded: `manage.py playbooks load` takes the shipped library.")
        for row in rows:
            self.stdout.write(f"{row.key:<16} v{row.version:<4} {row.incident_class:<12} {row.origin:<8} {row.title}")

    def _check(self, options: dict[str, Any]) -> None:
        bad = 0
        for file in options["files"] or library_files():
            name, text = file.name if file.parent == LIBRARY else str(file), _read(file)
            try:
                playbook = parse_playbook(text, name=name)
                problems = failed_tests(playbook, text, name=name)
            except PlaybookInvalid as error:
                problems = error.problems
            for problem in problems:
                self.stderr.write(str(problem))
            bad += bool(problems)
            if not problems:
                size = (
                    f"{len(playbook.steps)} steps, {len(playbook.hypotheses)} hypotheses, {len(playbook.tests)} tests"
                )
                self.stdout.write(f"{name}: valid, {size}")
        if bad:
            sys.exit(INVALID)

    def _load(self, options: dict[str, Any]) -> None:
        stored = []
        with transaction.atomic():  # all files or none
            for file in options["files"] or library_files():
                try:
                    is_shipped = file.parent == LIBRARY
                    stored.append(
                        store_version(
                            _read(file),
                            name=str(file),
                            origin="library" if is_shipped else "file",
                            comment=options["comment"],
                            activate=not options["keep"],
                            past_approval=is_shipped or options["approved"],
                        )
                    )
                except PlaybookInvalid as error:
                    for problem in error.problems:
                        self.stderr.write(str(problem))
                    hint = "" if options["keep"] else " With --keep a version is stored although its own tests fail."
                    raise CommandError(f"{file} is not valid; nothing was stored.{hint}", returncode=INVALID) from None
        for version in stored:
            waits = not options["keep"] and not version.is_active
            told = "is stored and waits for approval, see its page" if waits else "is stored"
            self.stdout.write(f"{version} {'is in force' if version.is_active else told}")

    def _export(self, options: dict[str, Any]) -> None:
        rows = [_version(options["key"])] if options["key"] else list(PlaybookVersion.objects.active().order_by("key"))
        for row in rows:
            if options["to"] is None:
                self.stdout.write(row.source_yaml, ending="")
            else:
                options["to"].mkdir(parents=True, exist_ok=True)
                write_file(options["to"] / f"{row.key}.yaml", row.source_yaml)
                self.stdout.write(f"{options['to'] / row.key}.yaml: {row}")

    def _diff(self, options: dict[str, Any]) -> None:
        before, after = _side(options["before"]), _side(options["after"])
        if options["text"]:
            self.stdout.write(text_diff(before[1], after[1], names=(before[0], after[0])), ending="")
            return
        for change in changes(before[2], after[2]):
            place = f"{change.what} {change.name}" + (f" {change.field}" if change.field else "")
            self.stdout.write(
                f"{change.kind:<8} {place}"
                if change.kind != "changed"
                else f"changed  {place}: {_short(change.before)} -> {_short(change.after)}"
            )

    def _dry_run(self, options: dict[str, Any]) -> None:
        name = options["playbook"]
        is_file = Path(name).suffix in (".yaml", ".yml")
        given: dict[str, Any] = {"text": _read(Path(name)), "name": name} if is_file else {"version": _version(name)}
        try:
            trial = start_dry_run(**given, last=options["last"], asks=not options["no_ask"], queue=False)
        except PlaybookInvalid as error:
            raise CommandError(str(error), returncode=INVALID) from None
        report = report_of(work_through(trial), None)
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_document(report), ensure_ascii=False))
        else:
            self.stdout.write(dry_run_text(report))

    def _schema(self, options: dict[str, Any]) -> None:
        self.stdout.write(schema_text(), ending="")


def _read(file: Path) -> str:
    try:
        return read_file(file)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", returncode=INVALID) from None


def _version(name: str) -> PlaybookVersion:
    key, _, number = name.partition("@")
    if not number:
        return active_playbook(key)
    found = PlaybookVersion.objects.filter(key=key, version=int(number) if number.isdecimal() else 0).first()
    if found is None:
        raise CommandError(f"There is no version {name}", returncode=INVALID)
    return found


def _side(name: str) -> tuple[str, str, dict[str, Any]]:
    """(label, text, document) of a version or a file."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        text = _read(path)
        try:
            return name, text, parse_playbook(text, name=name).model_dump(by_alias=True, mode="json")
        except PlaybookInvalid as error:
            raise CommandError(str(error), returncode=INVALID) from None
    row = _version(name)
    return str(row), row.source_yaml, row.document


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"
