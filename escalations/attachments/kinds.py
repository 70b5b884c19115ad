"""What a file is: its name must end as one of a short list, and its bytes must be what the ending says."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from altor.errors import InvalidInput
from escalations.models import AttachedFile

K = AttachedFile.Kind
ENDINGS: Final = {
    ".txt": K.TEXT, ".log": K.TEXT, ".jsonl": K.TEXT, ".json": K.JSON, ".har": K.HAR, ".csv": K.CSV, ".tsv": K.CSV,
    ".png": K.PNG, ".jpg": K.JPEG, ".jpeg": K.JPEG, ".pdf": K.PDF, ".gz": K.GZIP, ".tgz": K.GZIP, ".zip": K.ZIP,
}  # fmt: skip
#: Kinds whose texts can be redacted.
TEXTS: Final = frozenset({K.TEXT, K.JSON, K.HAR, K.CSV})
_BEGINNINGS: Final = {
    K.PNG: (b"\x89PNG\r\n\x1a\n",), K.JPEG: (b"\xff\xd8\xff",), K.PDF: (b"%PDF-",), K.GZIP: (b"\x1f\x8b\x08",),
    K.ZIP: (b"PK\x03\x04", b"PK\x05\x06"),
}  # fmt: skip
#: Not in a text: what is no tab, line end, form feed or escape of a terminal's colours.
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
#: Levels of JSON; a HAR has about ten.
_DEEPEST: Final = 60


def kind_of(name: str, content: bytes) -> AttachedFile.Kind:
    """InvalidInput (field `file`) for a file that may not be attached, with what may."""
    dot = name.rfind(".")
    kind = ENDINGS.get(name[dot:].lower()) if dot >= 0 else None
    if kind is None:
        raise refused(f"A file that ends as one of these can be attached: {', '.join(ENDINGS)}.")
    if not content:
        raise refused(f"{name} is empty.")
    if kind in TEXTS:
        text = text_of(name, content)
        if kind in (K.JSON, K.HAR):
            _check_json(name, kind, text)
    elif not content.startswith(_BEGINNINGS[kind]):
        raise refused(f"{name} is no {kind.label}, although its name says so.")
    return kind


def text_of(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused(f"{name} is no text in UTF-8.") from None
    if _NO_TEXT.search(text):
        raise refused(f"{name} holds characters that no text holds.")
    return text


def json_of(text: str) -> Any:
    """ValueError for what is no JSON, or is nested too deeply."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _depth(value) > _DEEPEST:
        raise ValueError("nested too deeply")
    return value


def refused(words: str) -> InvalidInput:
    return InvalidInput(words, errors={"file": [words]})


def _check_json(name: str, kind: AttachedFile.Kind, text: str) -> None:
    try:
        value = json_of(text)
    except ValueError as error:
        raise refused(f"{name} is no {kind.label}: {error}.") from None
    log = value.get("log") if isinstance(value, dict) else None
    if kind is K.HAR and not (isinstance(log, dict) and isinstance(log.get("entries"), list)):
        raise refused(f"{name} is no HAR: it has no log with entries.")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _depth(value: Any) -> int:
    """Levels, counted without recursion: what is too deep must not break the counting."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, level = waiting.pop()
        deepest = max(deepest, level)
        if level > _DEEPEST:
            return level
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting += [(each, level + 1) for each in inner if isinstance(each, (dict, list))]
    return deepest
