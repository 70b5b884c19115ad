"""Signed links with which an engineer acts on an escalation without an account.

Whoever holds the link reads that one packet and may acknowledge, accept, ask, update, return and resolve it, under the
name they give. It ends with the escalation, or when it is renewed.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.urls import reverse

from altor.audit import record_event
from altor.errors import PermissionRefused
from altor.models import User
from escalations.models import Escalation
from escalations.models.nonces import fresh_nonce

_SALT: Final = "altor.escalations.link"
#: What was resolved can be read and judged a while longer.
_AFTER_THE_END: Final = timedelta(days=14)


def link_token(escalation: Escalation) -> str:
    """Unguessable; another one after `renew`."""
    return Signer(salt=_SALT).sign(f"{escalation.pk}.{escalation.link_nonce.hex}")


def notice_link(ref: str) -> tuple[str, str] | None:
    """For notices to the owner: the link as it is when they go out; none for what is over."""
    found = Escalation.objects.open().by_ref(ref).first()
    if found is None:
        return None
    return "Act on it without an account", reverse("escalations:by-link", args=[link_token(found)])


def escalation_of(token: str, *, now: datetime) -> Escalation | None:
    """The escalation that the token opens; None for one that is wrong, was renewed, or has ended too long ago."""
    try:
        value = Signer(salt=_SALT).unsign(token[:300])
    except BadSignature:
        return None
    number, _, nonce = value.partition(".")
    found = Escalation.objects.with_context().filter(pk=int(number)).first() if number.isdecimal() else None
    if found is None or not hmac.compare_digest(nonce, found.link_nonce.hex):
        return None
    if found.ended_at is not None and now > found.ended_at + _AFTER_THE_END:
        return None
    return found


@transaction.atomic
def renew(escalation: Escalation, *, actor: User) -> Escalation:
    """The links that are out there open nothing any more."""
    if not (actor.may("escalation.send") or actor.may("escalation.work")):
        raise PermissionRefused("Your role may not change escalations.")
    locked = Escalation.objects.select_for_update(of=("self",)).get(pk=escalation.pk)
    locked.link_nonce = fresh_nonce()
    locked.save(update_fields=["link_nonce"])
    record_event(actor=actor, action="escalation.link_renewed", target=locked)
    return locked
