"""Entries as a table: a row each, a column for each field. Read leniently, written so that no spreadsheet computes."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from altor.configuration import parse
from altor.errors import InvalidInput
from altor.spreadsheet import guarded, unguarded
from altor.templatetags.altor_ui import CLASS_NAMES
from knowledge.exchange.articles import language_of
from knowledge.exchange.offered import MOST_BYTES, Offered, Reading, uid_of
from knowledge.models.entries import CONTENT, PREFIX, EntryQuerySet

_LISTS: Final = ("components", "versions", "tiers")
#: Columns beside the fields of the content.
_UID, _ID, _REF, _REVISION, _URL = "uid", "id", "ref", "revision", "url"
#: What other people call them. Compared without case, `_` and `-`.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "title": ("name", "subject", "headline", "summary", "titel"),
    "language": ("locale", "lang", "sprache"),
    "incident_class": ("class", "klasse"),
    "label": ("root cause label", "cause label"),
    "symptoms": ("symptom", "problem", "issue", "symptome"),
    "root_cause": ("cause", "reason", "ursache"),
    "detection": ("detection query",),
    "remediation": ("resolution", "solution", "fix", "workaround", "lösung", "body", "content", "answer"),
    "escalation_criteria": ("escalation", "when to escalate", "eskalation"),
    "customer_wording": ("customer text", "customer message", "what to tell customers", "kundentext"),
    "components": ("component", "affected components", "tags", "komponenten"),
    "versions": ("version", "affected versions", "versionen"),
    "tiers": ("tier", "customer tiers", "plans"),
    _UID: ("uuid",),
    _ID: ("external id", "externalid", "key", "article id"),
    _REF: ("reference",),
    _REVISION: (),
    _URL: ("link", "address", "html url", "source url"),
}
#: What an export writes, and what is taken as it stands.
_AS_STORED: Final = {"incident_class": re.compile(r"[a-z][a-z0-9_]*"), "language": re.compile(r"[a-z]{2}(-[A-Z]{2})?")}
#: As the pages call them.
_CLASSES: Final = {name.casefold(): key for key, name in CLASS_NAMES.items()}
_COLUMNS: Final = {name.replace("_", " "): field for field, names in _NAMES.items() for name in (field, *names)} | {
    CONTENT[field].casefold(): field for field in CONTENT
}


def write_csv(entries: EntryQuerySet) -> str:
    """Words and nothing of the state; `revision` tells the next import which words were seen."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([_UID, _REF, _REVISION, *CONTENT])
    for entry in entries.order_by("number"):
        cells = [_written(name, value) for name, value in entry.content.items()]
        rows.writerow([str(entry.uid), entry.ref, entry.revision, *map(guarded, cells)])
    return out.getvalue()


def _written(name: str, value: Any) -> str:
    if name == "detection":
        return json.dumps(value, ensure_ascii=False) if value else ""
    if name in _LISTS:
        # One with a semicolon in it is told by a line break, which then alone divides.
        return "".join(f"{item}\n" for item in value) if any(";" in item for item in value) else "; ".join(value)
    return str(value)


def read_csv(file: str, data: bytes, *, source: str = "csv") -> Reading:
    """Every row an entry. InvalidInput for a file that is no table."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is not UTF-8 (byte {error.start}): save it as “CSV UTF-8”.") from None
    reading, rows = Reading(), _rows(text)
    _, head = next(rows, (0, []))
    columns = _columns(file, head, reading)
    if "title" not in columns.values():
        raise InvalidInput("it has no column for the title. The first row names the columns.")
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        name = f"{file} line {line}"
        try:
            reading.offered.append(_offered(name, row, len(head), columns, source))
        except InvalidInput as refused:
            reading.problems.append((name, refused.detail))
    return reading


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The line on which a row begins, and its cells. InvalidInput for quotes that do not match."""
    delimiter = _delimiter(text)
    before = csv.field_size_limit(MOST_BYTES)
    try:
        found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line = 1
        try:
            for row in found:
                yield line, row
                line = found.line_num + 1
        except csv.Error as error:
            raise InvalidInput(f"line {line}: the quotes do not match ({error}).") from None
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str) -> str:
    """The one with which the first row names the most columns that are known."""
    first = text[:20_000]
    known = {}
    for delimiter in (",", ";", "\t"):
        head: list[str] = next(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter), [])
        known[delimiter] = (sum(1 for name in head if _field(name)), len(head))
    return max(known, key=lambda one: known[one])


def _field(name: str) -> str:
    return _COLUMNS.get(" ".join(re.sub(r"[_\-]", " ", name).casefold().split()), "")


def _columns(file: str, head: list[str], reading: Reading) -> dict[int, str]:
    """Position -> field. Columns that are not known, and second ones of a field, are reported."""
    columns: dict[int, str] = {}
    for at, name in enumerate(head):
        field = _field(name)
        if field and field in columns.values():
            other = head[next(position for position, one in columns.items() if one == field)]
            reading.problems.append(
                (file, f"the columns {other!r} and {name!r} are both {field}: the second is not read.")
            )
        elif field:
            columns[at] = field
        else:
            reading.problems.append((file, f"the column {name[:60]!r} is not known and not read."))
    return columns


def _offered(name: str, row: list[str], width: int, columns: Mapping[int, str], source: str) -> Offered:
    if len(row) > width:
        raise InvalidInput("it has more cells than the first row: a delimiter in a text needs quotes.")
    cells = {field: unguarded(row[at]) for at, field in columns.items() if at < len(row)}
    content = {field: _value(name, field, cells[field]) for field in CONTENT if field in cells}
    if not content.get("language", "x"):
        del content["language"]
    ref = cells.get(_REF, "").strip().upper().removeprefix(PREFIX)
    return Offered(
        name=name, uid=_uid(cells, content, source), content=content, came_from=f"From {name}",
        url=cells.get(_URL, "").strip(), number=int(ref) if ref.isdecimal() and 0 < len(ref) < 10 else None,
        seen=_revision(cells),
    )  # fmt: skip


def _value(name: str, field: str, text: str) -> Any:
    if field in _LISTS:
        return [item.strip() for item in re.split(r"[\r\n]+" if re.search(r"[\r\n]", text) else ";", text)]
    if field == "detection":
        return parse(name, text) if text.strip() else None
    if field == "incident_class" and not _AS_STORED[field].fullmatch(text):
        return _CLASSES.get(text.strip().casefold(), "_".join(text.casefold().split()))
    if field == "language" and not _AS_STORED[field].fullmatch(text):
        return language_of(text) or text
    return text


def _uid(cells: Mapping[str, str], content: Mapping[str, Any], source: str) -> uuid.UUID:
    """Of the row's uid or id; of its words where it has none, so that the same file twice makes no second entry."""
    if told := cells.get(_UID, "").strip():
        try:
            return uuid.UUID(told)
        except ValueError:
            raise InvalidInput(f"uid {told[:60]!r} is no UUID.") from None
    if told := cells.get(_ID, "").strip():
        return uid_of(source, told)
    return uid_of(source, json.dumps(content, sort_keys=True, ensure_ascii=True, default=str))


def _revision(cells: Mapping[str, str]) -> int | None:
    told = cells.get(_REVISION, "").strip()
    if told and not (told.isdecimal() and len(told) < 10):
        raise InvalidInput(f"revision {told[:20]!r} is no number.")
    return int(told) if told else None
