"""HTML of a help-centre article as blocks of Markdown. What has no place in Markdown is kept as a link or as text where
that is possible, and told in any case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from knowledge.exchange import inline_markdown as inline
from knowledge.exchange.html_tree import DEEPEST, Element, read_html

#: Characters of one page.
LONGEST: Final = 1_000_000
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_CONTAINERS: Final = frozenset({
    "address", "article", "aside", "body", "center", "details", "div", "dl", "fieldset", "figure", "footer", "form",
    "header", "html", "main", "nav", "section", "tbody", "thead", "tfoot",
})  # fmt: skip
_BLOCKS: Final = frozenset({
    *_HEADINGS, *_CONTAINERS, "blockquote", "dd", "dt", "figcaption", "hr", "li", "ol", "p", "pre", "summary",
    "table", "ul",
})  # fmt: skip
#: Of a table: what stands in one beside these stands before the table.
_PARTS: Final = frozenset({"caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"})
_BOLD: Final = frozenset({"b", "strong"})
_SLANTED: Final = frozenset({"em", "i", "cite", "dfn"})
_CODE: Final = frozenset({"code", "kbd", "samp", "tt"})
_STRUCK: Final = frozenset({"s", "del", "strike"})
#: Shown by something else than this page: its address is kept.
_EMBEDDED: Final = {"iframe": "src", "video": "src", "audio": "src", "embed": "src", "object": "data", "source": "src"}
_UNSEEN: Final = frozenset({"script", "template", "canvas", "svg", "math", "input", "select", "textarea"})
_SILENT: Final = frozenset({
    "style", "noscript", "title", "head", "meta", "link", "base", "col", "colgroup", "param", "track",
})  # fmt: skip
_LANGUAGE: Final = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-([\w+#.-]{1,20})")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown. `heading`: its words without marks where it is one or looks like one; `level` 1 to 6, 7 for
    a paragraph that is bold as a whole.
    """

    text: str
    heading: str = ""
    level: int = 0


@dataclass(slots=True)
class Converted:
    blocks: list[Block] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def convert(page: str, *, base: str = "") -> Converted:
    """The page in blocks; relative addresses are of `base`."""
    writer = _Writer(base)
    tree, is_too_deep = read_html(page[:LONGEST])
    for name in (name for one in _walk(tree) for name in one.attributes if name.startswith("on")):
        writer.lost[f"the script in {name[:30]} was dropped"] += 1
    blocks = list(writer.blocks(tree))
    problems = [f"{name} ({count} times)" if count > 1 else name for name, count in writer.lost.items()]
    if is_too_deep:
        problems.append(f"it is nested deeper than {DEEPEST} elements: what is deeper stands at that depth")
    if len(page) > LONGEST:
        problems.append(f"it has more than {LONGEST} characters: the rest was cut")
    return Converted(blocks, problems)


