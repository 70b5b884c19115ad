"""Make an entry, save a new version of it, bring an old one back. The only writer of an entry's words.

Whoever saves names the version they have seen: when somebody was faster they get a Conflict and lose nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput, PermissionRefused
from altor.models import Team, User
from knowledge.entries.changes import locked, may_edit, move, require_revision
from knowledge.entries.content import EntryContent, read_content
from knowledge.entries.reuse import weigh
from knowledge.models import Standing
from knowledge.models.entries import CONTENT, Audience, Confidence, Entry, EntryChange, EntryVersion
from knowledge.search.indexing import index_entry

#: Fields that readers outside support see.
_OUTSIDE: Final = ("title", "symptoms", "customer_wording")


@transaction.atomic
def create_entry(
    data: Mapping[str, Any],
    *,
    actor: User | None,
    team: Team | None = None,
    owner: User | None = None,
    comment: str = "",
    origin: str = "editor",
    uid: uuid.UUID | None = None,
    number: int | None = None,
    now: datetime | None = None,
) -> Entry:
    """A new entry, work in progress until it has a root cause and a remediation. InvalidInput for what cannot be kept.

    `uid` and `number` are those of an import; a number that is taken gives way to the next free one.
    """
    if actor is not None and not actor.may("knowledge.write"):
        raise PermissionRefused("Your role may not write entries.")
    if team is not None and actor is not None and not _may_give_to(team, actor):
        raise PermissionRefused("You can keep an entry to your own teams only.")
    content, now = read_content(data), now or timezone.now()
    confidence = Confidence.NOT_VALIDATED if content.is_resolved else Confidence.WIP
    entry = Entry.objects.create(
        **({"uid": uid} if uid else {}), number=_number(number), confidence=confidence, team=team,
        owner=owner or actor, created_at=now, created_by=actor, saved_at=now, saved_by=actor, **content.model_dump(),
    )  # fmt: skip
    _keep_version(entry, comment=comment, origin=origin, actor=actor, now=now)
    EntryChange.objects.create(
        entry=entry, field="confidence", after=confidence, why="import" if origin == "file" else "made", version=1,
        at=now, by=actor,
    )  # fmt: skip
    record_event(
        actor=actor, action="knowledge.created", object_kind="entry", object_ref=entry.ref,
        after={"title": entry.title, "origin": origin}, reason=comment[:300],
    )  # fmt: skip
    index_entry(entry)
    return entry


def _may_give_to(team: Team, actor: User) -> bool:
    return actor.role == "admin" or actor.memberships.filter(team=team).exists()


def _number(wanted: int | None) -> int:
    """The next one of the sequence, past all that an import took."""
    with connection.cursor() as cursor:
        if wanted is not None and not Entry.objects.filter(number=wanted).exists():
            cursor.execute(
                "SELECT setval('knowledge_entry_number', GREATEST(%s, last_value)) FROM knowledge_entry_number",
                [wanted],
            )
            return wanted
        cursor.execute("SELECT nextval('knowledge_entry_number')")
        return int(cursor.fetchone()[0])


@transaction.atomic
def save_entry(
    entry: Entry,
    data: Mapping[str, Any],
    *,
    actor: User | None,
    seen: int | None = None,
    comment: str = "",
    origin: str = "editor",
    now: datetime | None = None,
) -> Entry:
    """Store the fields of `data` as the newest version; what is left out stays. The same words make no new version.

    Conflict when somebody saved since version `seen`. A changed detection query, and a change that customers or
    partners would read by somebody who is no reviewer, take the validation back.
    """
    now = now or timezone.now()
    found = locked(entry)
    _allow(found, actor)
    require_revision(found, seen)
    content = read_content({**found.content, **data})
    changed = changed_fields(found.content, content.model_dump())
    if not changed:
        return found
    _store(found, content, changed, actor=actor, comment=comment, origin=origin, now=now)
    return found


def _allow(entry: Entry, actor: User | None) -> None:
    """`None` is the machine itself: an import from the command line."""
    if actor is None or may_edit(entry, actor):
        return
    if actor.may("knowledge.write"):
        raise PermissionRefused(
            f"{entry.ref} may be changed by reviewers only. Propose the change in a comment to them."
        )
    raise PermissionRefused("Your role may not write entries.")


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of the content's fields that differ, in their order."""
    return [name for name in CONTENT if before.get(name) != after.get(name)]


