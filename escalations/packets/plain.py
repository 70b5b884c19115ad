"""A packet as plain text, for mail and terminals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from escalations.packets.blocks import Block, Bullets, Code, Depth, Fold, Given, Line, Para, Quote, Table
from escalations.packets.markdown import flat
from escalations.packets.material import link
from escalations.packets.outline import outline

WIDTH: Final = 78
_EVIDENCE: Final = re.compile(r"E\d+(\.\d+)?")


def as_text(packet: Given, *, additions: Iterable[Given] = (), queries: bool = False) -> str:
    """Wrapped; addresses stand whole on lines of their own. Queries are left out unless asked for."""
    sections = outline(packet, additions, Depth(queries=queries, detection=queries))
    title = flat(str(packet.get("title") or ""))
    lines = [*textwrap.wrap(title, WIDTH), "=" * min(len(title), WIDTH), ""]
    for section in sections:
        if section.title:
            lines += [section.title.upper(), ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Para(line) | Quote(line):
            yield from _wrapped(line, "")
        case Bullets(lines, numbered):
            for n, line in enumerate(lines, start=1):
                yield from _wrapped(line, f"{n}. " if numbered else "- ")
        case Table(_, rows):
            for row in rows:
                yield from _row(row)
        case Code(text, _):
            yield from (f"    {line}" for line in text.splitlines())
        case Fold(title, blocks):
            yield f"{title}:"
            for one in blocks:
                yield from _block(one)


def _row(cells: Iterable[Line]) -> Iterator[str]:
    """A table's row as one item: its cells, divided by dashes."""
    told = [("".join(flat(span.text) for span in cell).strip(), cell) for cell in cells]
    text = " – ".join(part for part, _ in told if part)
    yield from textwrap.wrap(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)
    yield from _addresses([span for _, cell in told for span in cell], "  ")


def _wrapped(line: Line, lead: str) -> Iterator[str]:
    text = "".join(flat(span.text) for span in line).strip()
    indent = " " * len(lead)
    yield from textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False)
    yield from _addresses(line, indent)


def _addresses(line: Line, indent: str) -> Iterator[str]:
    """Each once; those of evidence are left out, the investigation's leads to them."""
    for url in dict.fromkeys(link(span.url) for span in line if not _EVIDENCE.fullmatch(span.text)):
        if url:
            yield f"{indent}<{url}>"
