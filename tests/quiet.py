"""Tests that measure time do not run beside tests that use up the machine, whichever process they run in."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings


@pytest.fixture
def quiet() -> Iterator[None]:
    """For a test that measures: it waits until nothing noisy runs, and holds up what would begin."""
    with _holding(fcntl.LOCK_EX):
        yield


@pytest.fixture
def noise() -> Iterator[None]:
    """For a test that keeps all cores busy for long."""
    with _holding(fcntl.LOCK_SH):
        yield


@contextmanager
def _holding(kind: int) -> Iterator[None]:
    with (settings.HOME / "quiet.lock").open("w") as file:
        fcntl.flock(file, kind)
        yield
