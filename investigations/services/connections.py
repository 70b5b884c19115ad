"""Connections to sources: which are in force, whether they work, and changing them.

The environment wins over the database for the process it is set in, as a whole: a stored key is never sent to an
address from the environment, nor the other way round, and nothing from the environment is written to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.embedded.clickhouse import EmbeddedClickHouse
from altor.errors import InvalidInput
from altor.models import User
from altor.outbound import judge_url
from altor.registry import parts
from altor.settings import environment
from investigations.models import Connection, InstallationProfile
from investigations.profile import Profile
from investigations.sources.base import ConnectionConfig, ConnectionReport, RunContext, Source, SourceError

#: Seconds for one connection test, answers of all its requests included.
CHECK_SECONDS = 12.0
#: Options a connection may carry, per source.
OPTIONS: Mapping[str, frozenset[str]] = {
    "clickhouse": frozenset({"user", "database", "ui_url"}),
    "github": frozenset(),
    "linear": frozenset({"auth"}),
    "stripe": frozenset({"account"}),
    "statuspage": frozenset({"urls"}),
}
#: Addresses that are used when none is given.
DEFAULT_URLS: Mapping[str, str] = {
    "github": "https://api.github.com",
    "linear": "https://api.linear.app/graphql",
    "stripe": "https://api.stripe.com",
}
NEEDS_SECRET = frozenset({"github", "linear", "stripe"})


def active_connections() -> dict[str, ConnectionConfig]:
    """Source name -> the connection in force. One query.

    Of several rows of one source the first by name counts. Without any ClickHouse the embedded engine is taken, if it
    runs.
    """
    found: dict[str, ConnectionConfig] = {}
    for row in Connection.objects.filter(is_active=True).order_by("source", "name"):
        found.setdefault(row.source, config_of(row))
    found |= environment_connections()
    if "clickhouse" not in found:
        found |= _embedded_clickhouse()
    return found


def _embedded_clickhouse() -> dict[str, ConnectionConfig]:
    """The engine that runs beside us, where loopback may be dialled; nothing when none answers."""
    if not settings.ALLOW_LOOPBACK_UPSTREAMS:
        return {}
    address = EmbeddedClickHouse(settings.HOME / "clickhouse").reader_address()
    return {"clickhouse": clickhouse_config(address, origin="embedded")} if address else {}


def config_of(row: Connection) -> ConnectionConfig:
    return ConnectionConfig(
        source=row.source,
        name=row.name,
        base_url=row.base_url or DEFAULT_URLS.get(row.source, ""),
        secret=row.secret,
        options=dict(row.options or {}),
    )


def environment_connections() -> dict[str, ConnectionConfig]:
    """Connections given by `ALTOR_GITHUB_API_URL` and its like. No query."""
    found: dict[str, ConnectionConfig] = {}
    for source, url_name, secret_name in (
        ("github", "ALTOR_GITHUB_API_URL", "ALTOR_GITHUB_TOKEN"),
        ("linear", "ALTOR_LINEAR_API_URL", "ALTOR_LINEAR_API_KEY"),
        ("stripe", "ALTOR_STRIPE_API_URL", "ALTOR_STRIPE_API_KEY"),
    ):
        url, secret = environment.text(url_name), environment.text(secret_name)
        if url or secret:
            found[source] = ConnectionConfig(
                source, "environment", url or DEFAULT_URLS[source], secret, origin="environment"
            )
    pages = environment.many("ALTOR_STATUSPAGE_URLS")
    if pages:
        found["statuspage"] = ConnectionConfig(
            "statuspage", "environment", pages[0], options={"urls": pages}, origin="environment"
        )
    clickhouse = environment.text("ALTOR_CLICKHOUSE_URL")
    if clickhouse:
        found["clickhouse"] = clickhouse_config(clickhouse)
    return found


def clickhouse_config(url: str, *, origin: str = "environment") -> ConnectionConfig:
    """`http://user:password@host:8123/prefix?database=otel` as a connection; the path is a reverse proxy's prefix."""
    parts_ = urlsplit(url)
    host = parts_.hostname or ""
    host = f"[{host}]" if ":" in host else host
    address = urlunsplit(
        (parts_.scheme, host + (f":{parts_.port}" if parts_.port else ""), parts_.path.rstrip("/"), "", "")
    )
    options = {"user": unquote(parts_.username or ""), **dict(parse_qsl(parts_.query))}
    return ConnectionConfig(
        "clickhouse",
        origin,
        address,
        unquote(parts_.password or ""),
        {key: value for key, value in options.items() if value},
        origin,
    )


def sources() -> dict[str, type[Source]]:
    return {source.name: source for source in parts("SOURCES")}


def check_connection(config: ConnectionConfig, *, profile: Profile | None = None) -> ConnectionReport:
    """Test one connection; its health is kept on its row when it came from the database. Reports, never raises."""
    source = sources().get(config.source)
    if source is None:
        return ConnectionReport(False, 0.0, f"There is no source named {config.source!r}")
    profile = profile or _profile_in_force()
    report = asyncio.run(_check(source(), config, profile))
    if config.origin == "database":
        _keep_health(config, report)
    return report


async def _check(source: Source, config: ConnectionConfig, profile: Profile) -> ConnectionReport:
    loop = asyncio.get_running_loop()
    context = RunContext(
        as_of=profile.now or datetime.now(UTC), profile=profile, deadline=loop.time() + CHECK_SECONDS, run_ref="check"
    )
    started = loop.time()
    try:
        async with asyncio.timeout(CHECK_SECONDS), source.open(config, context) as session:
            return await session.check()
    except TimeoutError:
        return ConnectionReport(False, CHECK_SECONDS, f"No answer within {CHECK_SECONDS:.0f} s")
    except SourceError as error:
        return ConnectionReport(False, round(loop.time() - started, 3), error.message, details={"kind": error.kind})


