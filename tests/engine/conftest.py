"""An upstream on loopback and the three test sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.scene import answering
from tests.engine.sources import PATHS
from tests.loopback import Upstream, serving


@pytest.fixture(autouse=True)
def _test_sources(settings: Any) -> None:
    settings.SOURCES = [*settings.SOURCES, *PATHS]  # the shipped playbooks name the real ones


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(answering()) as server:
        yield server
