"""Text of notices: hostile when it comes in, inert for each place it goes to.

What is told comes from tickets and log lines: it must mention nobody, hide no link, pass for no message of ours.
"""

from __future__ import annotations

import re
from typing import Final

from altor.redaction import redact_text

MOST_LINES: Final = 5
LONGEST_LINE: Final = 300
LONGEST_TITLE: Final = 200
#: Invisible: keeps `@channel` from being read as a mention and `](` from making a link.
_BREAK: Final = "\u200b"
# Control characters, line ends of every kind, marks that turn the direction of text, invisible characters.
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
#: More than any subject or summary; what is beyond is not even looked at.
_LONGEST_INPUT: Final = 20_000
_SPACES: Final = re.compile(r"\s{2,}")
_OPENERS: Final = re.compile(r"([@<#&])")
# Those that every Markdown dialect lets one escape; `<` and `&` are taken care of as openers.
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()>+\-.!|~])")


def clean(text: str, longest: int = LONGEST_LINE) -> str:
    """One line without secrets, personal data, control characters and live links, at most `longest` characters."""
    text = _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()
    text = redact_text(text[:_LONGEST_INPUT], ips=True).replace("://", "[:]//")
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def slack_text(text: str) -> str:
    """For Slack's mrkdwn: its three control characters as it wants them, so no mention and no link can begin."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unmentioned(text: str) -> str:
    """Plain text in which nothing is a mention or a link of any chat service."""
    return _OPENERS.sub(rf"\1{_BREAK}", text).replace("](", f"]{_BREAK}(")


def markdown_text(text: str) -> str:
    """For services that read CommonMark: every special character escaped, and no mentions."""
    return _OPENERS.sub(rf"\1{_BREAK}", _MARKDOWN.sub(r"\\\1", text))
