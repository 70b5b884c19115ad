"""Channels of teams, of the installation and of single people: setting up, testing. Every change is audited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound
from altor.models import NoticeChannel, Team, User
from altor.notify.kinds import notice_kinds
from altor.notify.message import Message, SendFailed
from altor.notify.senders import SENDERS

Kind = NoticeChannel.Kind
#: Kinds whose secret is needed; mail has none.
NEEDS_SECRET: Final = frozenset({Kind.SLACK_BOT, Kind.SLACK_WEBHOOK, Kind.TEAMS, Kind.APPRISE})
#: What a person may set up for themselves: their mail is known already, and a bot is the workspace's.
OWN_KINDS: Final = (Kind.SLACK_WEBHOOK, Kind.TEAMS, Kind.APPRISE)


@transaction.atomic
def save_channel(
    channel: NoticeChannel | None, *, actor: User, title: str, kind: str, team: Team | None, address: str,
    secret: str, kinds: Iterable[str], is_active: bool = True,
) -> NoticeChannel:  # fmt: skip
    """Create or change a shared channel. An empty `secret` keeps the stored one, unless kind or address change.

    Leads have their teams' channels, administrators all of them. InvalidInput names the field, NotFound for a channel
    or team that is not the actor's.
    """
    if channel is not None:
        manageable = NoticeChannel.objects.manageable_by(actor).filter(pk=channel.pk)
        # Once more by key: rows of a join cannot be locked together with what they are chosen by.
        channel = NoticeChannel.objects.select_for_update().filter(pk__in=manageable.values("pk")).first()
        if channel is None:
            raise NotFound("There is no such channel.")
    if actor.role != "admin" and (team is None or not actor.memberships.filter(team=team).exists()):
        raise NotFound("Leads set channels of their own teams only.")
    before = _told(channel) if channel is not None else None
    row = channel or NoticeChannel()
    kept = row.secret if not secret and (row.kind, row.address) == (kind, address.strip()) else secret.strip()
    row.title, row.kind, row.team, row.address, row.secret = title.strip()[:80], kind, team, address.strip(), kept
    row.kinds, row.is_active = _known(kinds), is_active
    _check(row)
    row.slug = row.slug or _free_slug(row.title)
    row.save()
    record_event(
        actor=actor, action="notice_channel.changed" if before else "notice_channel.created",
        object_kind="notice_channel", object_ref=row.slug, before=before,
        after=_told(row) | {"secret_changed": bool(secret)},
    )  # fmt: skip
    return row


@transaction.atomic
def save_own_channel(*, person: User, kind: str, secret: str) -> NoticeChannel:
    """A person's own channel; there is at most one. InvalidInput names the field."""
    if kind not in OWN_KINDS:
        raise InvalidInput("Choose one of the kinds.", field="kind")
    row = NoticeChannel.objects.select_for_update().filter(person=person).first()
    before = _told(row) if row is not None else None
    row = row or NoticeChannel(person=person, slug=f"own-{person.pk}", title=f"Own channel of {person}"[:80])
    row.kind, row.secret, row.last_error = kind, secret.strip(), ""
    _check(row)
    row.save()
    record_event(
        actor=person, action="notice_channel.changed" if before else "notice_channel.created",
        object_kind="notice_channel", object_ref=row.slug, before=before, after=_told(row),
    )  # fmt: skip
    return row


@transaction.atomic
def remove_channel(channel: NoticeChannel, *, actor: User) -> None:
    """For good, with its log and its secret."""
    record_event(
        actor=actor, action="notice_channel.removed", object_kind="notice_channel", object_ref=channel.slug,
        before=_told(channel),
    )  # fmt: skip
    channel.delete()


def test_channel(channel: NoticeChannel, *, actor: User, now: datetime) -> str:
    """Send a test message now; "" when it was taken, else why not, safe for people. Blocks for seconds."""
    message = Message("A test from Altor", (f"Notices for “{channel.title}” arrive here.",), f"{settings.BASE_URL}/")
    try:
        SENDERS[channel.kind].send(channel.address, channel.secret, message, {})
        error = ""
    except SendFailed as failed:
        error = failed.message[:300]
    changes: dict[str, Any] = {"last_error": error, **({} if error else {"last_ok_at": now})}
    with transaction.atomic():
        NoticeChannel.objects.filter(pk=channel.pk).update(**changes)
        record_event(
            actor=actor, action="notice_channel.tested", object_kind="notice_channel", object_ref=channel.slug,
            after={"error": error},
        )  # fmt: skip
    return error


test_channel.__test__ = False  # type: ignore[attr-defined]  # not one of pytest's


def _check(row: NoticeChannel) -> None:
    if not row.title:
        raise InvalidInput("A title is needed.", field="title")
    if row.kind not in SENDERS:
        raise InvalidInput("Choose one of the kinds.", field="kind")
    if row.kind in NEEDS_SECRET and not row.secret:
        raise InvalidInput("This is needed, also when kind or channel change.", field="secret")
    if len(row.address) > 500 or len(row.secret) > 2000:
        raise InvalidInput("This is too long.", field="secret")
    try:
        SENDERS[row.kind].check(row.address, row.secret)
    except ValueError as error:
        by_address = row.kind == Kind.MAIL or (row.kind == Kind.SLACK_BOT and "token" not in str(error))
        raise InvalidInput(f"{error}.", field="address" if by_address else "secret") from None


def _known(kinds: Iterable[str]) -> list[str]:
    wanted, known = set(kinds), notice_kinds()
    if wanted - set(known):
        raise InvalidInput("Choose among the kinds of notices that there are.", field="kinds")
    return [name for name in known if name in wanted]


def _free_slug(title: str) -> str:
    base = slugify(title)[:50] or "channel"
    taken = set(NoticeChannel.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def _told(row: NoticeChannel) -> dict[str, Any]:
    """For the audit log: nothing of the secret."""
    return {
        "title": row.title, "kind": row.kind, "team": row.team.slug if row.team else None, "address": row.address,
        "kinds": row.kinds, "is_active": row.is_active,
    }  # fmt: skip