def faster_columns(config: ConnectionConfig) -> list[str]:
    """Statements for an operator that would make the questions to this ClickHouse faster; [] when none would.

    SourceError when it does not answer.
    """
    from investigations.sources.clickhouse.columns import statements
    from investigations.sources.clickhouse.source import ClickHouseSource

    profile = _profile_in_force()

    async def ask() -> list[str]:
        deadline = asyncio.get_running_loop().time() + CHECK_SECONDS
        context = RunContext(as_of=timezone.now(), profile=profile, deadline=deadline, run_ref="columns")
        async with ClickHouseSource().open(config, context) as session:
            return statements(profile.telemetry, await session.detect())

    return asyncio.run(ask())


def _keep_health(config: ConnectionConfig, report: ConnectionReport) -> None:
    now = timezone.now()
    changes: dict[str, Any] = {
        "health": health_of(report),
        "health_message": report.message[:1000],
        "checked_at": now,
        "latency_ms": round(report.seconds * 1000),
        "scopes": [{"name": scope.name, "writes": scope.writes} for scope in report.scopes],
        "warnings": list(report.warnings),
    }
    if report.ok:
        changes["last_ok_at"] = now
    Connection.objects.filter(source=config.source, name=config.name).update(**changes)


def health_of(report: ConnectionReport) -> Connection.Health:
    if report.ok:
        return Connection.Health.OK
    kind = report.details.get("kind")
    if kind == "refused":
        return Connection.Health.REFUSED
    return Connection.Health.DEGRADED if kind in ("limited", "invalid") else Connection.Health.DOWN


def _profile_in_force() -> Profile:
    newest = InstallationProfile.objects.first()
    return Profile.model_validate(newest.data) if newest is not None else Profile()


@transaction.atomic
def save_connection(
    *,
    source: str,
    name: str,
    base_url: str,
    secret: str | None,
    options: Mapping[str, Any] | None,
    actor: User | None,
    may_lack_secret: bool = False,
) -> Connection:
    """Create or change a connection. `secret=None` keeps the stored one, unless the address names another host. With
    `may_lack_secret` (configuration files hold none) its key may be entered later.

    InvalidInput names the field. The audit log gets everything but the secret.
    """
    row = Connection.objects.select_for_update().filter(source=source, name=name).first()
    before = _told(row) if row else None
    base_url = base_url.strip() or DEFAULT_URLS.get(source, "")
    options = _checked_options(source, options if options is not None else (row.options if row else {}))
    _check_addresses(source, base_url, options)
    if secret is None and row and row.secret and _host(row.base_url) != _host(base_url):
        raise InvalidInput("The address names another host: enter the key again", field="secret")
    kept = secret.strip() if secret is not None else (row.secret if row else "")
    if source in NEEDS_SECRET and not kept and not may_lack_secret:
        raise InvalidInput("A key is needed", field="secret")
    row = row or Connection(source=source, name=name)
    row.base_url, row.secret, row.options, row.is_active = base_url, kept, options, True
    row.health, row.health_message, row.checked_at = Connection.Health.UNKNOWN, "", None
    if source in NEEDS_SECRET and not kept:
        row.health, row.health_message = Connection.Health.REFUSED, "It has no key yet: enter one"
    _check_fields(row)
    row.save()
    record_event(
        actor=actor,
        action="connection.changed" if before else "connection.created",
        object_kind="connection",
        object_ref=f"{source}:{name}",
        before=before,
        after=_told(row) | {"secret_changed": secret is not None},
    )
    return row


@transaction.atomic
def remove_connection(row: Connection, *, actor: User | None) -> None:
    """Switch a connection off and forget its secret; the row stays, because runs refer to its name."""
    before = _told(row)
    Connection.objects.filter(pk=row.pk).update(is_active=False, secret="")
    record_event(
        actor=actor,
        action="connection.removed",
        object_kind="connection",
        object_ref=f"{row.source}:{row.name}",
        before=before,
    )


def _check_fields(row: Connection) -> None:
    try:
        row.clean_fields(exclude={field.name for field in Connection._meta.fields} - {"name", "base_url"})
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(messages[0], field=field) from None


def _told(row: Connection) -> dict[str, Any]:
    """A connection for the audit log: of the secret only whether there is one and its last four characters."""
    return {
        "base_url": row.base_url,
        "options": row.options,
        "is_active": row.is_active,
        "secret_ends": secret_ending(row.secret),
    }


def secret_ending(secret: str) -> str:
    """What may be shown of a stored secret: its last four characters, nothing of a short one."""
    return secret[-4:] if len(secret) >= 12 else ""


def _checked_options(source: str, options: Mapping[str, Any]) -> dict[str, Any]:
    if source not in sources():
        raise InvalidInput(f"There is no source named {source!r}", field="source")
    unknown = set(options) - OPTIONS.get(source, frozenset(options))
    if unknown:
        raise InvalidInput(f"Unknown option: {', '.join(sorted(unknown))}", field="options")
    return {key: value for key, value in options.items() if value not in ("", None, [])}


def _check_addresses(source: str, base_url: str, options: Mapping[str, Any]) -> None:
    urls = [str(url) for url in options.get("urls") or []] or [base_url]
    for url in urls:
        try:
            judge_url(url, source)
        except ValueError as error:
            raise InvalidInput(str(error), field="base_url") from None


def _host(url: str) -> tuple[str, str | None, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname, found.port