def _store(
    entry: Entry,
    content: EntryContent,
    changed: Sequence[str],
    *,
    actor: User | None,
    comment: str,
    origin: str,
    now: datetime,
) -> None:
    values, was_resolved = content.model_dump(), bool(entry.root_cause and entry.remediation)
    for name in changed:
        setattr(entry, name, values[name])
    entry.revision += 1
    entry.saved_at, entry.saved_by = now, actor
    entry.save(update_fields=[*changed, "revision", "saved_at", "saved_by"])
    _keep_version(entry, comment=comment, origin=origin, actor=actor, now=now)
    record_event(
        actor=actor, action="knowledge.saved", object_kind="entry", object_ref=entry.ref, reason=comment[:300],
        after={"version": entry.revision, "fields": list(changed), "origin": origin},
    )  # fmt: skip
    _follow(entry, content, changed, was_resolved=was_resolved, actor=actor, now=now)
    index_entry(entry)
    if "detection" in changed:
        # What the former query did says nothing of this one.
        Standing.objects.filter(entry=entry).delete()
        weigh(entry)


def _follow(
    entry: Entry,
    content: EntryContent,
    changed: Sequence[str],
    *,
    was_resolved: bool,
    actor: User | None,
    now: datetime,
) -> None:
    """What the change of the words does to the confidence."""
    was = entry.confidence
    if was == Confidence.WIP and content.is_resolved:
        move(
            entry, {"confidence": Confidence.NOT_VALIDATED}, why="edit", actor=actor, now=now,
            reason="It has a root cause and a remediation.",
        )  # fmt: skip
    elif was in (Confidence.NOT_VALIDATED, Confidence.VALIDATED) and was_resolved and not content.is_resolved:
        move(
            entry, {"confidence": Confidence.WIP}, why="edit", actor=actor, now=now,
            reason="Its root cause or its remediation was taken away.",
        )  # fmt: skip
    elif was == Confidence.VALIDATED and "detection" in changed:
        move(
            entry, {"confidence": Confidence.NOT_VALIDATED}, why="query", actor=actor, now=now,
            reason="Its detection query changed.",
        )  # fmt: skip
    elif was == Confidence.VALIDATED and is_for_outsiders(entry, changed) and not _reviews(actor):
        move(
            entry, {"confidence": Confidence.NOT_VALIDATED}, why="edit", actor=actor, now=now,
            reason="What readers outside support see was changed by somebody who is no reviewer.",
        )  # fmt: skip
    if entry.audience == Audience.CUSTOMER and not entry.customer_wording:
        move(
            entry, {"audience": Audience.INTERNAL}, why="edit", actor=actor, now=now,
            reason="Its customer wording was taken away.",
        )  # fmt: skip


def is_for_outsiders(entry: Entry, changed: Sequence[str]) -> bool:
    """Readers outside support would see a difference."""
    return entry.audience != Audience.INTERNAL and any(name in changed for name in _OUTSIDE)


def _reviews(actor: User | None) -> bool:
    return actor is None or actor.may("knowledge.review")


def _keep_version(entry: Entry, *, comment: str, origin: str, actor: User | None, now: datetime) -> None:
    EntryVersion.objects.create(
        entry=entry, number=entry.revision, content=entry.content, comment=" ".join(comment.split())[:300],
        origin=origin, created_at=now, created_by=actor,
    )  # fmt: skip


@transaction.atomic
def restore(version: EntryVersion, *, actor: User, seen: int | None = None, now: datetime | None = None) -> Entry:
    """An old version's words as the newest version. InvalidInput when they could not be stored today."""
    try:
        return save_entry(
            version.entry, version.content, actor=actor, seen=seen, comment=f"As in version {version.number}",
            origin="restore", now=now,
        )  # fmt: skip
    except InvalidInput as error:
        raise InvalidInput(f"Version {version.number} cannot be restored: {error.detail}", **error.extra) from None
