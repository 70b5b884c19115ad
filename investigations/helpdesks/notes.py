"""The internal note as data, and its text for helpdesks that want HTML, Markdown or plain text.

What stands in a line comes from log lines and tickets and is hostile: every rendering escapes it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Lines of a note, the last of which names the run and carries the marker.
MOST_LINES: Final = 5
#: Marker of a note of ours, at the end of its link: found again before a second try, and never taken for news.
MARKER: Final = re.compile(r"#altor-([0-9a-f]{16})\b")
#: The tag of every ticket that Altor looked at; with the class behind it, of its result.
OUR_TAG: Final = "altor"
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@])")


@dataclass(frozen=True, slots=True)
class Line:
    """`lead` is shown in bold before the text; `url`, where there is one, makes the text a link."""

    text: str
    lead: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """At most five lines. `marker` (16 hex digits) stands as fragment of the last line's address."""

    lines: Sequence[Line]
    marker: str

    def as_html(self) -> str:
        return "".join(f"<p>{_html(line)}</p>" for line in self._marked())

    def as_markdown(self) -> str:
        return "\n\n".join(_markdown(line) for line in self._marked())

    def as_text(self) -> str:
        return "\n".join(_plain(line) for line in self._marked())

    def _marked(self) -> list[Line]:
        *first, last = self.lines
        return [*first, Line(last.text, last.lead, f"{last.url}#altor-{self.marker}")]


def is_our_tag(tag: str) -> bool:
    """Whether a tag is one that Altor writes: `altor`, `altor-latency`."""
    return tag.lower() == OUR_TAG or tag.lower().startswith(f"{OUR_TAG}-")


def markers(text: str) -> set[str]:
    """Markers of notes of ours that stand in a text."""
    return set(MARKER.findall(text))


def _html(line: Line) -> str:
    lead = f"<strong>{html.escape(line.lead)}</strong> " if line.lead else ""
    text = html.escape(line.text)
    return lead + (f'<a href="{html.escape(line.url)}">{text}</a>' if line.url else text)


def _markdown(line: Line) -> str:
    lead = f"**{_escaped(line.lead)}** " if line.lead else ""
    text = _escaped(line.text)
    return lead + (f"[{text}]({line.url})" if line.url else text)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _plain(line: Line) -> str:
    words = f"{line.lead} {line.text}".strip().replace("\n", " ")
    return f"{words} {line.url}" if line.url else words
