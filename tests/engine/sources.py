"""Three small sources for the engine's tests: one request per question over a real socket, errors by the rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    Operation,
    RequestRecord,
    RunContext,
    SourceAnswer,
    SourceAnswerInvalid,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)


class Session:
    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self.name, self.client = name, client

    async def call(self, operation: str, params: Mapping[str, Any], *, timeout_s: float) -> SourceAnswer:
        if operation == "crash":
            raise RuntimeError("obviously broken source")
        if operation == "deaf":  # ignores its time limit
            await asyncio.sleep(60)
        try:
            answer = await self.client.get(f"/{self.name}/{operation}", params=dict(params), timeout=timeout_s)
        except httpx.TimeoutException:
            raise SourceUnavailable(self.name, "no answer in time") from None
        except httpx.HTTPError as error:
            raise SourceUnavailable(self.name, f"unreachable ({type(error).__name__})") from None
        record = RequestRecord(self.name, "GET", str(answer.url), dict(params), answer.status_code)
        if answer.status_code in (401, 403):
            raise SourceRefused(self.name, "the credential was refused", requests=[record])
        if answer.status_code == 429:
            raise SourceLimited(self.name, "asked too often", requests=[record], retry_after_s=30.0)
        if answer.status_code >= 500:
            raise SourceUnavailable(self.name, f"a fault of its own ({answer.status_code})", requests=[record])
        try:
            data = answer.json()
        except ValueError:
            raise SourceAnswerInvalid(self.name, "no JSON", requests=[record]) from None
        return SourceAnswer(data=data, requests=(record,), fetched_at=datetime.now(UTC))

    async def check(self) -> ConnectionReport:
        return ConnectionReport(True, 0.0, "fine")


class _Asked(BaseModel):
    """Any parameters."""


class _Base:
    name: ClassVar[str]
    title: ClassVar[str]
    concurrency: ClassVar[int] = 4

    def operations(self) -> Mapping[str, Operation]:
        return {"value": Operation("value", "A value", _Asked, '{"n": number}')}

    @asynccontextmanager
    async def open(self, config: ConnectionConfig, context: RunContext) -> AsyncIterator[Session]:
        async with httpx.AsyncClient(base_url=config.base_url, trust_env=False) as client:
            yield Session(self.name, client)


class Alpha(_Base):
    name = title = "alpha"


class Beta(_Base):
    name = title = "beta"


class Gamma(_Base):
    name = title = "gamma"
    concurrency = 2


NAMES = ("alpha", "beta", "gamma")
PATHS = [f"tests.engine.sources.{name}" for name in ("Alpha", "Beta", "Gamma")]
