"""Ask a source one question over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from investigations.profile import GitHubProfile, LinearProfile, Profile, StripeProfile
from investigations.sources.base import ConnectionConfig, ConnectionReport, RunContext, Source, SourceAnswer
from investigations.sources.github.source import GitHubSource
from investigations.sources.linear.source import LinearSource
from investigations.sources.statuspage.source import StatuspageSource
from investigations.sources.stripe.source import StripeSource

AS_OF = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
SECRET = "sk_test_obviouslyfake0000000000"
PROFILE = Profile(
    github=GitHubProfile(owner="acme", repo="platform"),
    linear=LinearProfile(team_key="ENG"),
    stripe=StripeProfile(customer_metadata_key="org_id"),
)
SOURCES: dict[str, type[Source]] = {
    each.name: each for each in (GitHubSource, LinearSource, StripeSource, StatuspageSource)
}
WINDOW = {"since": datetime(2026, 5, 1, tzinfo=UTC), "until": AS_OF}


def address(source: str, url: str) -> str:
    """The base address of a source on a server that serves only it."""
    return f"{url}/graphql" if source == "linear" else url


def ask(
    source: str,
    url: str,
    operation: str,
    params: Mapping[str, Any] | None = None,
    *,
    timeout_s: float = 30.0,
    secret: str = SECRET,
    profile: Profile = PROFILE,
    options: Mapping[str, Any] | None = None,
    as_of: datetime = AS_OF,
) -> SourceAnswer:
    async def go() -> SourceAnswer:
        config, context = _opened(source, url, secret, profile, options, as_of)
        async with SOURCES[source]().open(config, context) as session:
            return await session.call(operation, params or {}, timeout_s=timeout_s)

    return asyncio.run(go())


def check(
    source: str,
    url: str,
    *,
    secret: str = SECRET,
    profile: Profile = PROFILE,
    options: Mapping[str, Any] | None = None,
) -> ConnectionReport:
    async def go() -> ConnectionReport:
        config, context = _opened(source, url, secret, profile, options, AS_OF)
        async with SOURCES[source]().open(config, context) as session:
            return await session.check()

    return asyncio.run(go())


def longest_chain(answer: SourceAnswer) -> int:
    """How many of the answer's requests began only after another had ended: the calls that depend on each other."""
    spans = sorted(
        (each.started_at.timestamp(), each.started_at.timestamp() + each.seconds)
        for each in answer.requests
        if each.started_at
    )
    length, free_at = 0, 0.0
    for start, end in sorted(spans, key=lambda span: span[1]):
        if start >= free_at:
            length, free_at = length + 1, end
    return length


def _opened(
    source: str, url: str, secret: str, profile: Profile, options: Mapping[str, Any] | None, as_of: datetime
) -> tuple[ConnectionConfig, RunContext]:
    config = ConnectionConfig(source, "test", address(source, url), secret, dict(options or {}))
    deadline = asyncio.get_running_loop().time() + 30
    return config, RunContext(as_of=as_of, profile=profile, deadline=deadline)
