"""The client that writes to Linear. Answers are judged as those of the client that only reads."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from altor.errors import InvalidInput
from altor.outbound import OutboundError, Upstream, open_client
from altor.outbound.retries import until_epoch
from altor.outbound.transport import IDEMPOTENT, SUBJECT
from investigations.sources.base import ConnectionConfig, SourceAnswerInvalid
from investigations.sources.http import as_source_error
from investigations.sources.linear.answers import SOURCE, TITLE, data_of, limit_of, operation_name
from investigations.sources.linear.client import CONCURRENCY, DEFAULT_URL, authorization

log = logging.getLogger(__name__)
USER_AGENT: Final = "Altor (files and follows issues)"
#: With less than this share of the hour's requests left, only what people wait for is sent.
_RESERVE: Final = 0.1


class LinearWriter:
    """Bound to one event loop. `send` raises SourceError only."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url  # whole: joining to a base address would add a slash
        self.headers: Mapping[str, str] = {}

    async def send(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """`data` of the answer. A query, or a mutation that carries its own id: both may be sent again at once when the
        answer was lost.
        """
        document = document.strip()
        name, kind = operation_name(document), document.split(None, 1)[0]
        may_repeat = kind == "query" or "id" in (variables.get("input") or {})
        try:
            response = await self._http.post(
                self._url,
                json={"query": document, "variables": dict(variables), "operationName": name},
                extensions={IDEMPOTENT: may_repeat, SUBJECT: {"label": f"{kind} {name}"}},
            )
        except OutboundError as error:
            raise as_source_error(SOURCE, TITLE, error) from error
        self.headers = response.headers
        return data_of(response)

    def hold_off_s(self) -> float:
        """Seconds until the limits are refilled, when less than a tenth of one is left; otherwise 0."""
        waits = [0.0]
        for kind in ("requests", "complexity"):
            limit, left = (_number(self.headers.get(f"x-ratelimit-{kind}-{what}")) for what in ("limit", "remaining"))
            if limit and left is not None and left < limit * _RESERVE:
                wait = until_epoch(self.headers.get(f"x-ratelimit-{kind}-reset", ""), milliseconds=True)
                waits.append(60.0 if wait is None else wait)
        return max(waits)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


@asynccontextmanager
async def open_writer(config: ConnectionConfig) -> AsyncIterator[LinearWriter]:
    """A client for one loop. What its answers lack of the promised shape becomes SourceAnswerInvalid."""
    upstream = Upstream(
        source=SOURCE,
        key=config.cache_key,
        base_url="",
        headers={"Authorization": authorization(config.secret, config.options), "User-Agent": USER_AGENT},
        concurrency=CONCURRENCY,
        limit_of=limit_of,
    )
    async with open_client(upstream) as http:
        try:
            yield LinearWriter(http, config.base_url or DEFAULT_URL)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, InvalidInput) as error:
            # JSON of another shape than promised. Where is for the log, without the value, which may be personal.
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.warning("linear: unexpected shape at %s:%s (%s)", where.filename, where.lineno, type(error).__name__)
            message = f"Linear answered in an unexpected shape ({type(error).__name__})"
            raise SourceAnswerInvalid(SOURCE, message) from error
