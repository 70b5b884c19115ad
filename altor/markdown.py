"""Markdown written by people or taken from playbooks, as safe HTML (CommonMark, raw HTML off, then cleaned).

Cleaning happens when the text is shown, so a better list also mends what was stored before.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

_INLINE: Final = ("br", "strong", "em", "s", "code", "a")
_BLOCK: Final = ("p", "hr", "pre", "blockquote", "ul", "ol", "li", "h3", "h4", "h5", "h6")
_TABLE: Final = ("table", "thead", "tbody", "tr", "th", "td")
TAGS: Final = frozenset({*_INLINE, *_BLOCK, *_TABLE})
ATTRIBUTES: Final[dict[str, set[str]]] = {"a": {"href", "title"}, "ol": {"start"}, "th": {"scope"}}
SCHEMES: Final = frozenset({"https", "http", "mailto"})
#: Longer texts are cut before parsing: nobody reads them, and parsers have bad days.
MAX_CHARS: Final = 100_000


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    parser.disable("image")  # an image would be a request to a foreign host
    return parser


def clean(html: str) -> str:
    """Only listed tags, attributes and schemes are left; a second cleaning changes nothing."""
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )


def to_html(text: str) -> SafeString:
    """Headings are set two levels lower, below the page's own; the result may go into a page as it is."""
    html = _parser().render(text[:MAX_CHARS])
    for level in (6, 5, 4, 3, 2, 1):
        lower = min(6, level + 2)
        html = html.replace(f"<h{level}>", f"<h{lower}>").replace(f"</h{level}>", f"</h{lower}>")
    return SafeString(clean(html))
