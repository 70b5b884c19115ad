"""A packet as headings, paragraphs, lists and tables, before it is Markdown or plain text.

It reads the stored JSON, not the model: a packet that was frozen years ago is shown as it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from altor.words import counted, duration, number
from escalations.packets.material import moment
from investigations.services.summary import source_title

Look = Literal["", "strong", "code"]
VERDICTS: Final = {"abnormal": "breach", "normal": "within", "inconclusive": "unknown"}
STATES: Final = {
    "met": "met",
    "answered": "answered",
    "tried": "tried, no answer",
    "missing": "missing",
    "overridden": "overridden",
}


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    look: Look = ""
    url: str = ""


Line = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Para:
    line: Line


@dataclass(frozen=True, slots=True)
class Quote:
    line: Line


@dataclass(frozen=True, slots=True)
class Bullets:
    lines: Sequence[Line]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[Line]]


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Shown closed where that can be done."""

    title: str
    blocks: Sequence[Para | Bullets | Code]


Block = Para | Quote | Bullets | Table | Code | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """`key` names it where it is left out for length. Sections without blocks are not shown."""

    key: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of the long lists is told."""

    evidence: int = 40
    timeline: int = 60
    ruled_out: int = 40
    listed: int = 25
    queries: bool = True
    detection: bool = True
    sections: frozenset[str] = field(default_factory=frozenset)  # keys that are left out


Given = Mapping[str, Any]


def plain(text: Any, look: Look = "", url: str = "") -> Span:
    return Span(str(text if text is not None else ""), look, url)


def line(*parts: Any) -> list[Span]:
    """Spans; texts among the parts become plain ones, empty ones are left out."""
    spans = [part if isinstance(part, Span) else plain(part) for part in parts if part not in ("", None)]
    return [span for span in spans if span.text]


def clock(value: Any) -> str:
    """2026-05-01 10:02 UTC."""
    at = moment(value)
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "–"


def rows_of(packet: Given, key: str) -> list[Given]:
    return [one for one in packet.get(key) or [] if isinstance(one, Mapping)]


def cited(refs: Any, packet: Given) -> list[Span]:
    """References as links to the evidence pages: E1, E2."""
    urls = {str(one.get("ref_id")): str(one.get("altor_url") or "") for one in rows_of(packet, "evidence")}
    spans: list[Span] = []
    for ref in refs or ():
        spans += [plain(", ")] if spans else []
        spans.append(plain(ref, url=urls.get(str(ref), "")))
    return [plain(" ("), *spans, plain(")")] if spans else []


def asked(query: Given) -> str:
    """What a query cost: 3 rows, 120,431 read, 0.4 s."""
    parts = [str(query.get("method") or "")]
    if query.get("status") and query.get("source") != "clickhouse":
        parts.append(f"answered {query['status']}")
    if query.get("rows") is not None:
        parts.append(counted(query["rows"], "row"))
    if query.get("read_rows"):
        parts.append(f"{number(query['read_rows'])} read")
    if query.get("seconds") is not None:
        parts.append(duration(query["seconds"]))
    return ", ".join(part for part in parts if part)


def source(name: Any) -> str:
    return source_title(str(name or ""))
