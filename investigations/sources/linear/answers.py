"""How Linear answers: errors classified by code and type before status, rate limits, the data of a whole answer.

Both clients of Linear read their answers here: the one that only asks, and the one that files.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from altor.outbound import Limit, Reply
from altor.outbound.retries import retry_after, until_epoch
from investigations.sources.base import (
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.http import CredentialRefused, cut_text, judge_status

SOURCE, TITLE = "linear", "Linear"
_LIMITED = frozenset({"ratelimited", "usage limit exceeded"})
_NO_FEATURE = frozenset({"feature not accessible", "feature_not_accessible"})
_UNKNOWN_KEY = frozenset({"authentication error", "authentication_error"})
_REFUSED = frozenset({"forbidden"})
_DOWN = frozenset({"internal error", "internal_server_error", "network error", "lock timeout"})


class FeatureRefused(SourceRefused):
    """The credential is good; the workspace's plan or settings do not have what was asked for."""


def limit_of(reply: Reply) -> Limit | None:
    """Linear says "rate limited" with HTTP 400 as well as 429: the error's code and type decide before the status."""
    if reply.status == 429 or (reply.status >= 400 and _words(_errors(reply.body)) & _LIMITED):
        wait = retry_after(reply.headers)
        if wait is None:
            exhausted = [
                reply.headers.get(f"x-ratelimit-{kind}-reset", "")
                for kind in ("requests", "complexity")
                if reply.headers.get(f"x-ratelimit-{kind}-remaining") == "0"
            ]
            resets = [until_epoch(text, milliseconds=True) for text in exhausted]
            wait = max((seconds for seconds in resets if seconds is not None), default=None)
        return Limit(wait)
    return None


def data_of(response: httpx.Response) -> dict[str, Any]:
    """`data` of the answer. An answer with errors is refused as a whole: half an answer reads like a whole one."""
    errors = _errors(response.content)
    if errors:
        raise _as_error(errors, response)
    judge_status(SOURCE, TITLE, response)
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        raise SourceAnswerInvalid(SOURCE, "Linear answered with something that is not valid JSON") from None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise SourceAnswerInvalid(SOURCE, "Linear's answer holds no data")
    return data


def operation_name(document: str) -> str:
    """`AltorIdentity` of `query AltorIdentity(…) {…}`."""
    return document.split("(", 1)[0].split("{", 1)[0].split()[1]


def _errors(content: bytes) -> list[dict[str, Any]]:
    if b'"errors"' not in content[:200_000]:
        return []
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return []
    found = body.get("errors") if isinstance(body, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _words(errors: list[dict[str, Any]]) -> frozenset[str]:
    """Codes and types of all errors, in lower case."""
    extensions = [each.get("extensions") or {} for each in errors]
    return frozenset(
        str(x.get(key) or "").lower() for x in extensions if isinstance(x, dict) for key in ("code", "type")
    )


def _as_error(errors: list[dict[str, Any]], response: httpx.Response) -> SourceError:
    words = _words(errors)
    first = errors[0]
    extensions = first.get("extensions") or {}
    said = cut_text(extensions.get("userPresentableMessage") or first.get("message"), 160)
    told = {"request_id": response.headers.get("x-request-id", "")}
    if words & _LIMITED:
        return SourceLimited(SOURCE, "Linear: rate limited", retry_after_s=retry_after(response.headers), **told)
    if words & _NO_FEATURE:
        return FeatureRefused(SOURCE, f"The Linear workspace does not have this: {said}", **told)
    if words & _UNKNOWN_KEY or response.status_code == 401:
        return CredentialRefused(SOURCE, f"Linear refused the credential: {said}", **told)
    if words & _REFUSED or response.status_code == 403:
        return SourceRefused(SOURCE, f"Linear refused the credential: {said}", **told)
    if words & _DOWN or response.status_code >= 500:
        return SourceUnavailable(SOURCE, f"Linear has a fault of its own: {said}", **told)
    return SourceAnswerInvalid(SOURCE, f"Linear did not accept the query: {said}", **told)
