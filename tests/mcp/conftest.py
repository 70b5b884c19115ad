"""A team's tickets and entries, committed, and a server in a thread that listens on loopback."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest
from anyio.from_thread import BlockingPortal
from django.core.cache import cache
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from rest_framework.test import APIClient

from altor.mcp.http import listening, serve
from altor.models import ApiToken, Team, User
from altor.roles import PERMISSIONS, role_may
from altor.tokens import create_token
from investigations.models import Investigation, Ticket
from knowledge.entries.saving import create_entry
from knowledge.models import Entry
from tests import factories as make

#: The handshake of before 2026, and requests that each stand alone.
ERAS = ("legacy", "auto")
HOSTS = ["altor.example", "*"]


@dataclass
class Scene:
    ours: Team
    people: dict[str, User]
    ticket: Ticket
    run: Investigation
    fresh: Ticket  # nobody has investigated it
    foreign_ticket: Ticket
    foreign_run: Investigation
    entry: Entry
    foreign_entry: Entry
    tokens: dict[str, ApiToken] = field(default_factory=dict)

    def token(self, name: str = "agent", *scopes: str, **values: Any) -> str:
        """Of the person; without scopes one that may all that the role may."""
        user = self.people[name]
        wanted = scopes or tuple(scope for scope in PERMISSIONS if role_may(user.role, scope))
        row, text = create_token(user=user, name="assistant", scopes=wanted, **values)
        self.tokens[text] = row
        return text


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    cache.clear()
    ours, theirs = make.team("Support", is_default=True), make.team("Elsewhere")
    people = {role: make.user(role, role=role, teams=(ours,)) for role in ("agent", "lead", "read_only")}
    people["outsider"] = make.user("outsider", teams=(theirs,))
    people["admin"] = make.user("admin", role="admin")
    ticket = make.ticket(in_team=ours, customer=make.customer())
    foreign = make.ticket(in_team=theirs)
    words = {"symptoms": "Answers with **429** on `GET /v2/orders`.", "root_cause": "Client 4.2 repeats at once."}
    return Scene(
        ours=ours,
        people=people,
        ticket=ticket,
        run=make.finished_run(ticket),
        fresh=make.ticket(in_team=ours),
        foreign_ticket=foreign,
        foreign_run=make.finished_run(foreign),
        entry=create_entry({"title": "Retry storm after a client update", **words}, actor=people["lead"]),
        foreign_entry=create_entry({"title": "Retry storm of theirs", **words}, actor=people["admin"], team=theirs),
    )


@dataclass
class Server:
    port: int
    stop: Callable[[], None]  # and wait for it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @asynccontextmanager
    async def client(self, token: str, mode: str = "auto") -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=20, trust_env=False) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield client

    def call(self, token: str, name: str, mode: str = "auto", **arguments: Any) -> CallToolResult:
        """One call in a session of its own."""

        async def work() -> CallToolResult:
            async with self.client(token, mode) as client:
                return await client.call_tool(name, arguments)

        return anyio.run(work)

    def post(self, body: Any = None, **headers: str) -> httpx2.Response:
        """What no well-behaved client sends. `headers` with _ for -."""
        given = {"Accept": b"application/json, text/event-stream", "Content-Type": b"application/json"}
        given |= {name.replace("_", "-"): value.encode("latin-1") for name, value in headers.items()}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        with httpx2.Client(timeout=20, trust_env=False) as http:
            if isinstance(body, bytes):
                return http.post(self.url, content=body, headers=given)
            return http.post(self.url, json=message if body is None else body, headers=given)


@pytest.fixture
def server(scene: Scene) -> Iterator[Server]:
    listener = listening("127.0.0.1", 0)
    ends: list[Callable[[], object]] = []
    begun = threading.Event()

    async def work() -> None:
        stopped = anyio.Event()
        async with BlockingPortal() as portal:
            ends.append(lambda: portal.start_task_soon(_call, stopped.set))
            begun.set()
            await serve(listener, HOSTS, stopped)

    def stop() -> None:
        if thread.is_alive():
            ends[0]()
        thread.join(10)
        assert not thread.is_alive()

    thread = threading.Thread(target=anyio.run, args=(work,))
    thread.start()
    assert begun.wait(10)
    yield Server(listener.getsockname()[1], stop)
    stop()


async def _call(work: Callable[[], object]) -> None:
    work()


@pytest.fixture
def rest() -> Callable[[str], APIClient]:
    def client(token: str) -> APIClient:
        found = APIClient()
        found.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return found

    return client
