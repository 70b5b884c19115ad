"""Endpoints named in text: "POST /v2/orders", "/v2/orders/ord_81c2", a whole address of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_PATH = r"(?:/[A-Za-z0-9_\-.{}:~%]{1,80}){1,12}/?"
_SPOKEN: Final = re.compile(
    rf"(?:(?<![A-Za-z])(?P<method>{'|'.join(METHODS)})(?:s|ing)?(?:\s+(?:to|on|request(?:s)? (?:to|on)|call(?:s)? (?:to|on)))?[\s:`'\"]{{1,4}})?"
    rf"(?<![\w/.])(?P<host>https?://[A-Za-z0-9.\-]{{1,200}}(?::\d{{1,5}})?)?(?P<path>{_PATH})",
    re.IGNORECASE,
)
_VERSION: Final = re.compile(r"^/(?:[a-z\-]{1,20}/)?v\d{1,2}(?:[./]|$)|^/(?:api|rest|graphql)(?:/|$)", re.IGNORECASE)
_FILES: Final = frozenset(
    {"usr", "etc", "var", "home", "tmp", "opt", "bin", "dev", "proc", "users", "root", "mnt", "lib", "app", "srv"}
)
_NAMES_ENDPOINT: Final = re.compile(
    r"(?:endpoint|route|path|call(?:s|ing)?(?: to)?|request(?:s)?(?: to| on)?|url|hit(?:ting)?|on|to|api)[\s:`'\"(]{1,4}$",
    re.IGNORECASE,
)
_ENDPOINT_FOLLOWS: Final = re.compile(r"[\s`'\")]{1,3}(?:endpoint|route|call|request|api)", re.IGNORECASE)
_ID: Final = re.compile(
    r"(?:\d{2,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|[A-Za-z]{2,10}_[A-Za-z0-9]{4,}"
    r"|[A-Za-z]{0,4}\d{4,}[A-Za-z0-9]{0,20}|[A-Z0-9]{10,})",
    re.IGNORECASE,
)
_SNAKE: Final = re.compile(r"[a-z]+(?:_[a-z]+)+")


@dataclass(frozen=True, slots=True)
class Found:
    value: str
    start: int
    end: int


def find_endpoints(text: str) -> Iterator[Found]:
    """Endpoints in the order of the text; those with a method first told apart by the caller. Ids become `{id}`."""
    for match in _SPOKEN.finditer(text):
        path = match["path"].rstrip(".:,;/-") or "/"
        segments = path.split("/")[1:]
        if not _is_endpoint(match, text, path, segments):
            continue
        method = (match["method"] or "").upper()
        value = normalised(f"{method} {path}".strip())
        end = match.start("path") + len(path)
        yield Found(value, match.start(), end)


def _is_endpoint(match: re.Match[str], text: str, path: str, segments: list[str]) -> bool:
    if segments[0].lower() in _FILES or path.count("/") != len(segments) or not any(c.isalpha() for c in path):
        return False
    versioned = _VERSION.match(path) is not None
    if match["host"]:
        return versioned and (
            match["host"].lower().removeprefix("https://").startswith(("api.", "api-", "gateway."))
            or "/v" in path
            or "/api" in path
        )
    if versioned or match["method"]:
        return True
    before = text[max(0, match.start() - 20) : match.start()]
    after = text[match.end() : match.end() + 14]
    named = _NAMES_ENDPOINT.search(before) or _ENDPOINT_FOLLOWS.match(after)
    return bool(named) and not (len(segments) == 1 and len(segments[0]) < 3)


def normalised(endpoint: str) -> str:
    """`METHOD /path` with query and trailing slash gone, lower-case words and ids as `{id}`; a bare path stays bare."""
    method, _, path = endpoint.rpartition(" ")
    path = path.partition("?")[0].partition("#")[0]
    parts = [_segment(part) for part in path.split("/") if part]
    path = "/" + "/".join(parts)
    return f"{method.strip().upper()} {path}".strip()


def _segment(part: str) -> str:
    if part.startswith(("{", ":", "<")):
        return "{" + part.strip("{}:<>") + "}"
    if _ID.fullmatch(part) and not _SNAKE.fullmatch(part) and not re.fullmatch(r"v\d+", part, re.IGNORECASE):
        return "{id}"
    return part.lower()
