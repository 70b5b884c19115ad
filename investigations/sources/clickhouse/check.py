"""Test of a ClickHouse connection: version, tables found, what the user may do."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import TYPE_CHECKING, Final

from investigations.sources.base import ConnectionReport, Scope, SourceError
from investigations.sources.clickhouse.client import send
from investigations.sources.clickhouse.errors import code_of

if TYPE_CHECKING:
    from investigations.sources.clickhouse.layout import Layout
    from investigations.sources.clickhouse.source import ClickHouseSession

CHECK_S: Final = 8
_GRANT: Final = re.compile(r"^GRANT (.+?) ON (\S+) TO ", re.MULTILINE)
#: Rights that only read. Everything else in a grant is reported as able to write.
_READING: Final = re.compile(r"^(?:SELECT|SHOW|CHECK|READ|dictGet|displaySecrets)\b", re.IGNORECASE)
_TOO_MUCH: Final = "This user may write. Give Altor a user with readonly = 1 and SELECT on the telemetry only."


async def check(session: ClickHouseSession) -> ConnectionReport:
    """Never raises a SourceError; what went wrong is in the report."""
    started = time.monotonic()
    session.state.succeeded()  # a person asks whether it works now: an open circuit must not answer
    try:
        async with asyncio.timeout(CHECK_S):
            with session.counted():
                found = await session.detect()
            scopes, writes = await asyncio.gather(_scopes(session), _may_write(session, found))
    except (SourceError, TimeoutError) as error:
        message = error.message if isinstance(error, SourceError) else f"ClickHouse: no answer within {CHECK_S} s"
        details = {"kind": getattr(error, "kind", "unavailable")}
        return ConnectionReport(False, round(time.monotonic() - started, 3), message, details=details)
    if writes and not any(scope.writes for scope in scopes):
        scopes = (*scopes, Scope("write", writes=True))
    if not writes:
        # The user's profile is read-only: what is granted beyond reading cannot be used.
        scopes = tuple(scope for scope in scopes if not scope.writes)
    return ConnectionReport(
        ok=bool(found.traces or found.logs),
        seconds=round(time.monotonic() - started, 3),
        message=f"ClickHouse {found.version}: {found.name}",
        identity=str(session.config.options.get("user") or "default"),
        scopes=scopes or (Scope("SELECT"),),
        warnings=tuple(_warnings(session, found, writes)),
        details={
            "version": found.version,
            "readonly": found.readonly,
            "layout": found.name,
            "timezone": found.timezone,
            "database": session.database,
        },
    )


def _warnings(session: ClickHouseSession, found: Layout, writes: bool) -> list[str]:
    telemetry = session.context.profile.telemetry
    warnings = [_TOO_MUCH] if writes else []
    if not found.traces:
        warnings.append(f"The table {telemetry.traces_table} was not found: requests cannot be checked.")
    if not found.logs:
        warnings.append(f"The table {telemetry.logs_table} was not found: account actions cannot be checked.")
    return warnings


async def _scopes(session: ClickHouseSession) -> tuple[Scope, ...]:
    """Rights as the server lists them; empty where it does not tell."""
    query_id = f"altor-check-{uuid.uuid4().hex[:16]}"
    try:
        raw = await send(
            session.client,
            "SHOW GRANTS",
            {},
            database=session.database,
            settings={},
            query_id=query_id,
            form="TabSeparatedRaw",
        )
    except SourceError:
        return ()
    rights = {
        (right.strip(), where)
        for rights_, where in _GRANT.findall(raw.decode(errors="replace"))
        for right in re.sub(r"\([^)]*\)", "", rights_).split(",")
    }
    return tuple(
        Scope(f"{right} ON {where}", writes=not _READING.match(right)) for right, where in sorted(rights)[:40] if right
    )


async def _may_write(session: ClickHouseSession, found: Layout) -> bool:
    """Whether a write would be let through: asked with one that changes nothing whatever the answer is.

    A table of a random name cannot exist, so dropping it "if it exists" leaves no trace.
    """
    if found.readonly in ("1", "2"):
        return False
    name = uuid.uuid4().hex
    sql = f"DROP TABLE IF EXISTS altor_write_probe_{name}"
    query_id = f"altor-check-{name[:16]}"
    try:
        await send(session.client, sql, {}, database=session.database, settings={}, query_id=query_id, form=None)
    except SourceError as error:
        if code_of(error) is None:
            raise
        return False
    return True
