"""The knowledge base from the command line. `evaluate` is a stable contract: see docs/reference/commands.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from altor.errors import InvalidInput
from knowledge.exchange.csv_table import write_csv
from knowledge.exchange.folders import Report, export_folder, import_folder
from knowledge.exchange.formats import CSV, FORMATS, MARKDOWN, look, read
from knowledge.exchange.taking import take_all
from knowledge.models import Entry
from knowledge.quality.measuring import measure_own
from knowledge.search.embedding.building import NoWeights
from knowledge.search.embedding.model import embedder, ensure
from knowledge.search.evaluation import DEPTH, Result, evaluate, read_collection
from knowledge.search.upkeep import work_left, work_off

BAD_INPUT = 2


class Command(BaseCommand):
    requires_system_checks = []  # the model is built before there is anything to check
    help = "Build the search's model, index entries again, measure how well the search finds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="way", required=True)
        ways.add_parser("model", help="build the model of the search where it is missing, and say its name")
        reindex = ways.add_parser("reindex", help="bring the search in step with entries, rules and model; resumable")
        reindex.add_argument("--all", action="store_true", help="also what is in step already")
        out = ways.add_parser("export", help="write every entry as a Markdown file with front matter, or as a table")
        out.add_argument("path", type=Path, metavar="DIR|FILE", help="made when it is missing; other files in it stay")
        out.add_argument("--format", choices=(MARKDOWN, CSV), default=MARKDOWN)
        into = ways.add_parser(
            "import", help="make entries of Markdown files, a CSV file, Zendesk's or Intercom's articles"
        )
        into.add_argument("path", type=Path, metavar="DIR|FILE")
        into.add_argument("--format", choices=FORMATS, default="", help="told from the files when it is not given")
        into.add_argument("--dry-run", action="store_true", help="say what would happen, and keep nothing")
        into.add_argument(
            "--archived", action="store_true", help="also what is archived or outdated there, as archived"
        )
        into.add_argument(
            "--source", default="", metavar="NAME", help="where ids are from, to tell two helpdesks apart"
        )
        measure = ways.add_parser("evaluate", help="measure the search with a collection whose answers are known")
        which = measure.add_mutually_exclusive_group(required=True)
        which.add_argument("--set", type=Path, metavar="DIR", help="corpus.jsonl.gz, queries.jsonl")
        which.add_argument("--own", action="store_true", help="this installation's tickets on which an entry helped")
        measure.add_argument("--run", type=Path, metavar="OUT.tsv", help="write query, entry, rank, score")
        measure.add_argument("--limit", type=int, default=DEPTH, metavar="N", help="results a query (default 10)")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['way']}")(options)

    def _model(self, options: dict[str, Any]) -> None:
        try:
            self.stdout.write(ensure())
        except (NoWeights, OSError) as error:
            self.stderr.write(f"knowledge model: {error}. The search goes by words alone.")
            sys.exit(1)

    def _reindex(self, options: dict[str, Any]) -> None:
        before = work_left(everything=options["all"])
        done = 0
        for done in work_off(everything=options["all"]):
            self._progress("entries", done, max(before, done))
        self.stdout.write(f"{done} entries indexed")

    def _export(self, options: dict[str, Any]) -> None:
        entries, path = Entry.objects.filter(space=""), options["path"]
        try:
            if options["format"] == CSV:
                # The mark at its beginning is how spreadsheets know UTF-8.
                path.write_text(write_csv(entries), encoding="utf-8-sig", newline="")
                self.stdout.write(f"{entries.count()} entries")
                return
            files = export_folder(entries)
            path.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (path / name).write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            self._refuse(f"{path} cannot be written: {error}", "export")
        self.stdout.write(f"{len(files)} entries")

    def _import(self, options: dict[str, Any]) -> None:
        try:
            found = look(options["path"], options["format"])
            if found.format == MARKDOWN:
                files = {found.name(path): path.read_bytes().decode("utf-8") for path in found.paths}
                report = import_folder(files, actor=None, dry_run=options["dry_run"])
            else:
                reading = read(found, source=options["source"], with_archived=options["archived"])
                report = take_all(reading, dry_run=options["dry_run"], progress=self._progress)
        except InvalidInput as error:
            self._refuse(error.detail, "import")
        except (OSError, UnicodeDecodeError) as error:
            self._refuse(f"{options['path']} cannot be read: {error}", "import")
        if found.format != MARKDOWN:
            others = f", {found.others} other files left" if found.others else ""
            self.stdout.write(f"format\t{found.format}{' (found out)' if found.is_guess else ''}{others}")
        self._tell(report)
        if report.problems:
            sys.exit(1)

    def _tell(self, report: Report) -> None:
        for name in ("created", "updated", "unchanged"):
            self.stdout.write(f"{name}\t{len(getattr(report, name))}")
        for name, rows in (("left alone", report.left_alone), ("skipped", report.skipped)):
            if rows:
                self.stdout.write(f"{name}\t{len(rows)}")
        for name, said in (*report.skipped, *report.left_alone, *report.remarks, *report.problems):
            self.stderr.write(_one_line(f"{name}: {said}"))
        if report.problems:
            self.stderr.write(f"{len(report.problems)} not understood")

    def _evaluate(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1 or options["limit"] > 1000:
            self._refuse("--limit is from 1 to 1000")
        try:
            result = (
                measure_own()
                if options["own"]
                else evaluate(read_collection(options["set"]), limit=options["limit"], progress=self._progress)
            )
            if options["run"]:
                options["run"].write_text(_as_tsv(result), encoding="utf-8")
        except InvalidInput as error:
            self._refuse(error.detail)
        except OSError as error:
            self._refuse(f"{options['run']} cannot be written: {error}")
        for name, value in result.figures.items():
            self.stdout.write(f"{name}\t{value:.4f}")
        self.stdout.write(f"p50\t{result.at(0.5):.1f} ms")
        self.stdout.write(f"p95\t{result.at(0.95):.1f} ms")
        if embedder() is None:
            self.stderr.write("Without the model: by words alone.")

    def _refuse(self, why: str, way: str = "evaluate") -> NoReturn:
        self.stderr.write(f"knowledge {way}: {why}")
        sys.exit(BAD_INPUT)

    def _progress(self, what: str, done: int, of: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{what}: {done} of {of}", ending="\n" if done >= of else "")


def _one_line(text: str) -> str:
    """What comes from foreign files must not move the cursor of a terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def _as_tsv(result: Result) -> str:
    return "".join(
        f"{query}\t{entry}\t{rank}\t{score:.6f}\n"
        for query, found in result.run.items()
        for rank, (entry, score) in enumerate(found, 1)
    )
