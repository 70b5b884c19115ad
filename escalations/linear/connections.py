"""The connection that files in Linear: entered, tested, used. Apart from the source of evidence, whose key only
reads.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import InboundEndpoint, User
from altor.outbound import call_scope, judge_url
from altor.outbound.state import close_circuit
from escalations.linear.client import LinearWriter, open_writer
from escalations.linear.documents import CREATE_COMMENT, WORKSPACE
from escalations.linear.filing import retry_all
from escalations.models import LinearConnection
from investigations.engine.work import run_bounded
from investigations.models import Connection
from investigations.services.connections import health_of, secret_ending
from investigations.services.endpoints import create_endpoint, drop_old_secrets, rotate_secret
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    Scope,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import cut_text
from investigations.sources.linear.answers import SOURCE
from investigations.sources.linear.client import DEFAULT_URL

#: Seconds for one connection test, answers of all its requests included.
CHECK_SECONDS: Final = 12.0
ENDPOINT: Final = SOURCE  # kind of its inbound endpoint
_MOST_LABELS: Final = 20


@dataclass(frozen=True, slots=True)
class ConnectionValues:
    """What a person sets. `secret` and `webhook_secret` None keep the stored ones."""

    base_url: str = ""
    secret: str | None = None
    webhook_secret: str | None = None
    oauth: bool = False
    team: str = ""
    project: str = ""
    labels: Sequence[str] = ()


def usable() -> LinearConnection | None:
    """The connection that files, None when there is none. One whose key was refused counts: what waits for it is shown
    with the reason, and is written once a test succeeds.
    """
    return LinearConnection.objects.filter(is_active=True).exclude(secret="").order_by("name").first()


def config_of(row: LinearConnection) -> ConnectionConfig:
    return ConnectionConfig(SOURCE, f"filing-{row.name}", row.base_url, row.secret, dict(row.options or {}))


# --------------------------------------------------------------------------------------------------------------- edited
@transaction.atomic
def save_connection(
    values: ConnectionValues, *, actor: User | None, name: str = "main", needs_key: bool = True
) -> LinearConnection:
    """Create or change it. InvalidInput names the field. A stored key is never sent to another host than it was
    entered for. Without `needs_key` (configuration files hold none) it may wait for its key, and files nothing until
    then.
    """
    row = LinearConnection.objects.select_for_update(of=("self",)).filter(name=name).first()
    before = _told(row) if row else None
    base_url = values.base_url.strip() or DEFAULT_URL
    _check_address(base_url)
    given = values.secret.strip() if values.secret is not None else ""
    if row and row.secret and not given and _host(row.base_url) != _host(base_url):
        raise InvalidInput("The address names another host: enter the key again", field="secret")
    row = row or LinearConnection(name=name)
    row.secret = given or row.secret
    if not row.secret and needs_key:
        raise InvalidInput("A key is needed", field="secret")
    row.base_url, row.is_active = base_url, True
    row.options = {"auth": "oauth"} if values.oauth else {}
    row.team, row.project = values.team.strip(), values.project.strip()
    row.labels = list(dict.fromkeys(label.strip() for label in values.labels if label.strip()))[:_MOST_LABELS]
    row.endpoint = _endpoint(row, values.webhook_secret, actor)
    waits = "" if row.secret else "It waits for its key: enter it under “Edit”."
    row.health, row.health_message, row.checked_at = Connection.Health.UNKNOWN, waits, None
    _check_fields(row)
    row.save()
    record_event(
        actor=actor,
        action="linear_connection.changed" if before else "linear_connection.created",
        object_kind="linear_connection",
        object_ref=str(row),
        before=before,
        after=_told(row) | {"secret_changed": bool(given), "webhook_secret_changed": bool(values.webhook_secret)},
    )
    return row


def _endpoint(row: LinearConnection, secret: str | None, actor: User | None) -> InboundEndpoint | None:
    """Where its events come in. Linear makes the signing secret, so the address exists once that was entered."""
    endpoint = row.endpoint or InboundEndpoint.objects.filter(source=ENDPOINT, connection=row.name).first()
    secret = (secret or "").strip()
    if not secret:
        return endpoint
    if len(secret.splitlines()) != 1:
        raise InvalidInput("A secret is one line.", field="webhook_secret")
    if endpoint is None:
        return create_endpoint(
            source=ENDPOINT, connection=row.name, actor=actor, title="Linear (filing)", secret=secret
        )[0]
    # Linear changes a webhook's secret at once: the former one signs nothing any more.
    rotate_secret(endpoint, actor=actor, secret=secret)
    drop_old_secrets(endpoint, actor=actor)
    return endpoint


@transaction.atomic
def remove_connection(row: LinearConnection, *, actor: User | None) -> None:
    """Switch it off and forget its key. Issues stay as they were last seen; what was not written yet waits."""
    before = _told(row)
    LinearConnection.objects.filter(pk=row.pk).update(is_active=False, secret="")
    record_event(
        actor=actor,
        action="linear_connection.removed",
        object_kind="linear_connection",
        object_ref=str(row),
        before=before,
    )


def _told(row: LinearConnection) -> dict[str, Any]:
    return {
        "base_url": row.base_url,
        "options": row.options,
        "is_active": row.is_active,
        "team": row.team,
        "project": row.project,
        "labels": row.labels,
        "secret_ends": secret_ending(row.secret),
    }


def _check_address(base_url: str) -> None:
    try:
        judge_url(base_url, SOURCE)
    except ValueError as error:
        raise InvalidInput(str(error), field="base_url") from None


def _check_fields(row: LinearConnection) -> None:
    try:
        row.clean_fields(
            exclude={field.name for field in LinearConnection._meta.fields}
            - {"name", "base_url", "team", "project", "labels"}
        )
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(messages[0], field=field) from None


def _host(url: str) -> tuple[str, str | None, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname, found.port


# --------------------------------------------------------------------------------------------------------------- tested
@dataclass(slots=True)
class _Found:
    workspace: dict[str, Any]
    has_customers: bool
    is_admin: bool


def check_connection(row: LinearConnection, *, now: datetime) -> ConnectionReport:
    """Ask who the key is and whether it may write, and keep what was learned. Nothing is written in Linear: the write
    that is tried names an issue that does not exist.
    """
    close_circuit(config_of(row).cache_key)
    started = time.monotonic()
    try:
        found = run_bounded(_ask(row))
    except SourceError as error:
        report = ConnectionReport(
            False, round(time.monotonic() - started, 3), error.message, details={"kind": error.kind}
        )
    else:
        report = _report(row, found, round(time.monotonic() - started, 3))
        row.workspace, row.has_customers = found.workspace, found.has_customers
    _keep(row, report, now)
    if report.ok:
        retry_all(row, now)
    return report


async def _ask(row: LinearConnection) -> _Found:
    with call_scope(CHECK_SECONDS):
        async with open_writer(config_of(row)) as writer:
            data = await writer.send(WORKSPACE, {})
            await _probe(writer)
    viewer, organization = data.get("viewer") or {}, data.get("organization") or {}
    teams = [
        {"id": str(team["id"]), "key": str(team["key"]), "name": cut_text(team["name"], 80)}
        for team in data["teams"]["nodes"]
    ]
    workspace = {
        "id": str(organization.get("id") or ""),
        "name": cut_text(organization.get("name"), 100),
        "key": cut_text(organization.get("urlKey"), 60),
        "account": cut_text(viewer.get("name"), 100),
        "account_id": str(viewer.get("id") or ""),
        "teams": teams,
    }
    return _Found(workspace, bool(organization.get("customersEnabled")), bool(viewer.get("admin")))


async def _probe(writer: LinearWriter) -> None:
    """Linear tells no key's rights. A comment on an issue that does not exist is refused either way: for the issue
    where the key may write, and for the key where it may not.
    """
    nothing = str(uuid.uuid4())
    try:
        await writer.send(CREATE_COMMENT, {"input": {"id": str(uuid.uuid4()), "issueId": nothing, "body": "-"}})
    except SourceRefused as error:
        raise SourceRefused(SOURCE, "This key may not write in Linear: create one with “Write”") from error
    except SourceAnswerInvalid:
        return


def _report(row: LinearConnection, found: _Found, seconds: float) -> ConnectionReport:
    known = {name.lower() for team in found.workspace["teams"] for name in team.values()}
    warnings = []
    if row.team and row.team.lower() not in known:
        seen = ", ".join(team["key"] for team in found.workspace["teams"][:10]) or "no team"
        warnings.append(f"This key cannot see team {row.team}; it sees {seen}.")
    if not row.team:
        warnings.append("No team is set: an issue whose contract names none cannot be filed.")
    if found.is_admin:
        warnings.append("This key belongs to a workspace admin: use a member’s account instead.")
    if row.endpoint_id is None:
        warnings.append("No webhook secret is stored: what happens in Linear is learned by asking every few minutes.")
    scopes = [Scope("read (as its account)"), Scope("write (as its account)", writes=True)]
    if found.has_customers:
        scopes.append(Scope("customer requests", writes=True))
    return ConnectionReport(
        ok=True,
        seconds=seconds,
        message=f"Files issues in {found.workspace['name'] or 'the workspace'}",
        identity=found.workspace["account"],
        scopes=tuple(scopes),
        warnings=tuple(warnings),
    )


def _keep(row: LinearConnection, report: ConnectionReport, now: datetime) -> None:
    row.health, row.health_message, row.checked_at = health_of(report), "" if report.ok else report.message, now
    row.latency_ms = round(report.seconds * 1000)
    changed = ["health", "health_message", "checked_at", "latency_ms", "updated_at"]
    if report.ok:
        row.last_ok_at = now
        row.scopes = [{"name": scope.name, "writes": scope.writes} for scope in report.scopes]
        row.warnings = list(report.warnings)
        changed += ["last_ok_at", "scopes", "warnings", "workspace", "has_customers"]
    row.save(update_fields=changed)


def note_refusal(row: LinearConnection, message: str) -> None:
    """The key was refused while it was used: the page tells it without waiting for a test."""
    LinearConnection.objects.filter(pk=row.pk).update(health=Connection.Health.REFUSED, health_message=message)


def note_success(row: LinearConnection, now: datetime) -> None:
    if row.health != Connection.Health.OK:
        LinearConnection.objects.filter(pk=row.pk).update(health=Connection.Health.OK, health_message="")
    LinearConnection.objects.filter(pk=row.pk).update(last_ok_at=now)
