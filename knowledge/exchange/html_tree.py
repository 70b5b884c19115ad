"""HTML of a foreign page as a tree: lenient as browsers are, and linear in time and memory whatever it holds.

Python's own parser takes minutes for 100 kB of unclosed tags, and a full HTML5 parser copies open elements without
bound; the few rules that help-centre articles need are here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

#: Elements inside of each other; what is deeper is read as if it stood at this depth.
DEEPEST: Final = 60
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
#: What they hold is no text.
_RAW: Final = frozenset(["script", "style", "template", "noscript", "title"])
#: A start tag that ends open elements of these kinds, up to the nearest of the second ones.
_ENDS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "td": (frozenset({"td", "th"}), frozenset({"table", "tr"})),
    "th": (frozenset({"td", "th"}), frozenset({"table", "tr"})),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_NAME: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9:_-]{0,60})")
_ATTRIBUTE: Final = re.compile(
    r"[\s/]*+(?P<end>>)|[\s/]*+(?P<name>[^\s/>=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s>]*+)))?"
)


@dataclass(slots=True)
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    attributes: dict[str, str]
    is_end: bool


def read_html(text: str) -> tuple[Element, bool]:
    """The page's tree, and whether it was deeper than DEEPEST."""
    root = Element("")
    open_, is_too_deep = [root], False
    for token in _tokens(text):
        if isinstance(token, str):
            open_[-1].children.append(token)
        elif token.is_end:
            at = next((n for n in range(len(open_) - 1, 0, -1) if open_[n].tag == token.name), 0)
            # The end of something inline does not end the paragraph or the cell it stands in.
            if at and (token.name in _BLOCKS or not any(one.tag in _BLOCKS for one in open_[at + 1 :])):
                del open_[at:]
        else:
            _close_implied(open_, token.name)
            if token.name in ("td", "th") and open_[-1].tag in ("table", "tbody", "thead", "tfoot"):
                row = Element("tr")
                open_[-1].children.append(row)
                open_.append(row)
            made = Element(token.name, token.attributes)
            open_[-1].children.append(made)
            if token.name not in _VOID:
                if len(open_) < DEEPEST:
                    open_.append(made)
                else:
                    is_too_deep = True
    return root, is_too_deep


def _close_implied(open_: list[Element], name: str) -> None:
    if name in _BLOCKS and open_[-1].tag == "p":
        open_.pop()
    if name in _ENDS:
        ended, up_to = _ENDS[name]
        for n in range(len(open_) - 1, 0, -1):
            if open_[n].tag in up_to:
                break
            if open_[n].tag in ended:
                del open_[n:]
                break


def _tokens(text: str) -> Iterator[_Tag | str]:
    at, end = 0, len(text)
    #: What has been looked for to the end in vain is not looked for again.
    absent: set[str] = set()
    while at < end:
        start = text.find("<", at)
        if start < 0:
            start = end
        if start > at:
            yield html.unescape(text[at:start])
        if start == end:
            return
        at, token = _markup(text, start, absent)
        if token is not None:
            yield token
        if isinstance(token, _Tag) and token.name in _RAW and not token.is_end:
            inner, at = _raw(text, at, token.name, absent)
            if inner:
                yield inner
            yield _Tag(token.name, {}, is_end=True)


def _markup(text: str, start: int, absent: set[str]) -> tuple[int, _Tag | str | None]:
    """What begins with the `<` at `start`, and where it ends."""
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", ">")):
        if text.startswith(opening, start):
            at = -1 if closing in absent else text.find(closing, start + len(opening))
            if at < 0:
                absent.add(closing)
                return start + 1, "<"
            return at + len(closing), html.unescape(text[start + 9 : at]) if opening == "<![CDATA[" else None
    name = _NAME.match(text, start)
    if name is None:
        return start + 1, "<"
    at = name.end()
    attributes: dict[str, str] = {}
    while True:
        found = _ATTRIBUTE.match(text, at)
        if found is None:  # it never ends: as in browsers, nothing of it is shown
            return len(text), None
        at = found.end()
        if found["end"]:
            break
        value = found["double"] or found["single"] or found["bare"] or ""
        attributes.setdefault(found["name"].lower(), html.unescape(value))
    return at, _Tag(name[1].lower(), attributes, is_end=text[start + 1] == "/")


def _raw(text: str, at: int, name: str, absent: set[str]) -> tuple[str, int]:
    """What stands between `at` and the end tag, and where the page goes on."""
    key = f"</{name}"
    found = None if key in absent else re.compile(rf"</{name}[^>]{{0,200}}>", re.IGNORECASE).search(text, at)
    if found is None:
        absent.add(key)
        return text[at:], len(text)
    return text[at : found.start()], found.end()
