"""Text inside of a paragraph as Markdown: whatever stands in it is read as it was, and only what was meant is marked.

Emphasis is written with marks of the private use area first. When the paragraph is whole, those become `**` and `*`
where CommonMark reads them as emphasis, and nothing where it would not (`foo**: **bar`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BOLD, BOLD_END, SLANTED, SLANTED_END = "\ue000", "\ue001", "\ue002", "\ue003"
#: A line break inside of a paragraph.
BREAK: Final = "\ue004"
_PRIVATE: Final = re.compile(r"[\ue000-\ue004\x00]")
_SPACES: Final = re.compile(r"[ \t\r\n\f\v\xa0]+")
_SPECIAL: Final = re.compile(
    r"[`*\[\]]|\\(?=[!-/:-@\[-`{-~])|<(?=[A-Za-z/!?])|&(?=#?\w{1,31};)|~(?=~)|(?<=~)~|(?<![^\W_])_|_(?![^\W_])"
)
#: At the beginning of a line these would begin a heading, a quotation, a list, a rule, a table.
_AT_START: Final = re.compile(r"^(?:(?=#{1,6}(?:\s|$)|>|[-+](?:\s|$)|-{2}|=|~{3}|\||:-)|(\d{1,9})(?=[.)](?:\s|$)))")
_PAIRS: Final = {BOLD: ("**", BOLD_END), SLANTED: ("*", SLANTED_END)}
_ENDS: Final = {BOLD_END: BOLD, SLANTED_END: SLANTED}
_MARKS: Final = frozenset({BOLD, BOLD_END, SLANTED, SLANTED_END})


def plain(text: str) -> str:
    """A text of the page, escaped; runs of spaces as one."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], _SPACES.sub(" ", _PRIVATE.sub("", text)))


def code(text: str) -> str:
    text = _SPACES.sub(" ", _PRIVATE.sub("", text))
    if not text.strip():
        return text[:1]
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{space}{text}{space}{fence}"


def link(text: str, address: str) -> str:
    return f"[{text.strip() or plain(address)}]({_target(address)})"


def _target(address: str) -> str:
    """The address as it may stand in parentheses."""
    return re.sub(r"[\s()<>\\`*_\[\]\x00-\x1f\ue000-\ue004]", lambda found: _percent(found[0]), address)


def _percent(character: str) -> str:
    # An underscore in an address means nothing there, and people read addresses.
    return character if character == "_" else "".join(f"%{byte:02X}" for byte in character.encode())


def emphasised(inner: str, begin: str) -> str:
    """`inner` between marks; spaces at its ends stand outside of them."""
    _, end = _PAIRS[begin]
    core = inner.strip(f" {BREAK}")
    if not core or begin in core:
        return inner.replace(begin, "").replace(end, "") if begin in core else inner
    at = inner.index(core)
    return f"{inner[:at]}{begin}{core}{end}{inner[at + len(core) :]}"


def paragraph(inline: str) -> str:
    """The lines of a finished paragraph: emphasis settled, line breaks kept, nothing that begins another block."""
    lines = [_SPACES.sub(" ", line).strip(" ") for line in _settled(inline).split(BREAK)]
    while lines and not lines[-1]:
        lines.pop()
    return "\\\n".join(_AT_START.sub(r"\1\\", line) for line in lines if line)


def cell(inline: str) -> str:
    """The text of a table's cell: one line, no bar."""
    line = _SPACES.sub(" ", _settled(inline).replace(BREAK, " ")).strip()
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", line)


def _settled(inline: str) -> str:
    """With `**` and `*` where they are read as emphasis."""
    text = inline.replace(BOLD_END + BOLD, "").replace(SLANTED_END + SLANTED, "")
    found: list[str] = list(text)
    open_: list[int] = []
    for at, character in enumerate(text):
        if character in _PAIRS:
            open_.append(at)
        elif character in _ENDS:
            start = next((n for n in reversed(open_) if text[n] == _ENDS[character]), None)
            if start is None:
                found[at] = ""
                continue
            del open_[open_.index(start) :]
            is_read = _opens(text, start) and _closes(text, at)
            found[start] = found[at] = _PAIRS[text[start]][0] if is_read else ""
    for at in open_:
        found[at] = ""
    return "".join(part for part in found if part not in _MARKS)


def _opens(text: str, at: int) -> bool:
    before, after = _beside(text, at)
    if at and text[at - 1] in _ENDS:
        return False  # `***` would be read as one run
    return not after.isspace() and (not _is_sign(after) or before.isspace() or _is_sign(before))


def _closes(text: str, at: int) -> bool:
    before, after = _beside(text, at)
    return not before.isspace() and (not _is_sign(before) or after.isspace() or _is_sign(after))


def _beside(text: str, at: int) -> tuple[str, str]:
    """The characters around the run of marks at `at`; the ends of a line count as spaces."""
    before, after = at - 1, at + 1
    while before >= 0 and text[before] in _MARKS:
        before -= 1
    while after < len(text) and text[after] in _MARKS:
        after += 1
    sides = (text[before] if before >= 0 else " ", text[after] if after < len(text) else " ")
    return tuple(" " if side == BREAK else side for side in sides)  # type: ignore[return-value]  # two of them


def _is_sign(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
