"""Load what runs need before their clock starts. Libraries put off some imports until first use: a quarter of a second
that would otherwise pass while a run's answers come in."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from typing import Final

from altor.registry import parts

_ON_FIRST_USE: Final = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "django.core.cache.backends.db",
    "httpcore",
    "numpy.ma",
    "stripe._object_classes",
    "stripe._stripe_client",
    "stripe._v1_services",
)


@lru_cache(maxsize=1)
def warm() -> None:
    """Idempotent; starts no thread, so a worker cluster calls it before it forks."""
    parts("SOURCES")
    for name in _ON_FIRST_USE:
        with suppress(ImportError):  # another release of the library: its first use pays
            import_module(name)
