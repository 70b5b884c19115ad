"""Parts that higher apps plug in: lists of dotted paths in the settings, loaded once per process."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@lru_cache(maxsize=64)
def _load(paths: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(import_string(path) for path in paths)


def parts(setting: str) -> tuple[Any, ...]:
    """The objects that `setting` (SOURCES, WIDGET_PARTS, …) names, in its order. ImportError names a wrong path."""
    return _load(tuple(getattr(settings, setting)))
