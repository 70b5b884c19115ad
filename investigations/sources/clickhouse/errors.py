"""ClickHouse's error codes in the words of the source protocol."""

from __future__ import annotations

import re
from typing import Final

from altor.redaction import redact
from investigations.sources.base import (
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)

NAME: Final = "clickhouse"
_CODE: Final = re.compile(r"(?:Code: |exception, code: |error code )(\d+)")
_TEXT: Final = re.compile(
    r"DB::Exception: (?:Code: \d+\. DB::Exception: )?(.+?)(?: In scope | in scope |: While |\. \(|\Z)", re.DOTALL
)
_STATUS: Final = re.compile(r"HTTP status (\d{3})")
#: What each code means to a person.
_WORDS: Final = {
    36: "the query is not valid here",
    43: "a function does not take these values",
    46: "it does not know a function",
    47: "a column does not exist",
    53: "two types do not fit",
    60: "a table does not exist",
    62: "the query is not valid",
    81: "the database does not exist",
    158: "the query would read too many rows",
    159: "the query took too long",
    160: "the query would take too long",
    164: "this user may not change settings",
    192: "the user does not exist",
    193: "user or password is wrong",
    194: "user or password is wrong",
    195: "this address may not connect",
    201: "the quota of this user is used up",
    202: "too many queries at the same time",
    241: "the query needs too much memory",
    291: "this user may not use the database",
    307: "the query would read too many bytes",
    394: "the query was stopped by somebody",
    396: "the result is too large",
    452: "this user may not change settings",
    456: "a parameter has no value",
    457: "a parameter's value does not fit its type",
    497: "this user may not read the table",
    516: "user or password is wrong",
}
_REFUSED: Final = frozenset({192, 193, 194, 195, 291, 497, 516})
_LIMITED: Final = frozenset({158, 159, 160, 201, 202, 241, 307, 396})
#: The server or its neighbours are in trouble; another time the same query may succeed.
_TROUBLE: Final = frozenset(
    {198, 203, 209, 210, 225, 236, 242, 243, 244, 279, 319, 335, 341, 394, 415, 425, 439, 519, 573, 593, 999}
)
#: The user's profile does not take the settings that came with the query: send it again without.
SETTINGS_REFUSED: Final = frozenset({115, 164, 452})
#: The tables are not as they were when they were looked at.
LAYOUT_CHANGED: Final = frozenset({10, 16, 47, 60, 81})
#: Over in a moment.
BUSY: Final = 202


def code_in(text: str) -> int | None:
    found = _CODE.search(text)
    return int(found.group(1)) if found else None


def status_in(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found.group(1)) if found else None


def error_for(text: str, query_id: str) -> SourceError:
    """The error of the protocol for the server's own text."""
    code = code_in(text)
    if code is None:
        return _without_code(text, query_id)
    kind: type[SourceError]
    if code in _REFUSED:
        kind = SourceRefused
    elif code in _LIMITED:
        kind = SourceLimited
    elif code in _TROUBLE or code >= 1000:
        kind = SourceUnavailable
    else:
        kind = SourceAnswerInvalid
    message = f"ClickHouse: {_WORDS.get(code, 'the query failed')} (code {code})"
    if kind is SourceAnswerInvalid:
        message += _detail(text)
    error = kind(NAME, message, request_id=query_id)
    setattr(error, "code", code)  # noqa: B010  # read by code_of; the protocol's errors know no codes
    return error


def _detail(text: str) -> str:
    """The server's first sentence, for the author of the query: it names the column or function that is wrong."""
    found = _TEXT.search(text)
    words = redact(" ".join(found.group(1).split())) if found else ""
    return f": {words[:160]}" if words else ""


def code_of(error: SourceError) -> int | None:
    """ClickHouse's code behind an error; None when it never got that far."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else None


def _without_code(text: str, query_id: str) -> SourceError:
    """No ClickHouse spoke: a proxy, a load balancer, or a server that is just starting."""
    status = status_in(text)
    if status in (401, 403):
        return SourceRefused(NAME, "ClickHouse: user or password is wrong", request_id=query_id)
    if status == 429:
        return SourceLimited(NAME, "ClickHouse: the address limits requests", request_id=query_id)
    if status is not None and 300 <= status < 500:
        return SourceAnswerInvalid(
            NAME, f"ClickHouse: the address answers with HTTP {status}; is it ClickHouse's?", request_id=query_id
        )
    what = f"it answers with HTTP {status}" if status else "the query failed"
    return SourceUnavailable(NAME, f"ClickHouse: {what}", request_id=query_id)
