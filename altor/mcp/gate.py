"""In front of the server over HTTP: nobody gets to it who was not asked for host, origin and token, in each request.

A page in somebody's browser may reach a server on their machine, under a name that it made point there. It cannot
choose the Host and Origin that its browser sends: only names of this installation and of loopback pass.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil
from typing import Any, Final
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from django.db import connections
from django.http.request import split_domain_port, validate_host
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from rest_framework.exceptions import AuthenticationFailed
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from altor.api.authentication import KEYWORD, bearer
from altor.api.problems import CONTENT_TYPE, problem
from altor.api.throttles import hit, of_token
from altor.mcp.calling import token_of
from altor.models import ApiToken

PATH: Final = "/mcp"
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_PROTOCOL: Final = "mcp-protocol-version"


class Refused(Exception):
    def __init__(self, status: int, code: str, title: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Gate:
    """`hosts`: names beside those of loopback under which the server is reached; `*` is none."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = [*LOOPBACK, *(host for host in hosts if host != "*")]
        self._lookups = CapacityLimiter(4)  # apart from calls: a busy server still says who may not come in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        try:
            self._judge_place(scope["path"], headers)
            token = await to_thread.run_sync(_holder, headers, scope["method"], limiter=self._lookups)
        except Refused as refused:
            await _answer(refused, send)
            return
        # The library holds a session to whom it was opened by: this token, and no other one of the same person.
        access = AccessToken(token="", client_id=str(token.pk), scopes=token.scopes, subject=str(token.user_id))
        scope["user"] = AuthenticatedUser(access)
        await self._app(scope, receive, _not_stored(send))

    def _judge_place(self, path: str, headers: Headers) -> None:
        if not self._is_ours(headers.get("host", "")):
            raise Refused(421, "wrong_host", "Not this host", "The server is not reached under this name.")
        if "origin" in headers and not self._is_our_origin(headers["origin"]):
            raise Refused(403, "wrong_origin", "Not from there", "Pages of this origin may not call the server.")
        if path.rstrip("/") != PATH:
            raise Refused(404, "not_found", "Not found", f"The server answers at {PATH}.")

    def _is_ours(self, host: str) -> bool:
        domain, _ = split_domain_port(host)
        return bool(domain) and validate_host(domain, self._hosts)

    def _is_our_origin(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and self._is_ours(parts.netloc)


def _holder(headers: Headers, method: str) -> ApiToken:
    """In a worker thread, which keeps no connection to the database."""
    try:
        token = token_of(bearer(headers.get("authorization", "")) or "")
        wait = hit("mcp_session", of_token(token)) if _opens_session(headers, method) else None
    except AuthenticationFailed as error:
        detail, challenge = str(error.detail), f'{KEYWORD} realm="altor", error="invalid_token"'
        raise Refused(401, "not_authenticated", "Not authenticated", detail, www_authenticate=challenge) from None
    finally:
        connections.close_all()
    if wait is not None:
        seconds = str(max(1, ceil(wait)))
        raise Refused(429, "rate_limited", "Too many requests", f"Try again in {seconds} s.", retry_after=seconds)
    return token


def _opens_session(headers: Headers, method: str) -> bool:
    is_apart = headers.get(_PROTOCOL) in MODERN_PROTOCOL_VERSIONS  # each request of these stands alone
    return method == "POST" and MCP_SESSION_ID_HEADER not in headers and not is_apart


async def _answer(refused: Refused, send: Send) -> None:
    body = json.dumps(problem(refused.code, refused.title, refused.status, refused.detail)).encode()
    headers = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), **refused.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    send = _not_stored(send)
    await send({"type": "http.response.start", "status": refused.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _not_stored(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept: list[Any] = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
            message["headers"] = [*kept, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        await send(message)

    return sending
