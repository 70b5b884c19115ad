"""JSON in: bounded in bytes and depth, without characters that no database takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

DEFAULT_MAX_BYTES: Final = 256_000
_MAX_DEPTH: Final = 40
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is too large"


def read_json(raw: bytes) -> Any:
    """`raw` as JSON, without NUL and lone surrogates. ParseError: not UTF-8, not JSON, NaN, nested too deeply."""
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse)
        return clean(value)
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except RecursionError:
        raise ParseError("The body is nested too deeply.") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def clean(value: Any, depth: int = 0) -> Any:
    """JSON without NUL and lone surrogates. ParseError: nested too deeply."""
    if depth > _MAX_DEPTH:
        raise ParseError(f"The body is nested deeper than {_MAX_DEPTH} levels.")
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("", key): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    return value


class JSONParser(BaseParser):
    """The view's `max_body_bytes` is the limit; 413 beyond it."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = getattr((parser_context or {}).get("view"), "max_body_bytes", DEFAULT_MAX_BYTES)
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(f"At most {limit} bytes are accepted here.")
        return read_json(raw)
