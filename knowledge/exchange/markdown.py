"""An entry as a Markdown file: what is short stands in its front matter, what is long in sections.

The same entry always gives the same bytes, and reading them gives the same entry. Sections begin with a mark, so that
headings inside of a text stay part of it.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from altor.configuration import canonical, parse
from altor.errors import InvalidInput
from knowledge.entries.content import TEXTS
from knowledge.models import Entry
from knowledge.models.entries import CONTENT, PREFIX

#: Fields of the content that stand in the front matter.
SHORT: Final = tuple(name for name in CONTENT if name not in TEXTS)
#: Of the state; team by its slug, owner by user name.
STATE: Final = ("confidence", "audience", "governance", "team", "owner", "review_on")
_FENCE: Final = "---\n"
_MARK: Final = re.compile(rf"^<!-- ({'|'.join(TEXTS)}) -->$")
#: A line of a text that would be read as a mark, once or more often escaped.
_LIKE_A_MARK: Final = re.compile(rf"^(\\*)(<!-- (?:{'|'.join(TEXTS)}) -->)$", re.MULTILINE)
_WORDS: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds. `state` has the keys of STATE that it names."""

    content: Mapping[str, Any]
    state: Mapping[str, Any] = field(default_factory=dict)
    uid: uuid.UUID | None = None
    number: int | None = None
    created_at: datetime | None = None


def file_name(entry: Entry) -> str:
    """`KB-112-retry-storm.md`: the number finds it, the words tell what it is."""
    plain = unicodedata.normalize("NFKD", entry.title).encode("ascii", "ignore").decode().lower()
    words = _WORDS.sub("-", plain).strip("-")[:60].rstrip("-")
    return f"{entry.ref}-{words}.md" if words else f"{entry.ref}.md"


def as_markdown(entry: Entry) -> str:
    head: dict[str, Any] = {"ref": entry.ref, "uid": str(entry.uid), "created_at": entry.created_at.isoformat()}
    head |= {name: value for name in SHORT if (value := getattr(entry, name)) not in ("", None, [])}
    head |= {name: str(getattr(entry, name)) for name in ("confidence", "audience", "governance")}
    if entry.team is not None:
        head["team"] = entry.team.slug
    if entry.owner is not None:
        head["owner"] = entry.owner.username
    if entry.review_on is not None:
        head["review_on"] = entry.review_on.isoformat()
    parts = [_FENCE, canonical(head), _FENCE]
    for name in TEXTS:
        if text := getattr(entry, name):
            escaped = _LIKE_A_MARK.sub(r"\\\1\2", text)
            parts.append(f"\n<!-- {name} -->\n## {CONTENT[name]}\n\n{escaped}\n")
    return "".join(parts)


def read_markdown(file: str, text: str) -> Written:
    """What the file says. InvalidInput names the file and what is wrong. A file without front matter, as other tools
    write them, is read as its first heading and the rest.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith(_FENCE):
        return _of_others(text, {})
    head_text, found, body = text[len(_FENCE) :].partition(f"\n{_FENCE}")
    if not found:
        raise InvalidInput(f"{file}: the front matter does not end.")
    head = parse(file, head_text)
    if not isinstance(head, Mapping):
        raise InvalidInput(f"{file}: the front matter is a mapping.")
    sections = _sections(body)
    if not sections and not {"uid", "ref"} & set(head):
        return _of_others(body, head)
    strange = set(head) - {"ref", "uid", "created_at", *SHORT, *STATE}
    if strange:
        raise InvalidInput(f"{file}: there is no {sorted(map(str, strange))[0]!r} in an entry.")
    content = {name: head[name] for name in SHORT if name in head} | sections
    return Written(content, _state(file, head), _uid(file, head), _number(head), _moment(file, head))


def _sections(body: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in body.split("\n"):
        mark = _MARK.match(line)
        if mark:
            lines = found.setdefault(mark[1], [])
        elif lines is not None:
            lines.append(line)
    return {name: _unescaped(name, lines) for name, lines in found.items()}


def _unescaped(name: str, lines: list[str]) -> str:
    if lines and lines[0] == f"## {CONTENT[name]}":
        lines = lines[1:]
    text = "\n".join(lines).strip("\n")
    return re.sub(r"(?m)^\\(\\*<!-- (?:" + "|".join(TEXTS) + r") -->)$", r"\1", text)


def _state(file: str, head: Mapping[str, Any]) -> dict[str, Any]:
    state = {name: head[name] for name in STATE if name in head}
    if isinstance(state.get("review_on"), str):
        try:
            state["review_on"] = date.fromisoformat(state["review_on"])
        except ValueError:
            raise InvalidInput(f"{file}: review_on is a date, as in 2027-02-01.") from None
    if isinstance(state.get("review_on"), datetime):
        state["review_on"] = state["review_on"].date()
    return state


def _uid(file: str, head: Mapping[str, Any]) -> uuid.UUID | None:
    if "uid" not in head:
        return None
    try:
        return uuid.UUID(str(head["uid"]))
    except ValueError:
        raise InvalidInput(f"{file}: uid is no UUID.") from None


def _number(head: Mapping[str, Any]) -> int | None:
    number = str(head.get("ref", "")).upper().removeprefix(PREFIX)
    return int(number) if number.isdecimal() and 0 < len(number) < 10 else None


def _moment(file: str, head: Mapping[str, Any]) -> datetime | None:
    value = head.get("created_at")
    if value is None:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidInput(f"{file}: created_at is a time, as in 2027-02-01T09:00:00+00:00.") from None
    if found.tzinfo is None:
        raise InvalidInput(f"{file}: created_at names no time zone.")
    return found


def _of_others(body: str, head: Mapping[str, Any]) -> Written:
    """A page that some other tool wrote: its title, and everything else as the cause."""
    lines = body.strip("\n").split("\n")
    title = str(head.get("title", "")).strip()
    if not title and lines and lines[0].startswith("#"):
        title, lines = lines[0].lstrip("#").strip(), lines[1:]
    return Written({"title": title, "root_cause": "\n".join(lines).strip("\n")})
