"""What the HTTP sources share: one scope per call, errors in the words of the engine, records of requests.

A source's session subclasses `HTTPSession`, answers its operations in `_ask` and tests its connection in `_identify`;
timeouts, error mapping and records come from here. The source itself subclasses `HTTPSource` and says which operations
it offers and how a client and a session are opened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from altor.outbound import (
    AddressRefused,
    AnswerBroken,
    AnswerTooLarge,
    CallScope,
    OutboundError,
    RateLimited,
    RedirectRefused,
    call_scope,
)
from altor.outbound.state import close_circuit
from altor.redaction import redact, redact_text
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    Operation,
    RequestRecord,
    RunContext,
    Scope,
    SourceAnswer,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceSession,
    SourceUnavailable,
)

log = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
T = TypeVar("T")
C = TypeVar("C")


class Params(BaseModel):
    """What a playbook passes to an operation. A name that is not known is a mistake, not a remark."""

    model_config = ConfigDict(extra="forbid")


class CredentialRefused(SourceRefused):
    """401: the key itself is wrong, expired or revoked."""


class ObjectUnknown(SourceRefused):
    """404: it does not exist, or the credential may not see it; upstreams do not tell which."""


@dataclass(slots=True)
class Found:
    """What an operation found, before it becomes a `SourceAnswer`. `cut` collects why something is incomplete."""

    data: dict[str, Any]
    newest_at: datetime | None = None
    url: str = ""
    cut: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a connection test learned."""

    message: str
    identity: str = ""
    scopes: tuple[Scope, ...] = ()
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class HTTPSession(Generic[C]):
    """A source opened for one run on one event loop, on a client of its own kind."""

    source: ClassVar[str]
    title: ClassVar[str]
    operations: ClassVar[Mapping[str, Operation]]

    def __init__(self, config: ConnectionConfig, context: RunContext, client: C) -> None:
        self.config = config
        self.context = context
        self.client = client

    async def call(self, operation: str, params: Mapping[str, Any], *, timeout_s: float) -> SourceAnswer:
        spec = self.operations.get(operation)
        if spec is None:
            raise SourceAnswerInvalid(self.source, f"{self.title} has no operation {operation!r}")
        try:
            asked = spec.params.model_validate(dict(params))
        except ValidationError as error:
            raise SourceAnswerInvalid(self.source, f"{operation}: {_first_problem(error)}") from None
        with call_scope(timeout_s) as scope:
            found = await self._guarded(scope, timeout_s, self._ask(operation, asked))
        return SourceAnswer(
            data=found.data,
            requests=records(self.source, scope),
            fetched_at=datetime.now(UTC),
            truncated=bool(found.cut),
            truncated_why="; ".join(dict.fromkeys(found.cut)),
            newest_at=found.newest_at,
            url=found.url,
        )

    async def check(self) -> ConnectionReport:
        started = time.monotonic()
        close_circuit(self.config.cache_key)
        try:
            with call_scope(CHECK_SECONDS) as scope:
                who = await self._guarded(scope, CHECK_SECONDS, self._identify())
        except SourceError as error:
            details = {"kind": error.kind, "request_id": error.request_id}
            return ConnectionReport(False, round(time.monotonic() - started, 3), error.message, details=details)
        return ConnectionReport(
            ok=True,
            seconds=round(time.monotonic() - started, 3),
            message=who.message,
            identity=who.identity,
            scopes=who.scopes,
            warnings=who.warnings,
            details=who.details,
        )

    async def _ask(self, operation: str, params: BaseModel) -> Found:
        raise NotImplementedError

    async def _identify(self) -> Identity:
        raise NotImplementedError

    async def _guarded(self, scope: CallScope, timeout_s: float, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; whatever goes wrong becomes a SourceError that holds the requests made so far."""
        try:
            # A little later than the requests' own deadline: theirs tells which request it was, and feeds the breaker.
            async with asyncio.timeout_at(scope.deadline + 0.2):
                return await work
        except SourceError as error:
            if not error.requests:
                error.requests = records(self.source, scope)
            raise
        except OutboundError as error:
            raise as_source_error(self.source, self.title, error, records(self.source, scope)) from error
        except TimeoutError:
            message = f"{self.title} gave no complete answer within {timeout_s:.0f} s"
            raise SourceUnavailable(self.source, message, requests=records(self.source, scope)) from None
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            # JSON of another shape than promised. Where is for the log, without the value, which may be personal.
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.warning(
                "%s: unexpected shape at %s:%s (%s)", self.source, where.filename, where.lineno, type(error).__name__
            )
            message = f"{self.title} answered in an unexpected shape ({type(error).__name__})"
            raise SourceAnswerInvalid(self.source, message, requests=records(self.source, scope)) from error


class HTTPSource:
    """One kind of upstream asked over HTTP. A subclass names its session and what opens the session's client."""

    name: ClassVar[str]
    title: ClassVar[str]
    concurrency: ClassVar[int]
    session: ClassVar[type[HTTPSession[Any]]]

    @staticmethod
    def client(config: ConnectionConfig) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    def operations(self) -> Mapping[str, Operation]:
        return self.session.operations

    @asynccontextmanager
    async def open(self, config: ConnectionConfig, context: RunContext) -> AsyncIterator[SourceSession]:
        async with self.client(config) as client:
            yield self.session(config, context, client)


def as_source_error(
    source: str, title: str, error: OutboundError, requests: tuple[RequestRecord, ...] = ()
) -> SourceError:
    """The engine's word for an error of the outbound client."""
    told: dict[str, Any] = {"requests": requests, "request_id": error.request_id}
    message = f"{title}: {error.message[:1].lower()}{error.message[1:]}"
    if isinstance(error, AddressRefused):
        return SourceRefused(source, message, **told)
    if isinstance(error, RateLimited):
        return SourceLimited(source, message, retry_after_s=error.retry_after_s, **told)
    if isinstance(error, AnswerTooLarge):
        return SourceLimited(source, message, **told)
    if isinstance(error, (AnswerBroken, RedirectRefused)):
        return SourceAnswerInvalid(source, message, **told)
    return SourceUnavailable(source, message, **told)


def records(source: str, scope: CallScope) -> tuple[RequestRecord, ...]:
    """Every attempt of the scope, readable and without secrets."""
    found = []
    for sent in scope.exchanges:
        parts = urlsplit(sent.url)
        target = sent.label or unquote(parts.path + (f"?{parts.query}" if parts.query else ""))
        found.append(
            RequestRecord(
                source=source,
                method=sent.method,
                target=redact_text(target),
                params=redact(sent.params),
                status=sent.status,
                started_at=sent.started_at,
                seconds=sent.seconds,
                attempt=sent.attempt,
                request_id=sent.request_id,
                rows=sent.rows,
                read_bytes=sent.size or None,
                from_cache=sent.from_cache,
                error=sent.error,
            )
        )
    return tuple(found)


def decode_json(source: str, title: str, response: httpx.Response) -> Any:
    """The JSON of an answer with status 2xx; the fitting SourceError for any other status or body."""
    judge_status(source, title, response)
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "").partition(";")[0] or "nothing readable"
        raise SourceAnswerInvalid(source, f"{title} answered with {kind[:40]} that is not valid JSON") from None


