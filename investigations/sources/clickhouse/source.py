"""What ClickHouse tells about an incident: answers to a playbook's queries over the logical views."""

from __future__ import annotations

import asyncio
import math
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from altor.outbound import CircuitOpen
from altor.outbound.state import ConnectionState, state_of
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    Operation,
    RequestRecord,
    RunContext,
    SourceAnswer,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceUnavailable,
)
from investigations.sources.clickhouse import layout as layouts
from investigations.sources.clickhouse.check import check
from investigations.sources.clickhouse.client import LeanClient, Result, ask, open_client, send
from investigations.sources.clickhouse.errors import BUSY, LAYOUT_CHANGED, NAME, SETTINGS_REFUSED, code_of
from investigations.sources.clickhouse.guard import QueryRefused, Statement, read_statement
from investigations.sources.clickhouse.layout import Layout
from investigations.sources.clickhouse.question import QUERY, QueryParams, bound_parameters, fence_parameters
from investigations.sources.clickhouse.results import rows_of
from investigations.sources.clickhouse.values import ValueRefused, is_time
from investigations.sources.clickhouse.views import Builder, ViewUnavailable, compose, freshness_sql

#: Queries at once. A server's limit for Altor's user must leave room for one more (freshness).
CONCURRENCY: Final = 6
MAX_RESULT_BYTES: Final = 20_000_000
#: Longest wait for the freshness when the answer itself is there.
FRESHNESS_WAIT_S: Final = 0.25
KILL_WAIT_S: Final = 0.3


