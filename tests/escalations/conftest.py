"""Loopback upstreams are allowed and nothing is remembered between tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from altor.outbound.state import forget_states
from investigations.sources.github import etags
from tests.escalations import linear_scene
from tests.escalations.peers.linear import LinearPeer, linear


@pytest.fixture
def peer(settings: Settings) -> Iterator[LinearPeer]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.ISSUE_CHANGED = ["tests.escalations.linear_scene.remember"]
    linear_scene.TOLD.clear()
    forget_states()
    etags.forget()
    with linear() as found:
        yield found
    forget_states()
    etags.forget()
