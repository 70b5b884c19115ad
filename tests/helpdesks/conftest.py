"""Loopback helpdesks are allowed and nothing is remembered between tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from altor.outbound.state import forget_states
from tests.helpdesks.desk import Desk
from tests.loopback import Upstream, serving


@pytest.fixture(autouse=True)
def fresh_helpdesks(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    forget_states()
    yield
    forget_states()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def upstream(desk: Desk) -> Iterator[Upstream]:
    with serving(desk) as found:
        yield found