def judge_status(source: str, title: str, response: httpx.Response) -> None:
    """Raise for statuses that mean the same everywhere. Rate limits were dealt with before."""
    status = response.status_code
    told: dict[str, Any] = {"request_id": next((response.headers[n] for n in _ID_HEADERS if n in response.headers), "")}
    if status < 300:
        return
    if status == 401:
        raise CredentialRefused(source, f"{title} refused the credential (401)", **told)
    if status == 403:
        raise SourceRefused(source, f"{title} does not allow this with the credential (403)", **told)
    if status in (404, 410):
        raise ObjectUnknown(source, f"{title} does not know this, or hides it from the credential ({status})", **told)
    if status >= 500:
        raise SourceUnavailable(source, f"{title} has a fault of its own ({status})", **told)
    raise SourceAnswerInvalid(source, f"{title} did not accept the request ({status})", **told)


_ID_HEADERS = ("request-id", "x-github-request-id", "x-request-id")


async def together(*work: Awaitable[Any]) -> list[Any]:
    """All results in order. The first error cancels the rest and is raised as it is, not in a group."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with Z, seconds precision kept as given."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: Any) -> datetime | None:
    """An aware UTC time from ISO text or epoch seconds; None from None, "" or what cannot be read."""
    if text is None or text == "":
        return None
    if isinstance(text, (int, float)):
        return datetime.fromtimestamp(text, UTC)
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def cut_text(text: Any, length: int) -> str:
    """Text from an upstream: redacted, without control characters, at most `length` characters."""
    clean = "".join(c if c.isprintable() or c == "\n" else " " for c in str(text or "")[: length * 4])
    clean = redact_text(clean.strip())
    return clean if len(clean) <= length else clean[: length - 1].rstrip() + "…"


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
