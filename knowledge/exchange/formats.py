"""Which format a file or a folder is in, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from altor.errors import InvalidInput
from knowledge.exchange.articles import read_json
from knowledge.exchange.csv_table import read_csv
from knowledge.exchange.intercom import is_intercom, read_intercom
from knowledge.exchange.offered import MOST_BYTES, MOST_ENTRIES, Reading
from knowledge.exchange.zendesk import is_zendesk, read_zendesk

MARKDOWN, CSV, ZENDESK, INTERCOM = "markdown", "csv", "zendesk", "intercom"
FORMATS: Final = (MARKDOWN, CSV, ZENDESK, INTERCOM)
_ENDINGS: Final = {MARKDOWN: (".md",), CSV: (".csv", ".tsv"), ZENDESK: (".json",), INTERCOM: (".json",)}
_JSON: Final[dict[str, tuple[Callable[[Mapping[str, Any]], bool], Callable[..., Reading]]]] = {
    ZENDESK: (is_zendesk, read_zendesk),
    INTERCOM: (is_intercom, read_intercom),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Files of one format; `is_guess` when nobody said which. `others`: files in the folder that are not of it."""

    format: str
    root: Path
    paths: list[Path]
    others: int
    is_guess: bool

    def name(self, path: Path) -> str:
        return path.name if path == self.root else str(path.relative_to(self.root))


def look(path: Path, wanted: str = "") -> Found:
    """The files to read. InvalidInput where there is none, OSError where they cannot be read."""
    every = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    # Of a folder with Markdown in it, that is what is read, as always.
    format_ = wanted or next((one for one in (MARKDOWN, CSV) if _of(every, one)), "") or _json_format(every)
    # A single file is what the person says it is, however it is called.
    paths = every if wanted and path.is_file() else _of(every, format_)
    if not paths:
        if format_ == MARKDOWN:
            raise InvalidInput(f"{path} holds no Markdown file")
        raise InvalidInput(f"{path} holds no file of the format {wanted or 'markdown, csv, zendesk or intercom'}")
    return Found(format_, path, paths, len(every) - len(paths), is_guess=not wanted)


def _of(paths: Iterable[Path], format_: str) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in _ENDINGS.get(format_, ())]


def _json_format(paths: Iterable[Path]) -> str:
    """By the first file that is of one: pages of sections may stand before it."""
    for path in _of(paths, ZENDESK):
        try:
            document = _object(path)
        except InvalidInput:
            continue
        for format_, (fits, _) in _JSON.items():
            if fits(document):
                return format_
    return ""


def _bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InvalidInput(f"it has {size} bytes, at most {MOST_BYTES} are read: divide it.")
    return path.read_bytes()


def _object(path: Path) -> Mapping[str, Any]:
    return read_json(_bytes(path))


def read(found: Found, *, source: str = "", with_archived: bool = False) -> Reading:
    """What the files of any format but Markdown offer. A file that cannot be read is reported beside the others'.

    InvalidInput for more entries than one import takes.
    """
    if found.format == CSV:
        reading = _tables(found, source or CSV)
    else:
        documents, reading = {}, Reading()
        for path in found.paths:
            try:
                documents[found.name(path)] = _object(path)
            except InvalidInput as refused:
                reading.problems.append((found.name(path), refused.detail))
        more = _JSON[found.format][1](documents, source=source or found.format, with_archived=with_archived)
        reading = Reading(more.offered, reading.problems + more.problems, more.skipped)
    if len(reading.offered) > MOST_ENTRIES:
        raise InvalidInput(f"{len(reading.offered)} entries at once are too many, at most {MOST_ENTRIES}")
    return reading


def _tables(found: Found, source: str) -> Reading:
    every = Reading()
    for path in found.paths:
        try:
            reading = read_csv(found.name(path), _bytes(path), source=source)
        except InvalidInput as refused:
            every.problems.append((found.name(path), refused.detail))
            continue
        every.offered += reading.offered
        every.problems += reading.problems
    return every
