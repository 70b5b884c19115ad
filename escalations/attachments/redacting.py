"""Texts of files as they are stored: without secrets and personal data. Images, documents and archives stay as they
came, which is said wherever they are offered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from altor.redaction import REDACTED, is_secret_field, redact, redact_text
from escalations.attachments.kinds import TEXTS, json_of, text_of
from escalations.models import AttachedFile

K = AttachedFile.Kind
#: As long a number as the shortest card's.
_LONG_NUMBER: Final = 10**11


def redacted(name: str, kind: AttachedFile.Kind, content: bytes) -> tuple[bytes, bool]:
    """(the bytes to store, whether they were looked through). `content` was checked by `kind_of`."""
    if kind not in TEXTS:
        return content, False
    text = text_of(name, content)
    if kind in (K.TEXT, K.CSV):
        return redact_text(text).encode(), True
    value = json_of(text)
    clean = _keys_and_numbers(redact(_named_pairs(value)))
    # What holds nothing is kept byte for byte.
    return (text if clean == value else json.dumps(clean, indent=1, ensure_ascii=False)).encode(), True


def _named_pairs(value: Any, *, are_cookies: bool = False) -> Any:
    """Headers, cookies and form fields of a HAR are pairs {"name", "value"}: the name tells what the value is."""
    if isinstance(value, list):
        return [_named_pairs(item, are_cookies=are_cookies) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _named_pairs(item, are_cookies=str(key) == "cookies") for key, item in value.items()}
    name = found.get("name")
    if isinstance(name, str) and found.get("value") and (are_cookies or is_secret_field(name)):
        found["value"] = REDACTED
    return found


def _keys_and_numbers(value: Any) -> Any:
    """Names of fields, and numbers that are a card's, are texts too."""
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _keys_and_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_keys_and_numbers(item) for item in value]
    if isinstance(value, int) and abs(value) > _LONG_NUMBER:
        said = redact_text(str(value))
        return value if said == str(value) else said
    return value
