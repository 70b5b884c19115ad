"""Answers kept with their ETag: asking again costs GitHub's limit nothing when nothing changed (304).

Kept per (address, token, URL), in this process and in the Django cache, so that other workers profit too. A cache that
is down is a miss, never an error.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.cache import cache

log = logging.getLogger(__name__)

KEEP_SECONDS = 24 * 3600
_MAX_ENTRIES = 512
_MAX_BODY = 400_000


@dataclass(frozen=True, slots=True)
class Kept:
    etag: str
    body: bytes
    link: str  # the Link header, which a 304 need not repeat


_kept: OrderedDict[str, Kept] = OrderedDict()
_lock = threading.Lock()


def key_of(connection_key: str, url: str) -> str:
    return "altor.github.etag." + hashlib.sha256(f"{connection_key}\x00{url}".encode()).hexdigest()


async def find(key: str) -> Kept | None:
    with _lock:
        kept = _kept.get(key)
        if kept is not None:
            _kept.move_to_end(key)
            return kept
    try:
        stored = await sync_to_async(cache.get)(key)
    except Exception:
        log.warning("the cache could not be read; GitHub is asked without ETag", exc_info=True)
        return None
    if not (isinstance(stored, (tuple, list)) and len(stored) == 3):
        return None
    kept = Kept(*stored)
    _remember(key, kept)
    return kept


async def keep(key: str, kept: Kept) -> None:
    if not kept.etag or len(kept.body) > _MAX_BODY:
        return
    _remember(key, kept)
    try:
        await sync_to_async(cache.set)(key, (kept.etag, kept.body, kept.link), KEEP_SECONDS)
    except Exception:
        log.warning("the cache could not be written", exc_info=True)


def _remember(key: str, kept: Kept) -> None:
    with _lock:
        _kept[key] = kept
        _kept.move_to_end(key)
        while len(_kept) > _MAX_ENTRIES:
            _kept.popitem(last=False)


def forget() -> None:
    """Empty this process's part (tests)."""
    with _lock:
        _kept.clear()