class ClickHouseSession:
    def __init__(self, config: ConnectionConfig, context: RunContext, client: LeanClient) -> None:
        self.config, self.context, self.client = config, context, client
        self.database = str(context.profile.telemetry.database or config.options.get("database") or "")
        self.state: ConnectionState = state_of(config.cache_key)
        self._layout: asyncio.Task[Layout] | None = None
        self._fresh: asyncio.Task[dict[str, datetime]] | None = None
        self._killing: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._has_detected = False

    async def call(self, operation: str, params: Mapping[str, Any], *, timeout_s: float) -> SourceAnswer:
        if operation != QUERY.name:
            raise SourceAnswerInvalid(NAME, f"ClickHouse has no operation {operation!r}")
        try:
            asked = QueryParams.model_validate(dict(params))
        except ValidationError as error:
            first = error.errors()[0]
            raise SourceAnswerInvalid(NAME, f"query: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        try:
            statement = read_statement(asked.sql)
        except QueryRefused as refused:
            raise SourceAnswerInvalid(NAME, f"the playbook's query is refused: {refused}") from None
        records: list[RequestRecord] = []
        try:
            with self.counted():
                async with asyncio.timeout(timeout_s):
                    return await self._answer(asked, statement, timeout_s, records)
        except TimeoutError:
            raise SourceUnavailable(NAME, f"ClickHouse: no answer within {timeout_s:.0f} s", requests=records) from None
        except SourceError as error:
            error.requests = tuple(records)
            raise

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Tells the connection's circuit breaker how a question ended; SourceUnavailable while it is open."""
        question = object()
        try:
            self.state.admit(question)
        except CircuitOpen as error:
            raise SourceUnavailable(NAME, f"ClickHouse: {error}") from None
        try:
            yield
        except (SourceUnavailable, TimeoutError):
            self.state.failed()
            raise
        except SourceError:
            self.state.succeeded()  # it spoke to us
            raise
        except BaseException:
            self.state.abandoned(question)
            raise
        self.state.succeeded()

    async def _answer(
        self, asked: QueryParams, statement: Statement, timeout_s: float, records: list[RequestRecord]
    ) -> SourceAnswer:
        found = await self._layout_for(statement)
        if self._fresh is None:
            self._fresh = asyncio.ensure_future(self._newest(found))
        try:
            result = await self._query(asked, statement, found, timeout_s, records)
        except SourceAnswerInvalid as error:
            again = await self._layout_again(found) if code_of(error) in LAYOUT_CHANGED else found
            if again == found:
                raise
            found = again
            result = await self._query(asked, statement, found, timeout_s, records)
        rows = rows_of(result, found.timezone, asked.max_rows + 1)
        truncated = len(rows) > asked.max_rows
        return SourceAnswer(
            data={"columns": result.columns, "types": result.types, "rows": rows[: asked.max_rows]},
            requests=tuple(records),
            fetched_at=datetime.now(UTC),
            truncated=truncated,
            truncated_why=f"more than {asked.max_rows} rows" if truncated else "",
            newest_at=await self._newest_for(statement, result, rows),
            url=self._ui_url(),
        )

    async def _query(
        self, asked: QueryParams, statement: Statement, found: Layout, timeout_s: float, records: list[RequestRecord]
    ) -> Result:
        if asked.fence == "customer" and not self.context.tenant:
            raise SourceAnswerInvalid(
                NAME, "ClickHouse: the customer is not known, and this query is about one customer"
            )
        builder = Builder(self.context.profile.telemetry, found, asked.fence)
        try:
            sql = compose(statement, builder.build(statement.views), asked.max_rows)
            parameters = {
                **bound_parameters(asked, statement, self.context),
                **fence_parameters(asked, statement, self.context),
                **builder.parameters,
            }
        except (ViewUnavailable, ValueRefused) as missing:
            raise SourceAnswerInvalid(NAME, f"ClickHouse: {missing}") from None
        limits = {
            "max_execution_time": max(1, math.ceil(timeout_s)),
            "max_result_rows": asked.max_rows + 1,
            "max_result_bytes": MAX_RESULT_BYTES,
            "result_overflow_mode": "throw",
            "cancel_http_readonly_queries_on_client_close": 1,
        }
        try:
            return await self.ask(sql, parameters, limits if found.may_send_settings else {}, records, found=found)
        except SourceError as error:
            if not (found.may_send_settings and code_of(error) in SETTINGS_REFUSED):
                raise
            layouts.remember_no_settings(self._layout_key)
            return await self.ask(sql, parameters, {}, records, found=found)

    async def ask(
        self,
        sql: str,
        parameters: Mapping[str, Any],
        settings: Mapping[str, Any],
        records: list[RequestRecord],
        *,
        found: Layout | None = None,
    ) -> Result:
        """Repeated, with jitter, where the same query may succeed a moment later: twice at most."""
        readonly = {"readonly": 1} if settings and found is not None and found.readonly == "0" else {}
        for attempt in (1, 2, 3):
            try:
                return await self._once(sql, parameters, {**settings, **readonly}, records, attempt)
            except SourceUnavailable:
                if attempt > 1:
                    raise
            except SourceLimited as error:
                if attempt > 2 or code_of(error) != BUSY:
                    raise
            await asyncio.sleep(random.uniform(0.1, 0.4) * attempt)  # noqa: S311  # jitter
        raise AssertionError("unreachable")

    async def _once(
        self,
        sql: str,
        parameters: Mapping[str, Any],
        settings: Mapping[str, Any],
        records: list[RequestRecord],
        attempt: int,
    ) -> Result:
        query_id = f"altor-{self.context.run_ref or 'run'}-{uuid.uuid4().hex[:16]}"
        record = RequestRecord(
            NAME, "QUERY", sql, dict(parameters), started_at=datetime.now(UTC), attempt=attempt, request_id=query_id
        )
        async with self.state.gate(CONCURRENCY):
            record = replace(record, started_at=datetime.now(UTC))
            started = time.monotonic()
            try:
                result = await ask(
                    self.client, sql, parameters, database=self.database, settings=settings, query_id=query_id
                )
            except SourceError as error:
                records.append(replace(record, seconds=time.monotonic() - started, error=error.message))
                raise
            except asyncio.CancelledError:
                records.append(replace(record, seconds=time.monotonic() - started, error="no answer in time"))
                self._kill(query_id)
                raise
        seconds = time.monotonic() - started
        records.append(
            replace(
                record,
                status=200,
                seconds=seconds,
                rows=len(result.rows),
                read_rows=result.read_rows,
                read_bytes=result.read_bytes,
            )
        )
        return result

    # --------------------------------------------------------------------------------------------- layout, freshness
    @property
    def _layout_key(self) -> str:
        telemetry = self.context.profile.telemetry
        return layouts.cache_key(self.config.cache_key, self.database, telemetry.traces_table, telemetry.logs_table)

    async def layout(self) -> Layout:
        """Detected once per address, credential and tables; concurrent callers share one question."""
        known = layouts.remembered(self._layout_key)
        if known is not None:
            return known
        if self._layout is None or (self._layout.done() and (self._layout.cancelled() or self._layout.exception())):
            self._layout = asyncio.ensure_future(self._detect())
        return await asyncio.shield(self._layout)

    async def _detect(self) -> Layout:
        found = await layouts.stored(self._layout_key)
        return found or await self.detect()

    async def _layout_for(self, statement: Statement) -> Layout:
        """The layout; looked at anew, once in a run, when a table was missing that the statement needs."""
        found = await self.layout()
        needs = {"logs" if view == "logs" else "traces" for view in statement.views}
        is_missing = ("logs" in needs and not found.logs) or ("traces" in needs and not found.traces)
        if is_missing and not self._has_detected:
            found = await self.detect()
        return found

    async def _layout_again(self, old: Layout) -> Layout:
        """The layout as it is now, after a query told that it is no longer what was remembered."""
        known = layouts.remembered(self._layout_key)
        return known if known is not None and known != old else await self.detect()

    async def detect(self) -> Layout:
        """Ask the server, whatever is remembered."""
        self._has_detected = True
        telemetry = self.context.profile.telemetry
        names = {"database": self.database, "traces": telemetry.traces_table, "logs": telemetry.logs_table}
        result = await self.ask(layouts.DETECT, names, {}, [])
        found = layouts.read(result.rows, telemetry.traces_table, telemetry.logs_table)
        await layouts.remember(self._layout_key, found)
        return found

    async def _newest(self, found: Layout) -> dict[str, datetime]:
        """Newest span and log line by "traces" and "logs", where that is cheap to know; never raises a SourceError."""
        sql = freshness_sql(Builder(self.context.profile.telemetry, found, "everyone"))
        # Answered from the parts' own bounds. Where a table is cut otherwise, the limit ends it before it begins.
        settings = {"max_execution_time": 2, "max_rows_to_read": 1_000_000} if found.may_send_settings else {}
        query_id = f"altor-{self.context.run_ref or 'run'}-{uuid.uuid4().hex[:16]}"
        if not sql:
            return {}
        try:
            result = await ask(self.client, sql, {}, database=self.database, settings=settings, query_id=query_id)
        except SourceError:
            return {}
        return {
            str(name): min(datetime.fromtimestamp(int(micros) / 1e6, UTC), self.context.as_of)
            for name, micros in result.rows
            if int(micros) > 0
        }

    def _ui_url(self) -> str:
        """Where a person can run queries, if the connection names such a page."""
        url = str(self.config.options.get("ui_url") or "")
        return url if urlsplit(url).scheme in ("http", "https") else ""

    async def _newest_for(self, statement: Statement, result: Result, rows: list[list[Any]]) -> datetime | None:
        """How fresh the tables behind this answer are; the answer's own newest moment where that is not known."""
        if self._fresh is not None:
            await asyncio.wait({self._fresh}, timeout=FRESHNESS_WAIT_S)
        if self._fresh is not None and self._fresh.done() and not self._fresh.cancelled():
            tables = {"logs" if view == "logs" else "traces" for view in statement.views}
            known = [moment for table, moment in self._fresh.result().items() if table in tables]
            if known:
                return min(known)
        moments = [row[at] for at, kind in enumerate(result.types) if is_time(kind) for row in rows if row[at]]
        return datetime.fromisoformat(max(moments)) if moments else None

    # ---------------------------------------------------------------------------------------------------- the end
    def _kill(self, query_id: str) -> None:
        """Stop a query nobody waits for; a server that does not allow it goes on until its own limit."""
        if self._is_closing:
            return

        async def kill() -> None:
            with_id = {"query_id": query_id}
            statement = "KILL QUERY WHERE query_id = {query_id:String} ASYNC"
            try:
                await send(
                    self.client, statement, with_id, database="", settings={}, query_id=f"{query_id}-kill", form=None
                )
            except SourceError:
                return

        task = asyncio.ensure_future(kill())
        self._killing.add(task)
        task.add_done_callback(self._killing.discard)

    async def close(self) -> None:
        """End what is still under way, without making the run wait for it."""
        self._is_closing = True
        if self._killing:
            await asyncio.wait(set(self._killing), timeout=KILL_WAIT_S)
        left = [task for task in (self._fresh, self._layout, *self._killing) if task is not None and not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._layout is not None and self._layout.done() and not self._layout.cancelled():
            self._layout.exception()  # seen: nobody may have been left to take it

    async def check(self) -> ConnectionReport:
        return await check(self)


class ClickHouseSource:
    name: ClassVar[str] = NAME
    title: ClassVar[str] = "ClickHouse"
    concurrency: ClassVar[int] = CONCURRENCY

    def operations(self) -> Mapping[str, Operation]:
        return {QUERY.name: QUERY}

    @asynccontextmanager
    async def open(self, config: ConnectionConfig, context: RunContext) -> AsyncIterator[ClickHouseSession]:
        client = open_client(config, connections=CONCURRENCY + 2)
        await client.begin()
        session = ClickHouseSession(config, context, client)
        try:
            yield session
        finally:
            await session.close()
            await client.end()
