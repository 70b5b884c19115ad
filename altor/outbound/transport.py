"""The rules around every request: budget, retries, breaker, concurrency, size cap, redirects, record of attempts."""

from __future__ import annotations

import asyncio
import random
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from altor.outbound.errors import (
    AnswerBroken,
    AnswerTooLarge,
    CircuitOpen,
    OutboundError,
    RateLimited,
    RedirectRefused,
    TimedOut,
    Unreachable,
)
from altor.outbound.retries import MAX_RETRIES, RETRYABLE_STATUS, LimitReader, Reply, backoff, default_limit
from altor.outbound.scope import CallScope, Exchange, current_scope
from altor.outbound.state import ConnectionState

CONNECT_S, READ_S, TOTAL_S = 5.0, 15.0, 30.0
MAX_BYTES = 12_000_000
MAX_REDIRECTS = 3
#: Request extension: a POST that only reads (GraphQL query) may be repeated.
IDEMPOTENT = "altor_idempotent"
#: Request extension: what was asked, for the record. `{"label": str, "params": dict}`
SUBJECT = "altor_subject"
_REQUEST_IDS = ("request-id", "x-github-request-id", "x-request-id", "x-clickhouse-query-id", "cf-ray")
_DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class OutboundTransport(httpx.AsyncBaseTransport):
    """Wraps a dialling transport. Answers of any status come back whole; no answer raises OutboundError."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        state: ConnectionState,
        concurrency: int,
        limit_of: LimitReader = default_limit,
        max_bytes: int = MAX_BYTES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._state = state
        self._concurrency = concurrency
        self._limit_of = limit_of
        self._max_bytes = max_bytes
        self._jitter = jitter

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        scope = current_scope() or CallScope(deadline=asyncio.get_running_loop().time() + TOTAL_S)
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._with_retries(request, scope)
            target = _redirect(request, reply)
            if target is None:
                headers = [(name, value) for name, value in reply.headers.items() if name not in _DROPPED]
                return httpx.Response(reply.status, headers=headers, content=reply.body, request=request)
            request = httpx.Request(request.method, target, headers=request.headers, extensions=request.extensions)
        raise RedirectRefused("Too many redirects")

    async def _with_retries(self, request: httpx.Request, scope: CallScope) -> Reply:
        told = False
        try:
            last = await self._attempts(request, scope)
            told = True
            if isinstance(last, OutboundError) or last.status >= 500:
                self._count_failure(scope)
            if isinstance(last, OutboundError):
                raise last
            return self._or_limited(last)
        finally:
            if not told:
                self._state.abandoned(scope)

    def _count_failure(self, scope: CallScope) -> None:
        if not scope.failed:
            scope.failed = True
            self._state.failed()

    async def _attempts(self, request: httpx.Request, scope: CallScope) -> Reply | OutboundError:
        """The last reply or error. Raises what another attempt cannot change: a refusal, a limit, too large a body."""
        repeatable = request.method in ("GET", "HEAD") or bool(request.extensions.get(IDEMPOTENT))
        last: Reply | OutboundError | None = None
        for attempt in range(1, MAX_RETRIES + 2):
            try:
                self._state.admit(scope)
                await asyncio.sleep(self._state.check_limit(max(0.0, scope.remaining() - 0.5)))
            except (CircuitOpen, RateLimited):
                if last is None:
                    raise
                return last  # opened by our own attempts: tell what happened, not that we stopped asking
            try:
                last = await self._attempt(request, scope, attempt)
            except (Unreachable, TimedOut, AnswerBroken) as error:
                last = error
            wait = self._wait_before_next(last, attempt, repeatable, scope)
            if wait is None:
                return last
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns")

    def _or_limited(self, reply: Reply) -> Reply:
        limit = self._limit_of(reply)
        if limit is None:
            return reply
        words = "" if limit.retry_after_s is None else f"; it asks to wait {max(1, round(limit.retry_after_s))} s"
        raise RateLimited(
            f"Rate limited{words}", retry_after_s=limit.retry_after_s, request_id=_request_id(reply.headers)
        )

    def _wait_before_next(
        self, last: Reply | OutboundError, attempt: int, repeatable: bool, scope: CallScope
    ) -> float | None:
        """Seconds to wait before another attempt, None when there is to be none."""
        if attempt > MAX_RETRIES or not repeatable:
            return None
        wait = backoff(attempt, self._jitter)
        if isinstance(last, Reply):
            limit = self._limit_of(last)
            if limit is not None:
                if limit.retry_after_s is None:
                    return None  # it did not say when: asking again soon makes it worse
                wait = limit.retry_after_s + self._jitter() * 0.25
            elif last.status not in RETRYABLE_STATUS:
                return None
        # An attempt that has no time to be answered is not worth a request.
        return wait if wait + 0.2 < scope.remaining() else None

    async def _attempt(self, request: httpx.Request, scope: CallScope, attempt: int) -> Reply:
        subject = request.extensions.get(SUBJECT) or {}
        record = Exchange(
            method=request.method, url=str(request.url), started_at=datetime.now(UTC), attempt=attempt, **subject
        )
        try:
            if scope.remaining() <= 0:
                raise TimedOut("No time left")
            async with asyncio.timeout_at(scope.deadline), self._state.gate(self._concurrency):
                scope.exchanges.append(record)
                started = time.monotonic()
                try:
                    reply = await self._send(request, scope.remaining(), record)
                finally:
                    record.seconds = round(time.monotonic() - started, 4)
            self._learn(reply)
            return reply
        except (TimeoutError, httpx.TimeoutException):
            record.error = "no answer in time"
            raise TimedOut(f"No answer within {record.seconds:.1f} s") from None
        except (httpx.RemoteProtocolError, httpx.DecodingError, zlib.error) as error:
            record.error = "the answer broke off" if record.status else "the connection was dropped"
            kind = AnswerBroken if record.status else Unreachable
            raise kind(record.error[0].upper() + record.error[1:], request_id=record.request_id) from error
        except (httpx.HTTPError, OSError) as error:
            record.error = f"no connection ({type(error).__name__})"
            if record.status:
                record.error = "the answer broke off"
                raise AnswerBroken("The answer broke off", request_id=record.request_id) from error
            raise Unreachable(_why_unreachable(error)) from error
        except OutboundError as error:
            record.error = error.message
            raise

    def _learn(self, reply: Reply) -> None:
        if reply.status >= 500:
            return
        self._state.succeeded()
        limit = self._limit_of(reply)
        if limit is not None and limit.whole_connection and limit.retry_after_s:
            self._state.hold_off(limit.retry_after_s)

    async def _send(self, request: httpx.Request, budget_s: float, record: Exchange) -> Reply:
        read_s = min(READ_S, budget_s)
        timeout = {"connect": min(CONNECT_S, budget_s), "read": read_s, "write": read_s, "pool": budget_s}
        wire = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions={**request.extensions, "timeout": timeout},
        )
        response = await self._inner.handle_async_request(wire)
        record.status = response.status_code
        headers = {name.lower(): value for name, value in response.headers.items()}
        record.request_id = _request_id(headers)
        try:
            body = await self._read(response, headers)
        finally:
            await response.aclose()
        record.size = len(body)
        return Reply(response.status_code, headers, body)

    async def _read(self, response: httpx.Response, headers: dict[str, str]) -> bytes:
        """The decoded body; a compressed one is unpacked piece by piece under the same cap (no decompression bombs)."""
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "deflate", "x-gzip"):
            raise AnswerBroken(f"The answer is packed in a way that was not asked for ({encoding[:20]})")
        unpack = None if encoding in ("identity", "") else zlib.decompressobj(zlib.MAX_WBITS | 32)
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size = received = 0
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # async transports give async streams
        async for chunk in response.stream:
            received += len(chunk)
            data = chunk if unpack is None else unpack.decompress(chunk, self._max_bytes + 1 - size)
            size += len(data)
            if size > self._max_bytes:
                raise self._too_large()
            parts.append(data)
        if unpack is not None and not unpack.eof and received:
            raise AnswerBroken("The answer broke off")
        return b"".join(parts)

    def _too_large(self) -> AnswerTooLarge:
        return AnswerTooLarge(f"Answer larger than {self._max_bytes // 1_000_000} MB: not read")


def _redirect(request: httpx.Request, reply: Reply) -> str | None:
    """The address to follow, on the same scheme, host and port only; None for anything but a redirect of a GET."""
    if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers:
        return None
    try:
        target = request.url.join(reply.headers["location"])
    except httpx.InvalidURL:
        raise RedirectRefused("It answered with a redirect that cannot be read") from None
    same = (target.scheme, target.host, target.port) == (request.url.scheme, request.url.host, request.url.port)
    if not same or request.method not in ("GET", "HEAD"):
        raise RedirectRefused(
            "It answered with a redirect to another address, which is not followed",
            request_id=_request_id(reply.headers),
        )
    return str(target)


def _request_id(headers: object) -> str:
    for name in _REQUEST_IDS:
        value = headers.get(name, "") if isinstance(headers, dict) else ""
        if value:
            return str(value)[:100]
    return ""


def _why_unreachable(error: Exception) -> str:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text or "tls" in text:
        return "No secure connection: its certificate was not accepted"
    if "refused" in text:
        return "It refused the connection"
    return "No connection"
