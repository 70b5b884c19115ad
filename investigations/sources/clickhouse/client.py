"""Transport to ClickHouse: clickhouse-connect's asynchronous HTTP client, guarded and without needless round trips.

The client asks the server for its version and all its settings before the first query, two round trips that a run
would wait for. `LeanClient` leaves them out: our own first query (see `layout`) learns what we need.

Where it connects to is judged twice: the name is looked up by us, and each socket is made by us, so that neither a
second look-up nor a redirect leads anywhere but to the configured host.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from clickhouse_connect.driver._backend.models import QueryRuntime
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.binding import bind_query
from clickhouse_connect.driver.exceptions import ClickHouseError

from altor.outbound import AddressRefused, OutboundError, Unreachable, judge_url, resolve_judged
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.clickhouse.errors import NAME, error_for

# Its own log lines carry the text of queries.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 60
CLOSE_S: Final = 0.5
#: A larger answer is not read to its end.
MAX_BYTES: Final = 32_000_000


class _Peers(AbstractResolver):
    """The only host that may be dialled, at addresses that were judged."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host.lower(), port
        self.judged: set[str] = set()

    async def judge(self) -> None:
        """Look the host up and judge its addresses; OutboundError when one is not allowed."""
        self.judged = set(await resolve_judged(self.host, self.port, NAME))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if (host.lower(), port) != (self.host, self.port):
            raise AddressRefused("redirected")
        await self.judge()
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in sorted(self.judged, key=lambda each: ":" in each)
        ]

    def socket_for(self, info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's socket factory: literal addresses come here without a look-up, redirects to them included."""
        family, kind, proto, _, peer = info
        if str(peer[0]) not in self.judged or peer[1] != self.port:
            raise AddressRefused("redirected")
        made = socket.socket(family, kind, proto)
        made.setblocking(False)
        return made

    async def close(self) -> None:
        """Nothing is held."""


class LeanClient(AsyncClient):
    """clickhouse-connect's client without its opening questions, its environment proxy and its sessions."""

    peers: _Peers

    def _prep_raw_query_runtime(
        self,
        query: str,
        parameters: Sequence[Any] | dict[str, Any] | None,
        settings: dict[str, Any] | None,
        fmt: str | None,
        use_database: bool,
    ) -> tuple[str | bytes, dict[str, str], QueryRuntime]:
        """As the library's, for a question with a format: such a one has been through `guard`, which lets reading only
        pass. The library would take each one apart token by token to find that out, a fifth of a run's processor time.
        """
        if fmt is None:
            return super()._prep_raw_query_runtime(query, parameters, settings, fmt, use_database)
        bound, given = bind_query(query, parameters, self.server_tz)
        if not isinstance(bound, str):
            raise TypeError("A question takes parameters by the server, not bytes in its text.")
        database = self.database if use_database else None
        runtime = QueryRuntime(
            database=database,
            settings=self._validate_settings(settings or {}),
            retries=self.query_retries,
            retryable=True,
        )
        return f"{bound}\n FORMAT {fmt}", given, runtime

    async def _initialize(self) -> None:
        self._backend.ensure_session()
        self._initialized = True

    async def begin(self) -> None:
        """Judge the address and make the connection pool; no request is sent. SourceRefused, SourceUnavailable."""
        try:
            await self.peers.judge()
        except Unreachable as error:
            raise SourceUnavailable(NAME, f"ClickHouse: {error}") from None
        except OutboundError as error:
            raise SourceRefused(NAME, f"ClickHouse: {error}") from None
        await self._initialize()

    async def end(self) -> None:
        """Close the pool, also when a server keeps a request open."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close()
        except TimeoutError:
            self._force_close()


@dataclass(frozen=True, slots=True)
class Result:
    """`rows` are lists in the order of `columns`; values as ClickHouse's JSON gives them."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    read_rows: int | None
    read_bytes: int | None


def open_client(config: ConnectionConfig, *, connections: int) -> LeanClient:
    """A client for the connection; SourceRefused when the address can never be allowed."""
    parts = urlsplit(config.base_url)
    try:
        judge_url(config.base_url, NAME)
        host, port = parts.hostname or "", parts.port or (8443 if parts.scheme == "https" else 8123)
    except ValueError:
        raise SourceRefused(NAME, "ClickHouse: this address is not allowed for a connection") from None
    client = LeanClient(
        parts.scheme, host, port, str(config.options.get("user") or "default"), config.secret, None,
        proxy_path=parts.path, compress=False, connect_timeout=CONNECT_TIMEOUT_S, send_receive_timeout=READ_TIMEOUT_S,
        query_retries=0, autogenerate_session_id=False, autogenerate_query_id=False, client_name="altor",
        connector_limit=connections, connector_limit_per_host=connections,
    )  # fmt: skip
    client.peers = _Peers(host, port)
    client._backend.proxy_url = None  # the environment's proxy would be dialled unjudged
    client._backend.connector_kwargs |= {"resolver": client.peers, "socket_factory": client.peers.socket_for}
    return client


async def ask(
    client: LeanClient,
    sql: str,
    parameters: Mapping[str, Any],
    *,
    database: str,
    settings: Mapping[str, Any],
    query_id: str,
) -> Result:
    """One query; SourceError by ClickHouse's code otherwise."""
    return decoded(
        await send(client, sql, parameters, database=database, settings=settings, query_id=query_id), query_id
    )


async def send(
    client: LeanClient,
    sql: str,
    parameters: Mapping[str, Any],
    *,
    database: str,
    settings: Mapping[str, Any],
    query_id: str,
    form: str | None = "JSONCompact",
) -> bytes:
    """One statement, its answer unread; SourceError by ClickHouse's code."""
    # These belong to the HTTP interface: also a user who may change no setting may send them.
    transport = {"query_id": query_id, "wait_end_of_query": 1, **({"database": database} if database else {})}
    try:
        stream = await client.raw_stream(
            sql, parameters=dict(parameters), settings={**settings, **transport}, fmt=form, use_database=False
        )
        async with stream as chunks:
            body = bytearray()
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_BYTES:
                    raise SourceLimited(
                        NAME, f"ClickHouse: the answer is larger than {MAX_BYTES // 1_000_000} MB", request_id=query_id
                    )
    except ClickHouseError as error:
        if isinstance(error.__cause__, aiohttp.ClientError | OSError):
            raise _no_connection(error.__cause__, query_id) from None
        raise error_for(str(error), query_id) from None
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise _no_connection(error, query_id) from None
    except OutboundError as error:
        raise SourceRefused(NAME, f"ClickHouse: {error}", request_id=query_id) from None
    return bytes(body)


def _no_connection(error: BaseException, query_id: str) -> SourceUnavailable:
    broke = isinstance(error, aiohttp.ClientPayloadError | asyncio.IncompleteReadError)
    what = "the answer broke off" if broke else "no connection"
    return SourceUnavailable(NAME, f"ClickHouse: {what}", request_id=query_id)


def decoded(raw: bytes, query_id: str) -> Result:
    """A result in format JSONCompact; SourceError for the server's error inside a 200, or for anything else."""
    try:
        answer = json.loads(raw)
        meta, data = answer["meta"], answer["data"]
        statistics = answer.get("statistics") or {}
        result = Result(
            [item["name"] for item in meta],
            [item["type"] for item in meta],
            data,
            statistics.get("rows_read"),
            statistics.get("bytes_read"),
        )
        if any(len(row) != len(result.columns) for row in data):
            raise ValueError("rows do not fit the columns")
    except (ValueError, KeyError, TypeError):
        # An error after the first bytes arrives inside a 200.
        text = raw[-2000:].decode(errors="replace")
        if "DB::Exception" in text:
            raise error_for(text[text.rfind("Code: ") :], query_id) from None
        raise SourceAnswerInvalid(
            NAME, "ClickHouse: the answer is not a result; does a proxy answer instead?", request_id=query_id
        ) from None
    return result
