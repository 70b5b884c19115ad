"""Answers stay of a size that an assistant can take in: long texts are cut, and say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rest_framework.utils.encoders import JSONEncoder

#: Characters of one answer as JSON.
MOST: Final = 200_000
#: Characters of its rendering as text.
MOST_TEXT: Final = 30_000
_LEAST: Final = 300


def bounded(document: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """As plain JSON values; no text longer than `longest`, all of them shorter while the whole exceeds MOST."""
    written = json.dumps(document, cls=JSONEncoder)
    plain: dict[str, Any] = json.loads(written)
    if len(written) <= longest:
        return plain
    while True:
        found = {key: _cut_in(value, longest) for key, value in plain.items()}
        if longest <= _LEAST or len(json.dumps(found)) <= MOST:
            return found
        longest = max(_LEAST, longest // 2)


def cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest].rstrip()} … (cut: {len(text) - longest} more characters)"


def _cut_in(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return cut(value, longest)
    if isinstance(value, dict):
        return {key: _cut_in(item, longest) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_in(item, longest) for item in value]
    return value
