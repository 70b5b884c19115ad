"""People, the test sources, and entries whose detection query asks one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from knowledge.models import Entry
from tests.engine.conftest import _test_sources, upstream
from tests.knowledge.entries.conftest import Cast, cast

__all__ = ["_test_sources", "cast", "upstream"]

Known = Callable[..., Entry]


def detection(of: str = "kb", source: str = "alpha", **more: Any) -> dict[str, Any]:
    """Asks a test source for a number and fires above 1."""
    return {
        "source": source, "operation": "value", "params": {"of": json.dumps(of)}, "facts": {"n": "found.data.n"},
        "fires": "found.n > 1.0", "says": "n is {found.n}", **more,
    }  # fmt: skip


@pytest.fixture
def known(cast: Cast) -> Known:
    """An entry with a detection query; `of` is what it asks for."""

    def make(of: str = "kb", **words: Any) -> Entry:
        asks = words.pop("detection", None) or detection(of)
        entry = cast.entry(**{"label": "rl.many", "tiers": [], "detection": None, **words})
        # Put beside the checks: the test sources take any parameter and declare none.
        Entry.objects.filter(pk=entry.pk).update(detection=asks)
        entry.refresh_from_db()
        return entry

    return make
