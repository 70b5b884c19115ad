"""Loopback may be dialled here, as in development; each test starts without memory of former connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from altor.outbound.state import forget_states


@pytest.fixture(autouse=True)
def fresh_outbound(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.PRIVATE_UPSTREAMS = ""
    forget_states()
    yield
    forget_states()
