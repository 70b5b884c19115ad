"""Identifiers in texts: what somebody pastes to find the one entry that names it.

Error codes, endpoints, keys of tickets and issues, versions, ids. They are kept whole and in lower case, and an entry
that names one of the query's stands before all others.
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 200
_LONGEST: Final = 160
_SHAPES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s+/[^\s\"'`<>)\]]+",  # an endpoint
        r"(?<![\w/])/(?:v\d+|api|rest|graphql)\b[\w/{}.:\-]*",  # its path alone
        r"\b[A-Z][A-Z0-9]{1,9}-\d{1,8}\b",  # ENG-412, KB-112, CVE-2024
        r"\bCVE-\d{4}-\d{4,7}\b",
        r"\b0x[0-9A-Fa-f]{4,16}\b",
        r"\b[A-Z][A-Z0-9]{1,}(?:_[A-Z0-9]+)+\b",  # RATE_LIMITED, MAPI_E_FAILED
        r"\b(?:[A-Z][a-z0-9]+){2,}(?:Exception|Error|Fault|Timeout)\b",
        r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+){1,6}\b",  # card_declined
        r"\b[a-z][a-z0-9]+(?:\.[a-z][a-z0-9_]+){1,4}\b",  # invoice.payment_failed
        r"\bv?\d+\.\d+(?:\.\d+){0,2}(?:-[\w.]+)?\b",  # a version
        r"\b(?:HTTP\s*)?[45]\d\d\b",
        r"\b(?:req|evt|in|cus|sub|ch|pi|key|org|acct)_[A-Za-z0-9]{4,40}\b",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        r"\b[0-9a-f]{7,40}\b(?=[^\w]|$)",
    )
)
_SIGNS: Final = re.compile(r"[.,;:!?)\]}'\"`]+$")
#: What has the shape of a dotted name and is a file, a host, or the end of a sentence.
_ORDINARY: Final = re.compile(r"^(?:e\.g|i\.e|etc\.\w*|www\..*|.*\.(?:com|org|net|io|example|html?|pdf|png|jpe?g|md))$")


def identifiers_in(text: str) -> list[str]:
    """Distinct, lower case, in the order of the shapes; at most MOST."""
    found: dict[str, None] = {}
    for shape in _SHAPES:
        for match in shape.finditer(text):
            name = " ".join(_SIGNS.sub("", match.group()).lower().split())
            if 3 <= len(name) <= _LONGEST and not _ORDINARY.match(name):
                found[name.removeprefix("http ")] = None
                if len(found) >= MOST:
                    return list(found)
    return list(found)
