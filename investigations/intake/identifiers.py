"""Request and trace ids, error codes, and ids of objects named in text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from investigations.intake.endpoints import Found

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REQUEST_PREFIX: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:req|request|trace|trc)[_\-](?=[A-Za-z0-9\-]{0,40}\d)[A-Za-z0-9\-]{6,64}(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_REQUEST_NAMED: Final = re.compile(
    r"(?:x[\-_])?(?:request|trace|correlation|span|req)[\s\-_]{0,2}(?:ids?|no\.?|number)?(?:\s(?:is|was|are|of))?[\s:=#\"'`(]{1,5}"
    rf"(?P<id>{_UUID}|(?=[A-Za-z0-9_\-]{{0,60}}\d)[A-Za-z0-9][A-Za-z0-9_\-]{{7,63}})(?![A-Za-z0-9_\-])",
    re.IGNORECASE,
)
_TRACEPARENT: Final = re.compile(
    r"(?<![0-9a-f])00-(?P<id>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])", re.IGNORECASE
)

_STATUS_NAMED: Final = re.compile(
    r"(?:http(?:/\d(?:\.\d)?)?|status(?:\s?code)?|errors?|code|response|returns?|returned|returning|answers?|answered|gives?|giving|gave|gets?|getting|got|receiv\w{1,4}|with|an?)"
    r"[\s:=#\"'`(]{1,4}(?:https?\s|status\s|code\s|error\s|of\s){0,2}(?P<code>[45]\d\d)(?:s|'s)?(?![\d.,:/]\d|\w|%|\s?(?:ms|%|users?|customers?|orders?|requests?/|eur|usd|gbp|dollars?|euros?|items?|rows?|k\b))",
    re.IGNORECASE,
)
_STATUS_FOLLOWED: Final = re.compile(
    r"(?<![\w.,:/$€£#\-])(?P<code>[45]\d\d)(?:s|'s)?\s{1,2}(?:errors?|responses?|status|too many|internal|bad gateway|service unavail\w*|gateway|unauthori[sz]ed|forbidden|not found|conflict|unprocessable|bad request|payment required|gone)",
    re.IGNORECASE,
)
#: Said without any context, only these can be nothing else.
_STATUS_BARE: Final = re.compile(
    r"(?<![\w.,:/$€£#\-+])(?P<code>429|50[0234])(?:s|'s)?(?![\d.,:/\-]\d|[A-Za-z%]|\s?(?:ms\b|%|[a-z]+s\b|req|eur\b|usd\b|gbp\b|km\b|more\b|of\b|/))",
    re.IGNORECASE,
)
_MONEY_WORD: Final = re.compile(
    r"(?:charged|paid|pay|cost|costs|total|amount|price|order|ticket|invoice|room|about|over|of)\W{0,3}$", re.IGNORECASE
)
_CODE_WORDS = (
    r"error|err|exceeded|limit|limited|invalid|failed|failure|denied|expired|timeout|missing|unauthori[sz]ed|forbidden|unavailable"
    r"|found|declined|revoked|required|rejected|refused|mismatch|conflict|insufficient|exhausted|throttled|unsupported|duplicate"
)
_SNAKE_CODE: Final = re.compile(
    rf"(?<![\w./\-])(?=[a-z0-9_]{{0,60}}(?:{_CODE_WORDS})(?:_|\b))[a-z]{{2,30}}(?:_[a-z0-9]{{1,30}}){{1,6}}(?![\w./\-]\w)",
    re.IGNORECASE,
)
_CONSTANT_CODE: Final = re.compile(
    r"\b(?:ERR_[A-Z_]{3,40}|E(?:CONN(?:RESET|REFUSED|ABORTED)|TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN|HOSTUNREACH)|ENOTFOUND|EAI_AGAIN|NXDOMAIN|SERVFAIL"
    r"|CERT_HAS_EXPIRED|UNABLE_TO_[A-Z_]{3,40})\b"
)
_EXCEPTION: Final = re.compile(r"(?<!\w)[A-Z][a-z][A-Za-z0-9]{1,40}(?:Error|Exception)\b")

_OBJECT: Final = re.compile(
    r"(?<![A-Za-z0-9_/\-])(?P<prefix>[A-Za-z]{2,10})_(?P<rest>(?:live_|test_)?[A-Za-z0-9]{6,64})(?![A-Za-z0-9_])"
)
_NOT_OBJECTS: Final = frozenset(
    {"req", "request", "trace", "trc", "err", "sk", "rk", "pk", "whsec", "utm", "is", "to", "no"}
)
_NAMED_OBJECT: Final = re.compile(
    r"\b(?:org(?:ani[sz]ation)?|account|tenant|workspace|customer|project)[\s\-_]{0,2}(?:id|no\.?|number|#)[\s:=#\"'`(]{1,4}(?:is\s)?(?P<id>[A-Za-z0-9][A-Za-z0-9_\-]{2,63})(?![A-Za-z0-9_\-])",
    re.IGNORECASE,
)


def find_request_ids(text: str) -> Iterator[Found]:
    for match in _TRACEPARENT.finditer(text):
        yield Found(match["id"].lower(), match.start(), match.end())
    for match in _REQUEST_NAMED.finditer(text):
        yield Found(match["id"], match.start(), match.end())
    for match in _REQUEST_PREFIX.finditer(text):
        yield Found(match.group(), match.start(), match.end())


def find_error_codes(text: str) -> Iterator[Found]:
    """HTTP statuses as three digits; names of errors as written, snake case in lower case."""
    for pattern in (_STATUS_NAMED, _STATUS_FOLLOWED, _STATUS_BARE):
        for match in pattern.finditer(text):
            if pattern is not _STATUS_BARE or not _MONEY_WORD.search(text[max(0, match.start() - 14) : match.start()]):
                yield Found(match["code"], match.start(), match.end())
    for match in _SNAKE_CODE.finditer(text):
        yield Found(match.group().lower(), match.start(), match.end())
    for pattern in (_CONSTANT_CODE, _EXCEPTION):
        for match in pattern.finditer(text):
            yield Found(match.group(), match.start(), match.end())


def find_object_ids(text: str) -> Iterator[Found]:
    """Ids like in_…, sub_…, evt_…, org_…, and what stands after "account id". The prefix comes in lower case."""
    for match in _OBJECT.finditer(text):
        prefix, rest = match["prefix"].lower(), match["rest"]
        looks_random = any(c.isdigit() for c in rest) or (
            any(c.isupper() for c in rest[1:]) and any(c.islower() for c in rest)
        )
        if prefix not in _NOT_OBJECTS and looks_random:
            yield Found(f"{prefix}_{rest}", match.start(), match.end())
    for match in _NAMED_OBJECT.finditer(text):
        value = match["id"]
        if any(c.isdigit() for c in value) or "_" in value or "-" in value:
            yield Found(value, match.start("id"), match.end("id"))
