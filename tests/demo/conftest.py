"""A world whose anchor never moves, and its upstream servers on a loopback socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from altor.demo.upstreams.server import make_server
from altor.demo.world.build import World

ANCHOR = datetime(2026, 5, 20, 14, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def world() -> World:
    return World(seed=7, anchor=ANCHOR)


@pytest.fixture(scope="session")
def upstreams(world: World) -> Iterator[httpx.Client]:
    """A client of the upstream servers, ten minutes after the anchor."""
    server = make_server(world, clock=lambda: ANCHOR + timedelta(minutes=10))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}", trust_env=False) as client:
        yield client
    server.shutdown()
    server.server_close()
    thread.join()
