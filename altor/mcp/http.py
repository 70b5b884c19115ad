"""A server that assistants reach over HTTP, each with its own token. A process of its own."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import anyio
import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from altor.api.authentication import bearer
from altor.api.parsers import DEFAULT_MAX_BYTES
from altor.audit import address_of
from altor.mcp.calling import Caller
from altor.mcp.gate import Gate
from altor.mcp.server import Context, server_for

MOST_SESSIONS: Final = 1000
IDLE_S: Final = 15 * 60
#: Open streams are waited for this long at the end.
_GRACE_S: Final = 2


class Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are ours: theirs would end the process by the signal instead of with 0."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """OSError when the port is taken or the host is not this machine's."""
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, number)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except OSError:
        found.close()
        raise
    return found


async def serve(listener: socket.socket, hosts: Sequence[str], stopped: anyio.Event) -> None:
    """Until `stopped`."""
    manager = StreamableHTTPSessionManager(
        server_for(_caller),
        json_response=True,
        session_idle_timeout=IDLE_S,
        max_request_body_size=DEFAULT_MAX_BYTES,
        max_sessions=MOST_SESSIONS,
    )
    config = uvicorn.Config(
        Gate(_Ending(manager.handle_request, stopped), hosts),
        http="h11", loop="asyncio", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False,  # whom to believe says ALTOR_TRUSTED_PROXIES
        limit_concurrency=MOST_SESSIONS, timeout_graceful_shutdown=_GRACE_S,
    )  # fmt: skip
    server = Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_when, stopped, server)
        async with manager.run():
            await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


class _Ending:
    """Streams on which a session listens end when the server does, instead of being cut off after its grace."""

    def __init__(self, app: ASGIApp, stopped: anyio.Event) -> None:
        self._app, self._stopped = app, stopped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        is_open = False

        async def noting(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._end, tasks.cancel_scope)
            await self._app(scope, receive, noting)
            tasks.cancel_scope.cancel()
        if is_open:
            await send({"type": "http.response.body", "body": b""})

    async def _end(self, scope: anyio.CancelScope) -> None:
        await self._stopped.wait()
        scope.cancel()


async def until_told(stopped: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stopped.set()
            return


async def _end_when(stopped: anyio.Event, server: uvicorn.Server) -> None:
    await stopped.wait()
    server.should_exit = True


def _caller(context: Context) -> Caller:
    request = context.request
    assert request is not None  # noqa: S101  # over HTTP there always is one
    peer = request.client.host if request.client else ""
    origin = address_of(request.headers.get("x-forwarded-for", ""), peer)
    return Caller(bearer(request.headers.get("authorization", "")) or "", origin)
