"""Answers kept with their ETag: asking again costs GitHub's limit nothing when nothing changed (304).

Kept per (address, token, URL). One `EtagStore` per session works on this process's memory; the Django cache is read
once when this process knows nothing yet and written once at the end, so that a run costs two look-ups, not two per
request. A cache that is down is a miss, never an error.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connections

log = logging.getLogger(__name__)

KEEP_SECONDS = 24 * 3600
_MAX_BODY, _MAX_TOTAL, _MAX_CONNECTIONS = 200_000, 1_000_000, 32


@dataclass(frozen=True, slots=True)
class Kept:
    etag: str
    body: bytes
    link: str  # the Link header, which a 304 need not repeat


_memory: OrderedDict[str, OrderedDict[str, Kept]] = OrderedDict()
_lock = threading.Lock()


class EtagStore:
    """What is kept for one connection. `connection_key` identifies address and token."""

    def __init__(self, connection_key: str) -> None:
        self._key = f"altor.github.etags.{connection_key}"
        self._loading: asyncio.Task[None] | None = None
        self._changed = False

    async def find(self, url: str) -> Kept | None:
        await self._load_once()
        with _lock:
            kept = _memory[self._key]
            found = kept.get(_hash(url))
            if found is not None:
                kept.move_to_end(_hash(url))
            return found

    def keep(self, url: str, found: Kept) -> None:
        if not found.etag or len(found.body) > _MAX_BODY:
            return
        with _lock:
            kept = _memory.setdefault(self._key, OrderedDict())
            kept[_hash(url)] = found
            kept.move_to_end(_hash(url))
            total = sum(len(each.body) for each in kept.values())
            while total > _MAX_TOTAL:
                total -= len(kept.popitem(last=False)[1].body)
        self._changed = True

    async def save(self) -> None:
        if not self._changed:
            return
        with _lock:
            entries = {url: (kept.etag, kept.body, kept.link) for url, kept in _memory.get(self._key, {}).items()}
        await asyncio.to_thread(_in_cache, "set", self._key, entries, KEEP_SECONDS)

    async def _load_once(self) -> None:
        with _lock:
            if self._key in _memory:
                return
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        stored = await asyncio.to_thread(_in_cache, "get", self._key)
        entries = stored if isinstance(stored, dict) else {}
        with _lock:
            _memory.setdefault(self._key, OrderedDict((url, Kept(*entry)) for url, entry in entries.items()))
            while len(_memory) > _MAX_CONNECTIONS:
                _memory.popitem(last=False)


def _in_cache(method: str, *args: Any) -> Any:
    """In a thread of its own, because the cache may be a table; its database connection ends with the call."""
    try:
        return getattr(cache, method)(*args)
    except Exception:
        log.warning("the cache of GitHub answers could not be used", exc_info=True)
        return None
    finally:
        connections.close_all()


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def forget() -> None:
    """Empty this process's part (tests)."""
    with _lock:
        _memory.clear()
