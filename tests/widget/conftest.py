from __future__ import annotations

import pytest
from django.core.cache import cache

from investigations.models import HelpdeskConnection
from tests.widget import scene


@pytest.fixture(autouse=True)
def _no_counts_left() -> None:
    cache.clear()


@pytest.fixture
def desk(db: None) -> HelpdeskConnection:
    return scene.helpdesk()