class _Writer:
    def __init__(self, base: str) -> None:
        self._base = base
        self.lost: Counter[str] = Counter()

    def blocks(self, element: Element) -> Iterator[Block]:
        """The blocks of what is inside; loose text between them makes paragraphs."""
        loose: list[Element | str] = []
        lists = 0
        for child in self._flattened(element):
            if isinstance(child, str) or child.tag not in _BLOCKS:
                if isinstance(child, str) and not child.strip() and not loose:
                    continue
                loose.append(child)
                continue
            yield from self._paragraphs(loose)
            loose = []
            # Two lists beside each other would be read as one: every second one has another mark.
            lists = lists + 1 if child.tag in ("ul", "ol") else 0
            yield from self._block(child, is_other=lists % 2 == 0)
        yield from self._paragraphs(loose)

    def _flattened(self, element: Element) -> Iterator[Element | str]:
        """Children; inline elements around blocks are opened, as `<b><p>…` and `<a><div>…` are."""
        for child in element.children:
            if isinstance(child, str) or child.tag in _BLOCKS or child.tag in _UNSEEN | _SILENT:
                yield child
            elif any(_holds_block(one) for one in child.children):
                if child.tag == "a" and (address := self._address(child.attributes.get("href", ""))):
                    yield Element("p", {}, [Element("a", {"href": address}, [address])])
                yield from self._flattened(child)
            else:
                yield child

    def _block(self, element: Element, *, is_other: bool = False) -> Iterator[Block]:
        tag = element.tag
        if tag in _HEADINGS:
            words = " ".join(self._inline(element.children).replace(inline.BREAK, " ").split())
            if text := inline.paragraph(words):
                yield Block(f"{'#' * _HEADINGS[tag]} {text}", " ".join(element.text().split()), _HEADINGS[tag])
        elif tag in ("p", "figcaption", "dt", "summary") and not any(_holds_block(one) for one in element.children):
            children = element.children
            yield from self._paragraphs([Element("b", {}, children)] if tag in ("dt", "summary") else children)
        elif tag == "pre":
            yield self._pre(element)
        elif tag in ("ul", "ol"):
            if text := self._list(element, is_other):
                yield Block(text)
        elif tag == "table":
            yield from self._table(element)
        elif tag == "blockquote":
            inner = "\n\n".join(block.text for block in self.blocks(element))
            if inner:
                yield Block("\n".join(f"> {line}".rstrip() for line in inner.split("\n")))
        elif tag == "hr":
            yield Block("---")
        else:
            yield from self.blocks(element)

    def _paragraphs(self, children: list[Element | str]) -> Iterator[Block]:
        parts = self._inline(children)
        # Two line breaks are how editors of help centres make a paragraph.
        for part in re.split(f"{inline.BREAK}[ ]*{inline.BREAK}[ {inline.BREAK}]*", parts):
            if text := inline.paragraph(part):
                bold = re.fullmatch(r"\*\*((?:(?!\*\*)[^\n])+?)\*\*:?", text)
                words = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", bold[1]) if bold else ""
                yield Block(text, words, 7 if bold else 0)

    def _pre(self, element: Element) -> Block:
        classes = " ".join(one.attributes.get("class", "") for one in _walk(element))
        language = _LANGUAGE.search(classes)
        text = _raw_text(element).replace("\r\n", "\n").replace("\x00", "").strip("\n")
        fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        return Block(f"{fence}{language[1] if language else ''}\n{text}\n{fence}")

    def _list(self, element: Element, is_other: bool) -> str:
        items, number = [], _number(element.attributes.get("start", "1"))
        is_loose = False
        for child in element.children:
            if isinstance(child, str) and not child.strip():
                continue
            item = child if isinstance(child, Element) and child.tag == "li" else Element("li", {}, [child])
            parts = [block.text for block in self.blocks(item)]
            if not parts:
                continue
            mark = f"{number}{')' if is_other else '.'}" if element.tag == "ol" else "*" if is_other else "-"
            number += 1
            indent = " " * (len(mark) + 1)
            is_loose = is_loose or any(not _is_list(part) for part in parts[1:])
            text = parts[0]
            for part in parts[1:]:
                text += ("\n" if _is_list(part) and not is_loose else "\n\n") + part
            lines = text.split("\n")
            items.append("\n".join([f"{mark} {lines[0]}", *(f"{indent}{line}" if line else "" for line in lines[1:])]))
        return ("\n\n" if is_loose else "\n").join(items)

    def _table(self, element: Element) -> Iterator[Block]:
        inside = list(_inside(element))
        for caption in (one for one in inside if one.tag == "caption"):
            yield from self._paragraphs(caption.children)
        yield from self.blocks(Element("div", {}, list(_stray(element))))
        rows = [_cells(one) for one in inside if one.tag == "tr"]
        if [len(row) for row in rows] == [1]:  # a frame around something
            yield from self.blocks(rows[0][0])
            return
        # Markdown needs a head: where no row is one, the first is.
        written = [[text for cell in row for text in self._cell(cell)] for row in rows]
        written = [row for row in written if any(row)]
        if written:
            width = max(len(row) for row in written[:200])
            head = written[0] + [""] * (width - len(written[0]))
            lines = [head, ["---"] * width, *written[1:]]
            yield Block("\n".join(f"| {' | '.join(row)} |" for row in lines))

    def _cell(self, element: Element) -> list[str]:
        """Its text, and empty ones for the columns that it spans."""
        if any(_holds_block(child) for child in element.children):
            parts = [
                inline.code(block.text()) if block.tag == "pre" else self._inline(block.children)
                for block in _leaves(element)
            ]
            text = inline.BREAK.join(part for part in parts if part.strip())
        else:
            text = self._inline(element.children)
        for nested in (one for one in _walk(element) if one.tag in ("table",) and one is not element):
            self.lost[f"a table inside of a table became text ({' '.join(nested.text().split())[:40]})"] += 1
        span = min(_number(element.attributes.get("colspan", "1")), 50)
        return [inline.cell(text), *[""] * (span - 1)]

    def _inline(self, children: Iterable[Element | str]) -> str:
        return "".join(inline.plain(one) if isinstance(one, str) else self._element(one) for one in children)

    def _element(self, element: Element) -> str:
        tag = element.tag
        if tag in _SILENT:
            return ""
        if tag in _UNSEEN:
            value = element.attributes.get("value") or element.attributes.get("placeholder") or ""
            text = "" if tag in ("script", "template") else f"{value} {element.text()}".strip()
            kept = ", its text is kept" if text else ""
            self.lost[f"{tag} was dropped{kept}"] += 1
            return inline.plain(f" {text} ") if text else ""
        if tag in _EMBEDDED:
            return self._embedded(element)
        inner: Callable[[], str] = lambda: self._inline(element.children)  # noqa: E731  # only where it is asked for
        if tag == "br":
            return inline.BREAK
        if tag in _BOLD:
            return inline.emphasised(inner(), inline.BOLD)
        if tag in _SLANTED:
            return inline.emphasised(inner(), inline.SLANTED)
        if tag in _STRUCK:
            text = inner()
            return f"~~{text}~~" if text.strip() == text and text and not set(text) & {inline.BREAK} else text
        if tag in _CODE:
            return inline.code(element.text()) if not _has(element, "a", "img") else inner()
        if tag == "a":
            return self._link(element)
        if tag == "img":
            return self._image(element)
        return f" {inner()} " if tag in _BLOCKS or tag in _PARTS else inner()

    def _link(self, element: Element) -> str:
        images = [one for one in _walk(element) if one.tag == "img"]
        for image in images:
            image.tag = "span"
            image.children = [image.attributes.get("alt") or "image"]
        text = self._inline(element.children)
        address = self._address(element.attributes.get("href", ""))
        if not address:
            return text
        found = inline.link(text.replace(inline.BREAK, " "), address) if text.strip() else ""
        for image in images:
            source = self._address(image.attributes.get("src", ""))
            if source and source != address:
                found += f" ({inline.link('image', source)})"
        return found

    def _image(self, element: Element) -> str:
        source = element.attributes.get("src", "")
        alt = inline.plain(element.attributes.get("alt", "")).strip() or "image"
        if source.startswith("data:"):
            self.lost["an image that is in the page itself was dropped"] += 1
            return f"({alt})"
        address = self._address(source)
        return inline.link(alt, address) if address else f"({alt})"

    def _embedded(self, element: Element) -> str:
        addresses = [
            address
            for one in (element, *element.children)
            if isinstance(one, Element)
            and (one is element or one.tag == "source")
            and (address := self._address(one.attributes.get(_EMBEDDED[one.tag], "")))
        ]
        kept = ", its address is kept as a link" if addresses else ""
        self.lost[f"{element.tag} was dropped{kept}"] += 1
        name = inline.plain(element.attributes.get("title") or element.tag)
        links = [inline.link(name, address) for address in dict.fromkeys(addresses)]
        # What is inside is for browsers that cannot show it, or all that follows where the end is missing.
        inner = [one for one in element.children if isinstance(one, str) or one.tag != "source"]
        return " ".join([*links, self._inline(inner)])

    def _address(self, value: str) -> str:
        """Whole and harmless, or empty. What is dropped is told."""
        value = re.sub(r"[\x00-\x20\x7f]+", lambda found: "%20" if found[0] == " " else "", value.strip())
        if not value:
            return ""
        try:
            address = urljoin(self._base, value)
            scheme = urlsplit(address).scheme.lower()
        except ValueError:
            scheme, address = "", ""
        if scheme in _SCHEMES:
            return address
        if value.startswith("#"):
            return ""  # a place on the same page, which is here
        kind = f"a link of the kind {scheme}:" if scheme else "a link without a host"
        self.lost[f"{kind} was dropped ({value[:60]})"] += 1
        return ""


