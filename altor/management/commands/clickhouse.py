"""`manage.py clickhouse start|status|load|query`: the embedded ClickHouse engine."""

from __future__ import annotations

import gzip
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from altor.embedded.clickhouse import ClickHouseUnavailable, EmbeddedClickHouse, statement
from altor.embedded.otel_schema import STATEMENTS, TABLES
from altor.settings import environment

BATCH_BYTES = 16_000_000
_FORMATS = {
    ".tsv": "TSVWithNames",
    ".csv": "CSVWithNames",
    ".json": "JSONEachRow",
    ".jsonl": "JSONEachRow",
    ".ndjson": "JSONEachRow",
}


class Command(BaseCommand):
    help = "Run the embedded ClickHouse engine, look at it, load telemetry into it, query it."
    requires_system_checks = []  # works while the rest of the installation does not

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        start = actions.add_parser("start", help="run the engine in the foreground until Ctrl-C")
        start.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
        actions.add_parser("status", help="say whether it runs, and where")
        load = actions.add_parser("load", help="load a file of spans or logs")
        load.add_argument("file", type=Path, help=".tsv, .csv or .jsonl, also .gz, with column names")
        load.add_argument("--table", choices=sorted(TABLES), help="default: from the file's name")
        query = actions.add_parser("query", help="run one statement and print the answer")
        query.add_argument("sql", help="a SELECT; the account can only read")
        query.add_argument("--output", default="PrettyCompactMonoBlock", help="ClickHouse's name of an output format")

    def handle(self, *args: Any, **options: Any) -> None:
        if environment.text("ALTOR_CLICKHOUSE_URL"):
            raise CommandError("ALTOR_CLICKHOUSE_URL is set: the embedded engine is not used.")
        engine = EmbeddedClickHouse(settings.HOME / "clickhouse")
        try:
            getattr(self, f"_{options['action']}")(engine, options)
        except ClickHouseUnavailable as error:
            raise CommandError(str(error)) from None

    def _start(self, engine: EmbeddedClickHouse, options: dict[str, Any]) -> None:
        running = engine.address()
        if running:
            raise CommandError("The engine runs already.")
        engine.start(port=options["port"])
        create_tables(engine)
        self.stdout.write(f"ClickHouse serves {engine.home} on loopback; Ctrl-C ends it.")
        process = engine.process
        assert process is not None  # noqa: S101  # just started
        try:
            process.wait()
        except KeyboardInterrupt:
            engine.stop()

    def _status(self, engine: EmbeddedClickHouse, options: dict[str, Any]) -> None:
        address = engine.address()
        if address is None:
            self.stdout.write("not running")
            return
        version = statement(address, "SELECT version()").strip()
        rows = statement(
            address,
            "SELECT table, sum(rows) FROM system.parts WHERE active AND database = 'otel' GROUP BY 1 ORDER BY 1",
        )
        self.stdout.write(f"running, engine {version}, {engine.home}")
        for line in rows.splitlines():
            table, count = line.split("\t")
            self.stdout.write(f"  {table}: {int(count):,} rows")

    def _load(self, engine: EmbeddedClickHouse, options: dict[str, Any]) -> None:
        file: Path = options["file"]
        suffixes = [suffix for suffix in file.suffixes if suffix != ".gz"]
        form = _FORMATS.get(suffixes[-1] if suffixes else "")
        table = options["table"] or next((name for name in TABLES if name in file.name), None)
        if not file.is_file():
            raise CommandError(f"There is no file {file}")
        if form is None or table is None:
            raise CommandError("Name the table (--table) and use .tsv, .csv or .jsonl, optionally .gz")
        address = engine.start()
        count = f"SELECT count() FROM {table}"  # noqa: S608  # one of TABLES
        try:
            create_tables(engine)
            before = int(statement(address, count))
            try:
                for batch in _batches(file, has_header=form.endswith("WithNames")):
                    statement(address, f"INSERT INTO {table} FORMAT {form}", batch)
            finally:
                after = int(statement(address, count))
                self.stdout.write(f"{after - before:,} rows into {table}")
        except (OSError, EOFError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        finally:
            engine.stop()

    def _query(self, engine: EmbeddedClickHouse, options: dict[str, Any]) -> None:
        address = engine.start()
        try:
            reader = engine.reader_address() or address
            form = options["output"]
            self.stdout.write(statement(reader, options["sql"], form=form).rstrip("\n"))
        finally:
            engine.stop()


def _batches(file: Path, *, has_header: bool) -> Iterator[bytes]:
    """The file's lines in pieces of some megabytes, each with the header in front."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        header = lines.readline() if has_header else b""
        while batch := lines.readlines(BATCH_BYTES):
            yield header + b"".join(batch)


def create_tables(engine: EmbeddedClickHouse) -> None:
    """The exporter's tables in database otel, where they do not exist yet."""
    address = engine.start()
    for ddl in STATEMENTS:
        statement(address, ddl)
