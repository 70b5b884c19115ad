"""Write the audit log: in the transaction of the change it tells of, never edited (a database trigger refuses)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.http import HttpRequest

from altor.models.audit import AuditEvent

if TYPE_CHECKING:
    from altor.models import User

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _clean(text: str) -> str:
    """Control characters made visible, so that a crafted name cannot forge a line of the log."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


#: Kind of actor and origin of calls that come without a request of Django's.
_caller: ContextVar[tuple[str, str]] = ContextVar("caller", default=("", ""))


@contextmanager
def calls_from(actor_kind: str, origin: str) -> Iterator[None]:
    """What is recorded inside without a request was done so, from there."""
    before = _caller.set((actor_kind, origin))
    try:
        yield
    finally:
        _caller.reset(before)


def client_address(request: HttpRequest) -> str:
    """The caller's address, as `address_of`."""
    return address_of(request.headers.get("X-Forwarded-For", ""), str(request.META.get("REMOTE_ADDR", "")))


def address_of(forwarded: str, peer: str) -> str:
    """Of X-Forwarded-For and the other end; the header counts only for as many hops as ALTOR_TRUSTED_PROXIES says."""
    from django.conf import settings

    hops = [part.strip() for part in forwarded.split(",") if part.strip()]
    trusted = settings.TRUSTED_PROXIES
    return hops[-trusted] if trusted and len(hops) >= trusted else peer


def record_event(
    *,
    actor: User | None,
    action: str,
    target: Any = None,
    object_kind: str = "",
    object_ref: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    request: HttpRequest | None = None,
    sidebar: str = "",
) -> AuditEvent:
    """One event. `target` (a model object, with `ref` or without) gives kind and reference. No secrets in here.

    `sidebar` says who sat in front of a helpdesk's sidebar, as it was told: a name, not an identity.
    """
    bound = structlog.contextvars.get_contextvars()
    if target is not None:
        object_kind = object_kind or type(target).__name__.lower()
        object_ref = object_ref or str(getattr(target, "ref", "") or target.pk)
    token = getattr(request, "auth", None) if request is not None else None
    kind, origin = _caller.get() if request is None and actor is not None else ("", "")
    return AuditEvent.objects.create(
        actor=actor,
        actor_kind=kind
        or ("widget" if sidebar else "token" if token is not None else "user" if actor is not None else "system"),
        actor_label=_clean(sidebar or (str(actor) if actor is not None else "system"))[:200],
        action=action,
        object_kind=object_kind,
        object_ref=_clean(object_ref)[:80],
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=_clean(reason),
        origin=(client_address(request) if request is not None else origin)[:64],
        request_id=str(bound.get("request_id", ""))[:64],
    )
