"""Transport to ClickHouse: clickhouse-connect's asynchronous HTTP client, guarded and without needless round trips.

The client asks the server for its version and all its settings before the first query, two round trips that a run
would wait for. `LeanClient` leaves them out: our own first query (see `layout`) learns what we need.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from altor.outbound import AddressRefused, OutboundError, judge_peer, judge_url, resolve_judged
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)

NAME: Final = "clickhouse"
_CODE: Final = re.compile(r"(?:Code: |error code )(\d+)")
#: ClickHouse's error codes by what they mean to a run.
_REFUSED: Final = {"192", "193", "194", "195", "291", "497", "516"}
_LIMITED: Final = {"158", "159", "160", "202", "241", "307", "396"}
_INVALID: Final = {"36", "43", "46", "47", "60", "62", "81", "386"}
_WORDS: Final = {
    "158": "the query would read too many rows", "159": "the query took too long", "160": "the query would take too long",
    "164": "the user may not change settings", "202": "too many queries at the same time", "241": "the query needs too much memory",
    "307": "the query would read too many bytes", "396": "the result is too large", "497": "the user may not read this table",
    "516": "user or password is wrong", "60": "a table does not exist", "81": "the database does not exist", "47": "a column does not exist",
    "62": "the query is not valid",
}  # fmt: skip


class _JudgedResolver(AbstractResolver):
    """Names are looked up, judged, and the judged addresses are dialled."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await resolve_judged(host, port, NAME)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class LeanClient(AsyncClient):
    """clickhouse-connect's client without its opening questions, its environment proxy and its sessions."""

    async def _initialize(self) -> None:
        self._backend.proxy_url = None
        self._backend.ensure_session()
        self._initialized = True

    async def begin(self) -> None:
        """Make the connection pool; nothing is sent."""
        await self._initialize()


@dataclass(frozen=True, slots=True)
class Result:
    """`rows` are lists in the order of `columns`; numbers as ClickHouse's JSON gives them."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    read_rows: int | None
    read_bytes: int | None


def open_client(config: ConnectionConfig, *, connections: int) -> LeanClient:
    """A client for the connection; SourceRefused when the address is not allowed."""
    parts = urlsplit(config.base_url)
    host, port = parts.hostname or "", parts.port or (8443 if parts.scheme == "https" else 8123)
    try:
        judge_url(config.base_url, NAME)
        if _is_literal(host):
            judge_peer(host, port, NAME)
    except (ValueError, AddressRefused):
        raise SourceRefused(NAME, "ClickHouse: this address is not allowed for a connection") from None
    except OutboundError as error:
        raise SourceUnavailable(NAME, f"ClickHouse: {error}") from None
    client = LeanClient(
        parts.scheme or "http", host, port, str(config.options.get("user") or "default"), config.secret, None,
        proxy_path=parts.path, compress=False, connect_timeout=5, send_receive_timeout=30, query_retries=0,
        autogenerate_session_id=False, autogenerate_query_id=False, client_name="altor", connector_limit=connections,
    )  # fmt: skip
    client._backend.connector_kwargs["resolver"] = _JudgedResolver()
    return client


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


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
    transport = {"query_id": query_id, **({"database": database} if database else {})}
    try:
        raw = await client.raw_query(
            sql, parameters=dict(parameters), settings={**settings, **transport}, fmt="JSONCompact", use_database=False
        )
    except ClickHouseError as error:
        raise _by_code(str(error), query_id) from None
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise SourceUnavailable(
            NAME, f"ClickHouse: no connection ({type(error).__name__})", request_id=query_id
        ) from None
    except OutboundError as error:
        raise SourceRefused(NAME, f"ClickHouse: {error}", request_id=query_id) from None
    return _decoded(raw, query_id)


def _decoded(raw: bytes, query_id: str) -> Result:
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
    except (ValueError, KeyError, TypeError):
        # An error after the first bytes arrives inside a 200.
        text = raw[-2000:].decode(errors="replace")
        if "DB::Exception" in text:
            raise _by_code(text, query_id) from None
        raise SourceAnswerInvalid(
            NAME, "ClickHouse: the answer is not a result; does a proxy answer instead?", request_id=query_id
        ) from None
    return result


def _by_code(text: str, query_id: str) -> SourceError:
    found = _CODE.search(text)
    code = found.group(1) if found else ""
    message = f"ClickHouse: {_WORDS.get(code, 'the query failed')}" + (f" (code {code})" if code else "")
    if code in _REFUSED or (not code and re.search(r"\b40[13]\b", text)):
        return SourceRefused(NAME, message if code else "ClickHouse: user or password is wrong", request_id=query_id)
    if code in _LIMITED:
        return SourceLimited(NAME, message, request_id=query_id)
    if code in _INVALID or code == "164":
        return SourceAnswerInvalid(NAME, message, request_id=query_id)
    return SourceUnavailable(
        NAME, message if code else f"ClickHouse: it answers with an error ({_first_words(text)})", request_id=query_id
    )


def _first_words(text: str) -> str:
    return re.sub(r"<[^>]*>|https?://\S+|\s+", " ", text).strip()[:80]
