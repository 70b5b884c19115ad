"""A packet as Markdown for Linear: headings, tables, closed sections (`+++`), fenced queries.

Every text in it is foreign: a ticket's subject, a deployment's title, a row of telemetry. It is escaped so that it can
neither change the page's structure nor link, mention or embed anything; links are made from addresses only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from escalations.packets.blocks import (
    Block,
    Bullets,
    Code,
    Depth,
    Fold,
    Given,
    Line,
    Para,
    Quote,
    Section,
    Span,
    Table,
)
from escalations.packets.material import link
from escalations.packets.outline import outline

#: Characters of an issue's description. What is left out is said, with the address of the whole.
LIMIT: Final = 40_000
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&=:$^\"'])")
#: Escaped only where it begins a line: in a sentence it is a sign like any other.
_HARMLESS_INSIDE: Final = frozenset("-.!()+#=:'\"{}^")
_JOINER: Final = "\u2060"  # invisible and of no width: a name behind it is no mention, an address no link
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|linear|www)([:.])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")

#: From full to short; the first that fits is taken.
_DEPTHS: Final = (
    Depth(),
    Depth(queries=False),
    Depth(queries=False, evidence=20, timeline=25, ruled_out=12, listed=10),
    Depth(queries=False, detection=False, evidence=10, timeline=12, ruled_out=6, listed=5),
)
#: Left out in this order when even the shortest lists are too long.
_LAST: Final = (
    "checklist",
    "affected",
    "related",
    "ruled_out",
    "done",
    "timeline",
    "unchecked",
    "questions",
    "evidence",
)


def markdown(packet: Given, *, additions: Iterable[Given] = (), limit: int = LIMIT, whole_at: str = "") -> str:
    """`packet` as stored; `additions` came later and are marked as such; `whole_at`: where all of it stands.

    Never longer than `limit` characters (at least 2,000).
    """
    later = list(additions)
    limit = max(limit, 2000)
    text = _render(outline(packet, later, _DEPTHS[0]))
    for place, depth in enumerate(_DEPTHS[1:], start=1):
        if len(text) <= limit:
            return text
        text = _render(outline(packet, later, depth)) + _cut_note(packet, whole_at, limit, place, ())
    left: list[str] = []
    for key in _LAST:
        if len(text) <= limit:
            return text
        left.append(key)
        depth = Depth(queries=False, detection=False, evidence=10, timeline=12, ruled_out=6, listed=5,
                      sections=frozenset(left))  # fmt: skip
        text = _render(outline(packet, later, depth)) + _cut_note(packet, whole_at, limit, len(_DEPTHS), left)
    if len(text) <= limit:
        return text
    note = _cut_note(packet, whole_at, limit, len(_DEPTHS), [*left, "everything below"])
    # At the end of a block: nothing is left open.
    return text[: limit - len(note)].rpartition("\n\n")[0] + "\n" + note


def _cut_note(packet: Given, whole_at: str, limit: int, place: int, left: Sequence[str]) -> str:
    what = ["the queries"] if place == 1 else ["the queries", "a part of the long lists"]
    if left:
        what.append(f"the sections {', '.join(key.replace('_', ' ') for key in left)}")
    where = link(whole_at) or link((packet.get("investigation") or {}).get("url"))
    told = f"[All of it]({target(where)})" if where else "All of it stands in Altor"
    return f"\n*Left out to stay below {limit:,} characters: {', '.join(what)}. {told}.*\n"


def _render(sections: Sequence[Section]) -> str:
    parts = []
    for section in sections:
        blocks = "\n\n".join(_block(block) for block in section.blocks)
        parts.append(f"## {escape(section.title)}\n\n{blocks}" if section.title else blocks)
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Para(line):
            return inline(line)
        case Quote(line):
            return f"> {inline(line)}"
        case Bullets(lines, numbered):
            return "\n".join(f"{f'{n}.' if numbered else '-'} {inline(one)}" for n, one in enumerate(lines, start=1))
        case Table(head, rows):
            top = "| " + " | ".join(escape(name) or " " for name in head) + " |"
            rule = "|" + " --- |" * len(head)
            return "\n".join([top, rule, *(_row(row) for row in rows)])
        case Code(text, language):
            return fence(text, language)
        case Fold(title, blocks):
            inner = "\n\n".join(_block(one) for one in blocks)
            return f"+++ {escape(title)}\n\n{inner}\n\n+++"


def _row(cells: Sequence[Line]) -> str:
    return "| " + " | ".join(inline(cell, is_cell=True) or " " for cell in cells) + " |"


def inline(line: Line, *, is_cell: bool = False) -> str:
    text = "".join(_span(span, is_cell) for span in line).strip()
    return _guard(text)


def _guard(text: str) -> str:
    """A text that begins a line begins nothing else."""
    return re.sub(r"^(\d{1,9})([.)])(?=\s)", r"\1\\\2", re.sub(r"^([-+=#>:~]|\+{3})", r"\\\1", text))


def _span(span: Span, is_cell: bool) -> str:
    url = link(span.url)
    if span.look == "code" and not url:
        return code(span.text, is_cell=is_cell)
    text = escape(span.text)
    if url and text.strip():
        return f"[{text.strip()}]({target(url)})"
    if span.look == "strong" and text.strip():
        lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return f"{lead}**{text.strip()}**{tail}"
    return text


def flat(text: str) -> str:
    """One line without characters that steer a terminal or turn the direction of writing."""
    found = _CONTROL.sub("", str(text).replace("\t", " ").replace("\r", " ").replace("\n", " "))
    return re.sub(r"\s+", " ", found)


def escape(text: str) -> str:
    """Foreign text as text: nothing in it is formatted, linked, mentioned or a heading."""
    found = _ADDRESS.sub(rf"\1{_JOINER}\2", flat(text))
    found = re.sub(r"@(?=\w)", f"@{_JOINER}", found)
    return _SPECIAL.sub(lambda m: m.group() if m.group() in _HARMLESS_INSIDE else f"\\{m.group()}", found)


def code(text: str, *, is_cell: bool = False) -> str:
    """A code span whose ticks are longer than any inside."""
    found = flat(text).strip()
    if not found:
        return ""
    if is_cell:
        found = found.replace("|", "\\|")
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", found)), default=0) + 1)
    pad = " " if found.startswith("`") or found.endswith("`") else ""
    return f"{ticks}{pad}{found}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """A fenced block that its content cannot close, neither it nor the closed section around it."""
    body = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    body = "\n".join(f" {one}" if one.startswith("+++") else one for one in body.split("\n"))
    ticks = "`" * max(3, max((len(run) for run in re.findall(r"`+", body)), default=0) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def target(url: str) -> str:
    """An address between parentheses."""
    return "".join(_PERCENT.get(sign, sign) for sign in url)


_PERCENT: Final = {
    "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", " ": "%20", "\\": "%5C", "|": "%7C", "`": "%60", "[": "%5B",
    "]": "%5D", "\"": "%22", "'": "%27", "*": "%2A", "~": "%7E",
}  # fmt: skip
