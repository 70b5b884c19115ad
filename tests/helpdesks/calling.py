"""Ask a helpdesk's API something over a real socket, and what every strict peer shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from altor.outbound import call_scope
from investigations.helpdesks.base import Helpdesk, HelpdeskClient
from investigations.helpdesks.notes import Line, Note
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.http import CredentialRefused, ObjectUnknown
from tests.loopback import Answer, Asked

SECRET = "obviously-fake-token-0000"
MARKER = "0123456789abcdef"
NOTE = Note(
    [
        Line("Payments of *acme* fail since the deploy <script>", "Cause:"),
        Line("INV-1", url="https://altor.example/tickets/1/"),
    ],
    MARKER,
)
T = TypeVar("T")
#: What any API may do instead of answering, and what a client makes of it.
FAULTS: dict[str, tuple[Answer, type[SourceError]]] = {
    "a fault of its own": (Answer(500, {}), SourceUnavailable),
    "a rate limit": (Answer(429, b"Retry later", {"Retry-After": "40"}), SourceLimited),
    "a sign-in page": (Answer(200, b"<html>", {"Content-Type": "text/html"}), SourceAnswerInvalid),
    "another shape": (Answer(200, ["unexpected"]), SourceAnswerInvalid),
    "another object": (Answer(200, {"data": 3, "payload": {}}), SourceAnswerInvalid),
    "null": (Answer(200, None), SourceAnswerInvalid),
    "a refused token": (Answer(401, {}), CredentialRefused),
    "a missing permission": (Answer(403, {}), SourceRefused),
    "an unknown conversation": (Answer(404, {}), ObjectUnknown),
}


def connection(helpdesk: Helpdesk, url: str, options: Mapping[str, Any], secret: str = SECRET) -> ConnectionConfig:
    return ConnectionConfig(source=helpdesk.name, name="test", base_url=url, secret=secret, options=options)


def call(
    helpdesk: Helpdesk,
    url: str,
    ask: Callable[[Any], Awaitable[T]],
    *,
    options: Mapping[str, Any],
    secret: str = SECRET,
    seconds: float = 5.0,
) -> T:
    """What `ask` gets from a client of the helpdesk whose API is at the address."""

    async def go() -> T:
        with call_scope(seconds):
            async with helpdesk.open(connection(helpdesk, url, options, secret)) as client:
                opened: HelpdeskClient = client
                return await ask(opened)

    return asyncio.run(go())


class Peer:
    """A vendor's API, strict: what it does not know it refuses. `faults` are answered first, one a request."""

    def __init__(self) -> None:
        self.faults: list[Answer] = []
        #: The next writing request is carried out, and its answer lost on the way.
        self.loses_answer = False
        self.refused: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        if self.faults:
            return self.faults.pop(0)
        try:
            answer = self.answer(asked)
        except Refused as refusal:
            self.refused.append(f"{asked.method} {asked.path}: {refusal}")
            return Answer(refusal.status, {"error": str(refusal)})
        if self.loses_answer and asked.method != "GET":
            self.loses_answer = False
            return Answer(reset=True)
        return answer

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def body_of(asked: Asked, required: set[str], allowed: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON object of a request, with these keys and no others."""
    if asked.headers.get("content-type") != "application/json":
        raise Refused(415, "a JSON body is needed")
    body = asked.json()
    if not isinstance(body, dict) or not required <= set(body) <= required | set(allowed):
        raise Refused(422, f"the body must have {sorted(required)}")
    return body
