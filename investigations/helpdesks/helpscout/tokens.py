"""Access tokens of this process, each until shortly before it expires. Keyed by address and credential together."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Final

_EARLY_S: Final = 60.0
_KEPT: Final = 64
_tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()
_lock = threading.Lock()


def token_of(key: str) -> str:
    """The token, "" when there is none that is still good."""
    with _lock:
        token, until = _tokens.get(key, ("", 0.0))
    return token if time.monotonic() < until else ""


def keep(key: str, token: str, expires_in_s: float) -> None:
    with _lock:
        _tokens[key] = (token, time.monotonic() + max(0.0, expires_in_s - _EARLY_S))
        _tokens.move_to_end(key)
        while len(_tokens) > _KEPT:
            _tokens.popitem(last=False)


def forget(key: str, token: str) -> None:
    """Drop the token, unless another one has taken its place meanwhile."""
    with _lock:
        if _tokens.get(key, ("", 0.0))[0] == token:
            del _tokens[key]


def forget_all() -> None:
    with _lock:
        _tokens.clear()
