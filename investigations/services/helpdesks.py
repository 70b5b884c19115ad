"""Helpdesk connections: created, changed, tested, switched off. Secrets are written, and never shown again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import InboundEndpoint, User
from altor.outbound import call_scope, judge_url
from investigations.helpdesks.base import Helpdesk
from investigations.helpdesks.origins import read_origins
from investigations.helpdesks.registry import helpdesk_named, options_of
from investigations.models import Backfill, Connection, HelpdeskConnection
from investigations.services.connections import health_of, secret_ending
from investigations.services.endpoints import create_endpoint
from investigations.services.notes import config_of
from investigations.sources.base import ConnectionConfig, ConnectionReport, SourceError

__all__ = ["HelpdeskValues", "check_helpdesk", "config_of", "new_launch_secret", "save_helpdesk", "switch_helpdesk"]

#: Seconds for one connection test, answers of all its requests included.
CHECK_SECONDS: Final = 12.0


@dataclass(frozen=True, slots=True)
class HelpdeskValues:
    """What a person sets of a connection. `secret` and `launch_secret` None keep the stored ones."""

    base_url: str = ""
    secret: str | None = None
    launch_secret: str | None = None
    options: Mapping[str, Any] | None = None  # None = as stored
    origins: Sequence[str] = ()
    writes_notes: bool = False
    writes_tags: bool = False
    sends_replies: bool = False
    title: str | None = None  # None = as stored
    prefix: str = ""  # of ticket references; "" = as stored, or the helpdesk's own


@transaction.atomic
def save_helpdesk(
    kind: str, name: str, values: HelpdeskValues, *, actor: User | None, signing_secret: str = ""
) -> tuple[HelpdeskConnection, str]:
    """Create or change a connection. With it comes the address that the helpdesk posts to; the secret of a new address
    is given back, to be shown once ("" otherwise).

    InvalidInput names the field. A stored key stays only where the address stays: another host is never given it.
    """
    adapter = helpdesk_named(kind)
    if adapter is None:
        raise InvalidInput(f"There is no helpdesk {kind!r}.", field="kind")
    endpoint = InboundEndpoint.objects.select_for_update().filter(source=kind, connection=name).first()
    row = HelpdeskConnection.objects.select_for_update().filter(endpoint=endpoint).first() if endpoint else None
    before = _told(row) if row else None
    _check_prefix(values.prefix or (endpoint.ticket_prefix if endpoint else adapter.prefix), endpoint)
    shown = ""
    if endpoint is None:
        endpoint, shown = create_endpoint(
            source=kind, connection=name, actor=actor, title=values.title or "", secret=signing_secret,
            ticket_prefix=values.prefix or adapter.prefix,
        )  # fmt: skip
    else:
        endpoint.ticket_prefix = values.prefix or endpoint.ticket_prefix
        endpoint.title = endpoint.title if values.title is None else values.title[:80]
        endpoint.save(update_fields=["ticket_prefix", "title"])
    row = row or HelpdeskConnection(endpoint=endpoint)
    row.endpoint = endpoint
    _set_api(row, adapter, values)
    row.origins = read_origins(values.origins)
    row.launch_secret = row.launch_secret if values.launch_secret is None else values.launch_secret.strip()
    row.health, row.health_message, row.checked_at, row.warnings = Connection.Health.UNKNOWN, "", None, []
    row.save()
    record_event(
        actor=actor,
        action="helpdesk.changed" if before else "helpdesk.created",
        object_kind="helpdesk",
        object_ref=str(endpoint),
        before=before,
        after=_told(row)
        | {"secret_changed": values.secret is not None, "launch_secret_changed": values.launch_secret is not None},
    )
    return row, "" if signing_secret else shown


def _set_api(row: HelpdeskConnection, adapter: Helpdesk, values: HelpdeskValues) -> None:
    base_url = values.base_url.strip()
    if base_url:
        try:
            judge_url(base_url, adapter.name)
        except ValueError as error:
            raise InvalidInput(str(error), field="base_url") from None
    if len(base_url) > 500:
        raise InvalidInput("The address is longer than 500 characters.", field="base_url")
    if values.secret is None and base_url and row.secret and _host(row.base_url) != _host(base_url):
        raise InvalidInput("The address names another host: enter the key again", field="secret")
    options = dict(row.options if values.options is None else values.options)
    checked = options_of(adapter, options)
    writes = values.writes_notes or values.writes_tags or values.sends_replies
    if writes and not base_url:
        raise InvalidInput("To write there, the API's address is needed", field="base_url")
    if values.sends_replies and not adapter.can_reply:
        raise InvalidInput(f"{adapter.title} offers no way to send replies", field="sends_replies")
    row.base_url = base_url
    row.secret = row.secret if values.secret is None else values.secret.strip()
    if not base_url:
        row.secret = ""  # a key without an address would wait for the next one
    row.options = checked.model_dump(mode="json", exclude_defaults=True)
    row.writes_notes, row.writes_tags, row.sends_replies = (
        values.writes_notes, values.writes_tags, values.sends_replies
    )  # fmt: skip


def _check_prefix(prefix: str, endpoint: InboundEndpoint | None) -> None:
    """Two helpdesks with one prefix would fight over references; the ticket that comes second would be refused."""
    others = HelpdeskConnection.objects.filter(endpoint__ticket_prefix=prefix).select_related("endpoint")
    taken = others.exclude(endpoint=endpoint).first() if endpoint else others.first()
    if taken is not None:
        raise InvalidInput(f"Tickets of {taken.endpoint} begin with {prefix} already", field="prefix")


def _host(url: str) -> tuple[str, str | None, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname, found.port


def _told(row: HelpdeskConnection) -> dict[str, Any]:
    """A connection for the audit log: of secrets only how they end."""
    return {
        "base_url": row.base_url,
        "options": row.options,
        "origins": list(row.origins),
        "writes": [name for name in ("writes_notes", "writes_tags", "sends_replies") if getattr(row, name)],
        "title": row.endpoint.title,
        "ticket_prefix": row.endpoint.ticket_prefix,
        "secret_ends": secret_ending(row.secret),
        "launch_secret_ends": secret_ending(row.launch_secret),
    }


def check_helpdesk(row: HelpdeskConnection) -> ConnectionReport:
    """Ask the helpdesk's API who we are; its health is kept. Reports, never raises."""
    adapter = helpdesk_named(row.endpoint.source)
    if adapter is None:
        report = ConnectionReport(False, 0.0, f"There is no helpdesk {row.endpoint.source!r} in this installation")
    elif not row.base_url:
        report = ConnectionReport(True, 0.0, "Without an API address events are taken in and nothing is asked")
    else:
        report = asyncio.run(_check(adapter, config_of(row)))
    HelpdeskConnection.objects.filter(pk=row.pk).update(
        health=health_of(report) if row.base_url else Connection.Health.UNKNOWN,
        health_message=report.message[:1000], checked_at=timezone.now(), warnings=list(report.warnings),
    )  # fmt: skip
    return report


