"""Load what runs need before their clock starts. Libraries put off some imports until first use: a quarter of a second
that would otherwise pass while a run's answers come in."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
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
    # httpcore looks for this optional package at every lock it makes, in every folder of the path when it is not there:
    # a tenth of a second a run. None makes that one look into a dictionary.
    if "sniffio" not in sys.modules and find_spec("sniffio") is None:
        sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # "known to be absent", see the import system
