"""Canvas Kit's components, as far as the sidebar uses them: plain dicts with bounded, harmless text.

Text components read links and bold as Markdown, so what comes from tickets and log lines is made unable to form either;
titles, labels and subtitles are shown as they are. A component's fields are Intercom's, no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

Component = dict[str, Any]
#: Choices that a dropdown or single-select may offer.
FEWEST_OPTIONS, MOST_OPTIONS = 2, 10
_WEB: Final = re.compile(r"https?://[^\s<>\"'\\]+\Z")
_ID: Final = re.compile(r"[^A-Za-z0-9._:\-]")


def text(words: str, style: str = "paragraph", *, name: str = "") -> Component:
    """`words` is Markdown put together of `quoted` pieces and `link`s. Styles: header, paragraph, muted, error."""
    return {"type": "text", "text": words, "style": style, **_named(name)}


def quoted(words: Any, length: int = 600) -> str:
    """One line of somebody's text that forms no link and no bold."""
    line = _cut(words, length)
    return line.replace("](", "] (").replace("][", "] [").replace("**", "* *").replace("__", "_ _").replace("<", "‹")


def bold(words: Any, length: int = 80) -> str:
    inside = quoted(words, length).replace("*", "").strip()
    return f"**{inside}**" if inside else ""


def link(label: Any, url: Any) -> str:
    """A link, or the label alone where the address is none of the web."""
    shown = quoted(label, 80).replace("[", "(").replace("]", ")")
    address = web(url)
    return f"[{shown}]({address.replace('(', '%28').replace(')', '%29')})" if address and shown else shown


def web(url: Any) -> str:
    """The address, "" when it is none that a browser may be sent to."""
    return url if isinstance(url, str) and len(url) <= 2000 and _WEB.match(url) else ""


def button(name: str, label: str, *, url: str = "", style: str = "secondary") -> Component:
    """Opens the address where there is one, otherwise submits the canvas."""
    action = {"type": "url", "url": url} if url else {"type": "submit"}
    return {"type": "button", "id": _id(name), "label": _cut(label, 60), "style": style, "action": action}


def listed(items: Sequence[Component]) -> Component:
    return {"type": "list", "items": list(items)}


def item(name: str, title: Any, *, subtitle: Any = "", aside: Any = "", url: Any = "") -> Component:
    """A row of a list; `aside` stands beside the subtitle."""
    found: Component = {"type": "item", "id": _id(name), "title": _cut(title, 160) or "-"}
    if under := _cut(subtitle, 160):
        found["subtitle"] = under
        if beside := _cut(aside, 80):
            found["tertiary_text"] = beside
    if address := web(url):
        found["action"] = {"type": "url", "url": address}
    return found


def single_select(name: str, label: str, options: Mapping[str, str]) -> Component:
    return {"type": "single-select", "id": _id(name), "label": _cut(label, 80), "options": _options(options)}


def textarea(name: str, label: str, *, value: str = "", placeholder: str = "") -> Component:
    found = {"type": "textarea", "id": _id(name), "label": _cut(label, 80)}
    if value:
        found["value"] = value[:8000]
    if placeholder:
        found["placeholder"] = _cut(placeholder, 120)
    return found


def divider() -> Component:
    return {"type": "divider"}


def spacer(size: str = "s") -> Component:
    return {"type": "spacer", "size": size}


def _options(options: Mapping[str, str]) -> list[Component]:
    found = [{"type": "option", "id": _id(name), "text": _cut(label, 60)} for name, label in options.items()]
    return found[:MOST_OPTIONS]


def _cut(words: Any, length: int) -> str:
    line = " ".join(words[: length * 4].split()) if isinstance(words, str) else ""
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _id(name: str) -> str:
    return _ID.sub("-", name)[:80]


def _named(name: str) -> Component:
    return {"id": _id(name)} if name else {}
