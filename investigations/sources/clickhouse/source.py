"""What ClickHouse tells about an incident: answers to a playbook's queries over the logical views."""

from __future__ import annotations

import asyncio
import math
import random
import re
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from django.core.cache import cache
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from altor.redaction import redact
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
    SourceUnavailable,
)
from investigations.sources.clickhouse import layout as layouts
from investigations.sources.clickhouse.client import NAME, LeanClient, Result, ask, open_client
from investigations.sources.clickhouse.guard import QueryRefused, parameters_in, views_in
from investigations.sources.clickhouse.layout import Layout
from investigations.sources.clickhouse.views import Builder, ViewUnavailable, compose

#: Layouts are looked at again after this long: a table may have been added.
LAYOUT_TTL_S: Final = 600
CONCURRENCY: Final = 6
_MEMORY: dict[str, tuple[float, Layout]] = {}


class QueryParams(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sql: str = Field(min_length=1, max_length=20_000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    fence: Literal["customer", "everyone"] = "customer"
    window_start: AwareDatetime
    window_end: AwareDatetime
    max_rows: int = Field(default=5000, ge=1, le=20_000)


QUERY = Operation(
    name="query",
    title="A query over the logical views",
    params=QueryParams,
    returns='{"columns": [name], "types": [ClickHouse type], "rows": [[value, …]]}; times as ISO 8601 UTC, integers as int',
)


class ClickHouseSession:
    def __init__(self, config: ConnectionConfig, context: RunContext, client: LeanClient) -> None:
        self.config, self.context, self.client = config, context, client
        self.database = str(context.profile.telemetry.database or config.options.get("database") or "")
        self._layout: asyncio.Task[Layout] | None = None
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self.records: list[RequestRecord] = []

    async def call(self, operation: str, params: Mapping[str, Any], *, timeout_s: float) -> SourceAnswer:
        if operation != QUERY.name:
            raise SourceAnswerInvalid(NAME, f"ClickHouse has no operation {operation!r}")
        try:
            asked = QueryParams.model_validate(dict(params))
        except ValidationError as error:
            first = error.errors()[0]
            raise SourceAnswerInvalid(NAME, f"query: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        records: list[RequestRecord] = []
        try:
            async with asyncio.timeout(timeout_s):
                return await self._query(asked, timeout_s, records)
        except TimeoutError:
            raise SourceUnavailable(NAME, f"ClickHouse: no answer within {timeout_s:.0f} s", requests=records) from None
        except SourceError as error:
            error.requests = tuple(records)
            raise

    async def _query(self, asked: QueryParams, timeout_s: float, records: list[RequestRecord]) -> SourceAnswer:
        try:
            views = views_in(asked.sql)
        except QueryRefused as refused:
            raise SourceAnswerInvalid(NAME, f"the playbook's query is refused: {refused}") from None
        found = await self.layout()
        builder = Builder(self.context.profile.telemetry, found, asked.fence)
        try:
            sql = compose(asked.sql, builder.build(views)) if views else asked.sql
        except ViewUnavailable as missing:
            raise SourceAnswerInvalid(NAME, f"ClickHouse: {missing}") from None
        bound = self._bound(asked, sql, builder.parameters)
        settings = self._settings(found, timeout_s, asked.max_rows)
        result = await self._ask(sql, bound, settings, records)
        rows = [[_value(value, kind) for value, kind in zip(row, result.types, strict=True)] for row in result.rows]
        truncated = len(rows) > asked.max_rows
        return SourceAnswer(
            data={"columns": result.columns, "types": result.types, "rows": redact(rows[: asked.max_rows])},
            requests=tuple(records),
            fetched_at=datetime.now(UTC),
            truncated=truncated,
            truncated_why=f"more than {asked.max_rows} rows" if truncated else "",
            newest_at=_newest(result, rows),
            url=str(self.config.options.get("ui_url") or ""),
        )

    def _bound(self, asked: QueryParams, sql: str, attributes: Mapping[str, str]) -> dict[str, Any]:
        """Values for exactly the parameters that the statement names; SourceAnswerInvalid for one without a value."""
        values = {
            **asked.parameters,
            **attributes,
            "tenant": self.context.tenant,
            "window_start": asked.window_start.astimezone(UTC).isoformat(),
            # Nothing after the run's clock is read.
            "window_end": min(asked.window_end, self.context.as_of).astimezone(UTC).isoformat(),
        }
        wanted = parameters_in(sql)
        missing = sorted(set(wanted) - set(values))
        if missing:
            raise SourceAnswerInvalid(NAME, f"the query needs values for {', '.join(missing)}")
        return {name: values[name] for name in wanted}

    @staticmethod
    def _settings(found: Layout, timeout_s: float, max_rows: int) -> dict[str, Any]:
        if not found.may_send_settings:
            return {}
        limits: dict[str, Any] = {
            "max_execution_time": max(1, math.ceil(timeout_s)),
            "max_result_rows": max_rows + 1,
            "result_overflow_mode": "throw",
            "wait_end_of_query": 1,
            "cancel_http_readonly_queries_on_client_close": 1,
        }
        return limits | ({"readonly": 1} if found.readonly == "0" else {})

    async def _ask(
        self, sql: str, bound: Mapping[str, Any], settings: Mapping[str, Any], records: list[RequestRecord]
    ) -> Result:
        """At most one repetition, with jitter, where the same query may succeed a moment later."""
        for attempt in (1, 2):
            try:
                return await self._once(sql, bound, settings, records, attempt)
            except (SourceUnavailable, SourceLimited) as error:
                again = isinstance(error, SourceUnavailable) or "at the same time" in error.message
                if attempt == 2 or not again:
                    raise
                await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # jitter
        raise AssertionError("unreachable")

    async def _once(
        self,
        sql: str,
        bound: Mapping[str, Any],
        settings: Mapping[str, Any],
        records: list[RequestRecord],
        attempt: int,
    ) -> Result:
        query_id = f"altor-{self.context.run_ref or 'check'}-{uuid.uuid4().hex[:16]}"
        shown = {name: value for name, value in bound.items() if not name.startswith("attr_")}
        record = RequestRecord(
            NAME, "QUERY", sql, shown, started_at=datetime.now(UTC), attempt=attempt, request_id=query_id
        )
        async with self._slots:
            started = time.monotonic()
            try:
                result = await ask(
                    self.client, sql, bound, database=self.database, settings=settings, query_id=query_id
                )
            except SourceError as error:
                records.append(replace(record, seconds=time.monotonic() - started, error=error.message))
                raise
            except asyncio.CancelledError:
                records.append(replace(record, seconds=time.monotonic() - started, error="no answer in time"))
                raise
        records.append(
            replace(
                record,
                status=200,
                seconds=time.monotonic() - started,
                rows=len(result.rows),
                read_rows=result.read_rows,
                read_bytes=result.read_bytes,
            )
        )
        return result

    async def layout(self) -> Layout:
        """Detected once per address, credential and tables; concurrent callers share one question."""
        telemetry = self.context.profile.telemetry
        key = (
            f"clickhouse-layout:{self.config.cache_key}:{self.database}:{telemetry.traces_table}:{telemetry.logs_table}"
        )
        known = _MEMORY.get(key)
        if known and time.monotonic() - known[0] < LAYOUT_TTL_S:
            return known[1]
        if self._layout is None or (self._layout.done() and (self._layout.cancelled() or self._layout.exception())):
            self._layout = asyncio.ensure_future(self._detect(key))
        return await asyncio.shield(self._layout)

    async def _detect(self, key: str) -> Layout:
        stored = await cache.aget(key)
        if isinstance(stored, Layout):
            _MEMORY[key] = (time.monotonic(), stored)
            return stored
        telemetry = self.context.profile.telemetry
        names = {"database": self.database, "traces": telemetry.traces_table, "logs": telemetry.logs_table}
        result = await self._ask(layouts.DETECT, names, {}, self.records)
        found = layouts.read(result.rows, telemetry.traces_table, telemetry.logs_table)
        if found.traces or found.logs:
            _MEMORY[key] = (time.monotonic(), found)
            await cache.aset(key, found, LAYOUT_TTL_S)
        return found

    async def check(self) -> ConnectionReport:
        started = time.monotonic()
        try:
            async with asyncio.timeout(8):
                _MEMORY.clear()
                names = {
                    "database": self.database,
                    "traces": self.context.profile.telemetry.traces_table,
                    "logs": self.context.profile.telemetry.logs_table,
                }
                result = await self._ask(layouts.DETECT, names, {}, [])
                found = layouts.read(result.rows, names["traces"], names["logs"])
                writes = await self._may_write(found)
        except (SourceError, TimeoutError) as error:
            message = error.message if isinstance(error, SourceError) else "ClickHouse: no answer within 8 s"
            return ConnectionReport(
                False,
                round(time.monotonic() - started, 3),
                message,
                details={"kind": getattr(error, "kind", "unavailable")},
            )
        warnings = (
            ["This user may write. Give Altor a user with readonly = 1 and SELECT on the telemetry only."]
            if writes
            else []
        )
        if not found.traces:
            warnings.append(f"The table {names['traces']} was not found: requests cannot be checked.")
        if not found.logs:
            warnings.append(f"The table {names['logs']} was not found: account actions cannot be checked.")
        return ConnectionReport(
            ok=bool(found.traces or found.logs),
            seconds=round(time.monotonic() - started, 3),
            message=f"ClickHouse {found.version}: {found.name}",
            identity=str(self.config.options.get("user") or "default"),
            scopes=(Scope("SELECT"), *((Scope("write", writes=True),) if writes else ())),
            warnings=tuple(warnings),
            details={"version": found.version, "readonly": found.readonly, "layout": found.name},
        )

    async def _may_write(self, found: Layout) -> bool:
        """Whether a write would be let through: a drop of a table that cannot exist must fail for want of rights."""
        if found.readonly in ("1", "2"):
            return False
        try:
            await self._once(f"DROP TABLE IF EXISTS altor_write_probe_{uuid.uuid4().hex}", {}, {}, [], 1)
        except SourceError as error:
            # JSONCompact has nothing to say about a DROP that went through: an empty answer means it was allowed.
            return isinstance(error, SourceAnswerInvalid) and "is not a result" in error.message
        return True


class ClickHouseSource:
    name: ClassVar[str] = NAME
    title: ClassVar[str] = "ClickHouse"
    concurrency: ClassVar[int] = CONCURRENCY

    def operations(self) -> Mapping[str, Operation]:
        return {QUERY.name: QUERY}

    @asynccontextmanager
    async def open(self, config: ConnectionConfig, context: RunContext) -> AsyncIterator[ClickHouseSession]:
        client = open_client(config, connections=CONCURRENCY)
        try:
            await client.begin()
            yield ClickHouseSession(config, context, client)
        finally:
            await client.close()


_INTEGER: Final = re.compile(r"(?:Nullable\(|LowCardinality\()*U?Int\d+")
_TIME: Final = re.compile(r"(?:Nullable\(|LowCardinality\()*DateTime")


def _value(value: Any, kind: str) -> Any:
    """Quoted 64-bit integers as int, times as ISO 8601 UTC with at most microseconds; the epoch is "no time"."""
    if value is None or not isinstance(value, str):
        return value
    if _INTEGER.match(kind):
        return int(value)
    if _TIME.match(kind):
        return None if value.startswith("1970-01-01 00:00:00") else value.replace(" ", "T")[:26] + "Z"
    return value


def _newest(result: Result, rows: list[list[Any]]) -> datetime | None:
    """The latest moment in the result: how fresh the telemetry is for this question."""
    columns = [index for index, kind in enumerate(result.types) if _TIME.match(kind)]
    found = [row[index] for row in rows for index in columns if row[index]]
    return datetime.fromisoformat(max(found)) if found else None