async def _check(adapter: Helpdesk, config: ConnectionConfig) -> ConnectionReport:
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        with call_scope(CHECK_SECONDS):
            async with asyncio.timeout(CHECK_SECONDS), adapter.open(config) as client:
                return await client.check()
    except TimeoutError:
        return ConnectionReport(False, CHECK_SECONDS, f"No answer within {CHECK_SECONDS:.0f} s")
    except SourceError as error:
        return ConnectionReport(False, round(loop.time() - started, 3), error.message, details={"kind": error.kind})


@transaction.atomic
def new_launch_secret(row: HelpdeskConnection, *, actor: User | None) -> str:
    """A fresh key for the sidebar's signed start, where we choose it; shown only here. The old one is worth nothing."""
    row = HelpdeskConnection.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=row.pk)
    row.launch_secret = secrets.token_urlsafe(36)
    row.save(update_fields=["launch_secret", "updated_at"])
    record_event(
        actor=actor, action="helpdesk.launch_secret_made", object_kind="helpdesk", object_ref=str(row.endpoint),
        after={"launch_secret_ends": secret_ending(row.launch_secret)},
    )  # fmt: skip
    return row.launch_secret


@transaction.atomic
def switch_helpdesk(row: HelpdeskConnection, *, on: bool, actor: User | None) -> None:
    """Off: its events are refused, and reading its past ends. Secrets stay, so that it can be switched on again."""
    changed = InboundEndpoint.objects.filter(pk=row.endpoint_id).exclude(is_active=on).update(is_active=on)
    if not on:
        Backfill.objects.filter(connection=row, status=Backfill.Status.RUNNING).update(
            status=Backfill.Status.CANCELLED, reason="The connection was switched off", finished_at=timezone.now()
        )
    if changed:
        record_event(
            actor=actor, action=f"helpdesk.switched_{'on' if on else 'off'}", object_kind="helpdesk",
            object_ref=str(row.endpoint),
        )  # fmt: skip
