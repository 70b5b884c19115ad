"""A Linear server on 127.0.0.1 that holds to the published schema: documents and inputs are validated before they are
carried out, over an in-memory workspace.

It can refuse keys, limit rates as Linear does, lose connections at every point, be slow, and send signed webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import struct
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema, build_schema, execute_sync, parse, validate

from tests.escalations.peers.workspace import FORBIDDEN, INVALID, Json, Refused, Workspace, connection, matches

KEY = "lin_api_obviouslyfake0000000000"
HOOK_SECRET = "lin_wh_obviouslyfake"
_SDL = Path(__file__).parents[2] / "contracts" / "linear-schema.graphql"
#: Where a connection may be lost. "timeout": carried out, and never answered.
POINTS = ("unread", "unwritten", "written", "mid_answer", "timeout")


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    return build_schema(_SDL.read_text())


class LinearPeer:
    """`faults` are taken one a request, for the operation they name ("" = any), at the point they name."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.key = KEY
        self.asked: list[str] = []  # operation names, in the order in which they arrived whole
        self.bodies: list[Json] = []
        self.faults: deque[tuple[str, str]] = deque()
        self.limited_s: float | None = None  # seconds until the limit is refilled; None = not limited
        self.left = 2400  # of 2500 requests
        self.patience_s = 3.0  # how long a "timeout" is silent
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                peer._serve(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is no event."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/graphql"

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def lose(self, operation: str, *points: str) -> None:
        """Lose the connections of the next requests of this operation, each at its point."""
        self.faults.extend((operation, point) for point in points)

    def count(self, operation: str) -> int:
        return self.asked.count(operation)

    # ------------------------------------------------------------------------------------------------------- over HTTP
    def _fault(self, operation: str) -> str:
        with self._lock:
            for fault in self.faults:
                if fault[0] in ("", operation) and (operation or fault[1] == "unread"):
                    self.faults.remove(fault)
                    return fault[1]
        return ""

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        if self.faults and self.faults[0][1] == "unread" and self._fault(""):
            return _reset(handler)
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)))
        operation = body.get("operationName") or ""
        with self._lock:
            self.asked.append(operation)
            self.bodies.append(body)
        fault = self._fault(operation)
        if fault == "unwritten":
            return _reset(handler)
        status, answer = self._answer(body, handler.headers.get("Authorization", ""))
        if fault == "written":
            return _reset(handler)
        if fault == "timeout":
            self.stopping.wait(self.patience_s)
            return _reset(handler)
        return self._send(handler, status, answer, half=fault == "mid_answer")

    def _send(self, handler: BaseHTTPRequestHandler, status: int, answer: Json, *, half: bool) -> None:
        raw = json.dumps(answer).encode()
        reset = str(int((time.time() + (self.limited_s or 3600)) * 1000))
        handler.send_response(status)
        headers = {
            "Content-Type": "application/json", "Content-Length": str(len(raw)), "x-request-id": "lin-req-1",
            "x-ratelimit-requests-limit": "2500", "x-ratelimit-requests-reset": reset,
            "x-ratelimit-requests-remaining": "0" if self.limited_s is not None else str(self.left),
        }  # fmt: skip
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw[: len(raw) // 2] if half else raw)
        if half:
            _reset(handler)

    def _answer(self, body: Json, key: str) -> tuple[int, Json]:
        if not hmac.compare_digest(key, self.key):
            return 401, _error("Authentication required", ("AUTHENTICATION_ERROR", "authentication error"))
        if self.limited_s is not None:
            return 400, _error("Rate limit exceeded", ("RATELIMITED", "ratelimited"))
        try:
            document = parse(body["query"])
        except GraphQLError as error:
            return 400, _error(error.message, ("GRAPHQL_PARSE_FAILED", "graphql error"))
        wrong = validate(schema(), document)
        if wrong:
            return 400, _error(wrong[0].message, ("GRAPHQL_VALIDATION_FAILED", "graphql error"))
        with self.workspace.lock:
            done = execute_sync(
                schema(), document, _Root(self.workspace), variable_values=body.get("variables") or {},
                operation_name=body.get("operationName"),
            )  # fmt: skip
        if done.errors:
            cause = done.errors[0].original_error
            code = cause.code if isinstance(cause, Refused) else INVALID
            return 200 if isinstance(cause, Refused) else 400, {"data": None, **_error(done.errors[0].message, code)}
        return 200, {"data": done.data}

    # ------------------------------------------------------------------------------------------------------ events out
    def deliver(self, address: str, *, secret: str = HOOK_SECRET) -> list[int]:
        """Post all events that wait, signed; the statuses of the answers."""
        waiting, self.workspace.events = self.workspace.events, []
        return [post_event(address, event, secret=secret) for event in waiting]


class _Root:
    """The root fields that our documents use. Any other is None, which the schema refuses where it may not be."""

    def __init__(self, workspace: Workspace) -> None:
        self._w = workspace

    # ---- queries
    def viewer(self, info: Any) -> Json:
        return self._w.viewer

    def organization(self, info: Any) -> Json:
        return {**self._w.organization, "customersEnabled": self._w.has_customers}

    def rateLimitStatus(self, info: Any) -> Json:
        return {"kind": "apiKey", "limits": []}

    def teams(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([team for team in [self._w.team] if matches(team, filter)], first)

    def issueLabels(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([label for label in self._w.labels if matches(label, filter)], first)

    def projects(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([project for project in self._w.projects if matches(project, filter)], first)

    def users(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([person for person in self._w.people.values() if matches(person, filter)], first)

    def issues(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        found = [self._w.seen(issue) for issue in self._w.issues.values() if matches(issue, filter)]
        return connection(found, first)

    def issue(self, info: Any, id: str) -> Json:
        for issue in self._w.issues.values():
            if id in (issue["id"], issue["identifier"]):
                return self._w.seen(issue)
        raise Refused("Entity not found: Issue")

    def comments(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([each for each in self._w.comments.values() if matches(each, filter)], first)

    def customerNeeds(self, info: Any, first: int = 50, filter: Json | None = None, **more: Any) -> Json:
        return connection([each for each in self._w.needs.values() if matches(each, filter)], first)

    def attachmentsForURL(self, info: Any, url: str, first: int = 50, **more: Any) -> Json:
        same = [each for each in self._w.attachments.values() if each["url"] == url]
        return connection([{**each, "issue": self._w.issues[each["issueId"]]} for each in same], first)

    # ---- mutations
    def _write(self, name: str, make: Any, given: Json) -> Json:
        if not self._w.may_write:
            raise Refused("Invalid scope: `write` required", FORBIDDEN)
        made: Json = make(given)
        self._w.writes.append(name)
        return made

    def issueCreate(self, info: Any, input: Json) -> Json:
        return self._write("issueCreate", self._w.issue_create, input)

    def commentCreate(self, info: Any, input: Json) -> Json:
        return self._write("commentCreate", self._w.comment_create, input)

    def attachmentCreate(self, info: Any, input: Json) -> Json:
        return self._write("attachmentCreate", self._w.attachment_create, input)

    def customerNeedCreate(self, info: Any, input: Json) -> Json:
        return self._write("customerNeedCreate", self._w.need_create, input)


def sign(raw: bytes, secret: str = HOOK_SECRET) -> str:
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def payload(event: Json, *, sent_at: float | None = None) -> bytes:
    """As it goes out: with the time of sending in milliseconds."""
    return json.dumps({**event, "webhookTimestamp": int((sent_at or time.time()) * 1000)}).encode()


def headers(raw: bytes, event: Json, *, secret: str = HOOK_SECRET, delivery: str = "") -> dict[str, str]:
    return {
        "Content-Type": "application/json", "Linear-Signature": sign(raw, secret), "Linear-Event": event["type"],
        "Linear-Delivery": delivery or str(uuid.uuid4()), "User-Agent": "Linear-Webhook",
    }  # fmt: skip


def post_event(address: str, event: Json, *, secret: str = HOOK_SECRET, delivery: str = "") -> int:
    """The status of the answer."""
    raw, url = payload(event), urlsplit(address)
    client = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    try:
        client.request("POST", url.path, raw, headers(raw, event, secret=secret, delivery=delivery))
        return client.getresponse().status
    finally:
        client.close()


def _error(message: str, code: tuple[str, str]) -> Json:
    extensions = {"code": code[0], "type": code[1], "userError": True, "userPresentableMessage": message}
    return {"errors": [{"message": message, "extensions": extensions}]}


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def payload_type(kind: str) -> GraphQLObjectType:
    """The schema's type of an event's data."""
    found = schema().type_map[f"{kind}WebhookPayload"]
    assert isinstance(found, GraphQLObjectType)
    return found


@contextmanager
def linear(workspace: Workspace | None = None) -> Iterator[LinearPeer]:
    peer = LinearPeer(workspace or Workspace())
    try:
        yield peer
    finally:
        peer.stop()
