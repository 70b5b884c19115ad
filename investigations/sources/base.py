"""What every source of evidence offers to the engine, and the words both sides use.

A source (ClickHouse, GitHub, Linear, Stripe, a status page, later the knowledge base) is a package
`investigations/sources/<name>/` with `client.py` (transport), `source.py` (meaning) and, where needed, `queries.py`.
The setting `SOURCES` lists the classes by dotted path, so an app above this one can add a source without being imported
here.

A source only reads. It is opened once per run, on the run's event loop, and asked operations; each answer carries
every request that was sent, so that evidence can show the query behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

if TYPE_CHECKING:
    from investigations.profile import Profile


class SourceError(Exception):
    """A source gave no usable answer. `message` is one safe line for people; it never holds a secret.

    `requests` are the attempts that were made, for the evidence "could not be checked".
    """

    kind: ClassVar[str] = "unavailable"

    def __init__(
        self, source: str, message: str, *, requests: Sequence[RequestRecord] = (), request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.source = source
        self.message = message
        self.requests = tuple(requests)
        self.request_id = request_id


class SourceUnavailable(SourceError):
    """Down, unreachable, timed out, 5xx, or its circuit is open: try later."""

    kind = "unavailable"


class SourceRefused(SourceError):
    """The credential was refused or may not do this, or the address is not allowed: a person must act."""

    kind = "refused"


class SourceAnswerInvalid(SourceError):
    """It answered, but not in the shape it promises: the contract changed or a proxy answered instead."""

    kind = "invalid"


class SourceLimited(SourceError):
    """Rate limited beyond what the step's time allows, or a read limit was reached. `retry_after_s` when known."""

    kind = "limited"

    def __init__(self, source: str, message: str, *, retry_after_s: float | None = None, **kwargs: Any) -> None:
        super().__init__(source, message, **kwargs)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it was sent, without secrets: the proof behind a piece of evidence."""

    source: str
    method: str  # GET, POST, QUERY
    target: str  # path with query string, GraphQL operation, or the SQL text as sent
    params: Mapping[str, Any] = field(default_factory=dict)  # SQL parameters, GraphQL variables
    status: int | None = None  # HTTP status; None when no answer came
    started_at: datetime | None = None  # aware, UTC
    seconds: float = 0.0  # wall time including retries' waits of this attempt only
    attempt: int = 1
    request_id: str = ""  # the upstream's own id
    rows: int | None = None  # result rows or items
    read_rows: int | None = None  # ClickHouse: rows read by the server
    read_bytes: int | None = None
    from_cache: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What one operation returned: JSON-able, redacted, in the operation's documented shape.

    Lists of records are in `data` under the operation's documented keys. For ClickHouse queries `data` is
    `{"columns": [...], "types": [...], "rows": [[...], ...]}`.
    """

    data: Mapping[str, Any]
    requests: tuple[RequestRecord, ...]
    fetched_at: datetime
    truncated: bool = False
    truncated_why: str = ""
    newest_at: datetime | None = None  # newest record the source holds for this question: its freshness
    url: str = ""  # deep link a person can open


@dataclass(frozen=True, slots=True)
class Operation:
    """One question a source can answer. `params` validates what a playbook passes; `returns` documents `data`."""

    name: str
    title: str
    params: type[BaseModel]
    returns: str


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission that a credential holds, as the upstream names it."""

    name: str
    writes: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The outcome of "test this connection"."""

    ok: bool
    seconds: float
    message: str  # one line for people
    identity: str = ""  # who the credential is
    scopes: tuple[Scope, ...] = ()
    warnings: tuple[str, ...] = ()  # e.g. "This key can write: use a restricted key"
    details: Mapping[str, Any] = field(default_factory=dict)  # layout found, versions, limits left


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """Address and credential of one connection, from the database or the environment. `secret` never shows in repr."""

    source: str
    name: str  # slug: "production"
    base_url: str
    secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "database"  # or "environment"

    @property
    def cache_key(self) -> str:
        """Identity of (address, credential) for caches, so two processes with other addresses never mix. Not
        reversible.
        """
        import hashlib

        text = "\x00".join([self.source, self.base_url, self.secret, repr(sorted(self.options.items()))])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open time window [start, end), aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a source may need to know of the run it serves."""

    as_of: datetime  # the run's clock; nothing after it may be read
    profile: Profile
    deadline: float  # event-loop time (loop.time()) at which the run ends
    tenant: str = ""  # the customer's id in the telemetry; "" when unknown
    run_ref: str = ""  # for query ids and User-Agent details


@runtime_checkable
class SourceSession(Protocol):
    """An open source, bound to one event loop and one run."""

    async def call(self, operation: str, params: Mapping[str, Any], *, timeout_s: float) -> SourceAnswer:
        """Answer one operation within `timeout_s`; raises a SourceError otherwise. Safe to call concurrently."""
        ...

    async def check(self) -> ConnectionReport:
        """Test the connection; never raises a SourceError, reports it instead."""
        ...


class Source(Protocol):
    """One kind of upstream. Instances hold no state of a run."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: The largest number of requests at once to one connection of this source.
    concurrency: ClassVar[int]

    def operations(self) -> Mapping[str, Operation]: ...

    def open(self, config: ConnectionConfig, context: RunContext) -> AbstractAsyncContextManager[SourceSession]: ...
