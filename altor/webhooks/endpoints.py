"""Addresses that are told of events: creating, changing, secrets, switching off and on. Every change is audited."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.text import slugify

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import OutboundDelivery, OutboundEndpoint, User
from altor.notify import notify
from altor.outbound import judge_url
from altor.webhooks.events import event_types

#: The name under which private upstreams for webhooks are listed.
SOURCE: Final = "webhook"
#: Secrets that sign at once: the present one and those it replaced.
_LIVE: Final = 3


def _fresh_secret() -> str:
    """As Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@transaction.atomic
def create_endpoint(
    *, title: str, url: str, event_types: Iterable[str], actor: User | None
) -> tuple[OutboundEndpoint, str]:
    """A new endpoint, owned by `actor`, and its secret, which is shown only here. InvalidInput names the field."""
    endpoint = OutboundEndpoint(owner=actor, secrets=_fresh_secret())
    _fill(endpoint, title=title, url=url, event_types=event_types)
    endpoint.slug = _free_slug(endpoint.title)
    endpoint.save(force_insert=True)
    _tell(endpoint, "outbound.created", actor, after=_told(endpoint))
    return endpoint, endpoint.live_secrets[0]


@transaction.atomic
def change_endpoint(
    endpoint: OutboundEndpoint, *, title: str, url: str, event_types: Iterable[str], actor: User | None
) -> OutboundEndpoint:
    """Change what is shown and sent. Its name in addresses (`slug`) stays. InvalidInput names the field."""
    endpoint = _locked(endpoint)
    before = _told(endpoint)
    _fill(endpoint, title=title, url=url, event_types=event_types)
    endpoint.save(update_fields=["title", "url", "event_types"])
    _tell(endpoint, "outbound.changed", actor, before=before, after=_told(endpoint))
    return endpoint


@transaction.atomic
def rotate_secret(endpoint: OutboundEndpoint, *, actor: User | None) -> str:
    """A new secret beside the present ones; all of them sign until `drop_old_secrets`."""
    endpoint = _locked(endpoint)
    secret = _fresh_secret()
    endpoint.secrets = "\n".join([secret, *endpoint.live_secrets][:_LIVE])
    endpoint.save(update_fields=["secrets"])
    _tell(endpoint, "outbound.secret_rotated", actor, after={"live": len(endpoint.live_secrets)})
    return secret


@transaction.atomic
def drop_old_secrets(endpoint: OutboundEndpoint, *, actor: User | None) -> None:
    """From now on only the newest secret signs."""
    endpoint = _locked(endpoint)
    endpoint.secrets = endpoint.secrets.partition("\n")[0]
    endpoint.save(update_fields=["secrets"])
    _tell(endpoint, "outbound.old_secrets_dropped", actor, after={"live": 1})


@transaction.atomic
def disable_endpoint(endpoint: OutboundEndpoint, *, reason: str, actor: User | None, now: datetime) -> OutboundEndpoint:
    """Send it nothing more; what waits is cancelled and can be replayed later. Nothing happens when it is off already.

    `actor` None: Altor itself switched it off, and tells its owner.
    """
    endpoint = _locked(endpoint)
    if not endpoint.is_active:
        return endpoint
    endpoint.is_active, endpoint.disabled_reason, endpoint.disabled_at = False, reason[:300], now
    endpoint.save(update_fields=["is_active", "disabled_reason", "disabled_at"])
    cancelled = endpoint.deliveries.filter(status=OutboundDelivery.Status.WAITING).update(
        status=OutboundDelivery.Status.CANCELLED, reason="The endpoint was disabled.", ended_at=now
    )
    _tell(endpoint, "outbound.disabled", actor, after={"cancelled": cancelled}, reason=reason)
    if actor is None:
        notify(
            "webhook.disabled", subject_ref=endpoint.slug, title=f"The webhook “{endpoint.title}” was switched off",
            lines=[reason, f"{cancelled} waiting deliveries were cancelled; they can be sent again."],
            url_path=f"/outbound/endpoints/{endpoint.slug}/", people=[endpoint.owner] if endpoint.owner else [],
            key=f"webhook.disabled:{endpoint.pk}:{now.isoformat()}", now=now,
        )  # fmt: skip
    return endpoint


@transaction.atomic
def enable_endpoint(endpoint: OutboundEndpoint, *, actor: User | None) -> OutboundEndpoint:
    """Tell it of events again. What it missed is sent only when it is replayed."""
    endpoint = _locked(endpoint)
    if endpoint.is_active:
        return endpoint
    before = {"reason": endpoint.disabled_reason}
    endpoint.is_active, endpoint.disabled_reason = True, ""
    endpoint.disabled_at = endpoint.failing_since = None
    endpoint.save(update_fields=["is_active", "disabled_reason", "disabled_at", "failing_since"])
    _tell(endpoint, "outbound.enabled", actor, before=before)
    return endpoint


def _locked(endpoint: OutboundEndpoint) -> OutboundEndpoint:
    # `no_key`: publishing refers to the row from within somebody's transaction, and must not wait for us.
    return OutboundEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _fill(endpoint: OutboundEndpoint, *, title: str, url: str, event_types: Iterable[str]) -> None:
    title, url = title.strip()[:80], url.strip()
    if not title:
        raise InvalidInput("A title is needed.", field="title", errors={"title": ["is empty"]})
    try:
        if len(url) > 500 or not url.isprintable():
            raise ValueError("The address has at most 500 printable characters")
        judge_url(url, SOURCE)
    except ValueError as error:
        raise InvalidInput(f"{error}.", field="url", errors={"url": [str(error)]}) from None
    endpoint.title, endpoint.url, endpoint.event_types = title, url, _known(event_types)


def _known(names: Iterable[str]) -> list[str]:
    wanted = set(names)
    known = event_types()
    if not wanted or wanted - set(known):
        wrong = ", ".join(sorted(wanted - set(known))) or "none was chosen"
        raise InvalidInput(
            f"Choose among the event types that there are: {wrong}.",
            field="event_types",
            errors={"event_types": [wrong]},
        )
    return [name for name in known if name in wanted]


def _free_slug(title: str) -> str:
    base = slugify(title)[:50] or "endpoint"
    taken = set(OutboundEndpoint.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def _told(endpoint: OutboundEndpoint) -> dict[str, Any]:
    return {"title": endpoint.title, "url": endpoint.url, "event_types": endpoint.event_types}


def _tell(endpoint: OutboundEndpoint, action: str, actor: User | None, **more: Any) -> None:
    record_event(actor=actor, action=action, object_kind="outbound", object_ref=endpoint.slug, **more)