def _holds_block(one: Element | str) -> bool:
    return isinstance(one, Element) and (one.tag in _BLOCKS or any(_holds_block(child) for child in one.children))


def _walk(element: Element) -> Iterator[Element]:
    """The element and all below it in their order."""
    yield element
    for child in element.children:
        if isinstance(child, Element):
            yield from _walk(child)


def _cells(row: Element) -> list[Element]:
    return [child for child in row.children if isinstance(child, Element) and child.tag in ("td", "th")]


def _inside(element: Element) -> Iterator[Element]:
    """The parts of a table; what stands within something that is none belongs to that."""
    for child in element.children:
        if isinstance(child, Element) and child.tag in _PARTS:
            yield child
            if child.tag not in ("td", "th", "caption"):
                yield from _inside(child)


def _stray(element: Element) -> Iterator[Element | str]:
    """What stands in a table and in no cell of it."""
    for child in element.children:
        if isinstance(child, str) or child.tag not in _PARTS:
            yield child
        elif child.tag not in ("td", "th", "caption"):
            yield from _stray(child)


def _leaves(element: Element) -> Iterator[Element]:
    """The element's content as pieces that hold no block, or are one that is read whole."""
    loose = Element("span")
    for child in element.children:
        if isinstance(child, Element) and _holds_block(child):
            if loose.children:
                yield loose
                loose = Element("span")
            if child.tag == "pre" or not any(_holds_block(one) for one in child.children):
                yield child
            else:
                yield from _leaves(child)
        else:
            loose.children.append(child)
    if loose.children:
        yield loose


def _has(element: Element, *tags: str) -> bool:
    return any(one.tag in tags for one in _walk(element))


def _raw_text(element: Element) -> str:
    return "".join(
        child if isinstance(child, str) else "\n" if child.tag == "br" else _raw_text(child)
        for child in element.children
    )


def _is_list(text: str) -> bool:
    return re.match(r"(?:[-*]|\d{1,9}[.)]) ", text) is not None


def _number(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) < 7 else 1
