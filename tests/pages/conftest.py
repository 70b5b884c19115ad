"""The scene of the pages, made once a module: each test works in a savepoint of its own that is taken back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.pages import scene as scenes


@pytest.fixture(scope="module")
def _built(django_db_setup: None, django_db_blocker: Any) -> Iterator[scenes.Scene]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield scenes.build()
        transaction.set_rollback(True)


@pytest.fixture
def scene(_built: scenes.Scene, db: None) -> scenes.Scene:
    """As it was made: what another test changed in these objects is not seen."""
    return copy.deepcopy(_built)
