"""What an entry belongs to: tickets, investigations, escalations, issues, pull requests, documents.

A link is only a name. What stands behind it keeps its own permissions: whoever may not open a ticket is not told here
that it is linked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from escalations.models import Escalation, TrackedIssue
from investigations.models import Investigation, Ticket
from knowledge.entries.changes import locked
from knowledge.models.entries import Entry, EntryLink, LinkKind

MOST_LINKS: Final = 500
_ISSUE: Final = re.compile(r"^[A-Z][A-Z0-9]{0,9}-\d{1,9}$")
_PULL: Final = re.compile(r"^[\w.-]{1,100}/[\w.-]{1,100}#\d{1,9}$")
_PULL_ADDRESS: Final = re.compile(r"^https?://[^/\s]+/([\w.-]+/[\w.-]+)/pull/(\d{1,9})/?$")
#: Kinds of our own objects: the model whose `visible_to` decides, and how a reference is looked up.
_OURS: Final[Mapping[LinkKind, Callable[[User, Iterable[str]], Mapping[str, Any]]]] = {
    LinkKind.TICKET: lambda user, refs: {
        one.ref: one for one in Ticket.objects.visible_to(user).filter(ref__in=refs).distinct()
    },
    LinkKind.INVESTIGATION: lambda user, refs: {
        one.ref: one
        for one in Investigation.objects.visible_to(user)
        .filter(pk__in=_numbers(refs, "INV-"))
        .select_related("ticket")
        .defer("diagnosis", "inputs", "profile")
    },
    LinkKind.ESCALATION: lambda user, refs: {
        one.ref: one for one in Escalation.objects.visible_to(user).filter(pk__in=_numbers(refs, "ESC-"))
    },
}
_PAGES: Final = {
    LinkKind.TICKET: "investigations:ticket",
    LinkKind.INVESTIGATION: "investigations:run",
    LinkKind.ESCALATION: "escalations:escalation",
}


def _numbers(refs: Iterable[str], prefix: str) -> list[int]:
    found = (ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix))
    return [int(number) for number in found if number.isdecimal() and len(number) < 18]


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link that the reader may see, with where it leads ("" = nowhere)."""

    pk: int
    kind: LinkKind
    ref: str
    url: str
    title: str
    at: datetime


def shown_links(entry: Entry, user: User) -> list[ShownLink]:
    """Up to four queries."""
    rows = list(entry.links.order_by("kind", "-at", "-pk")[:MOST_LINKS])
    seen: dict[LinkKind, Mapping[str, Any]] = {}
    for kind, find in _OURS.items():
        refs = [row.ref for row in rows if row.kind == kind]
        seen[kind] = find(user, refs) if refs else {}
    found = []
    for row in rows:
        kind = LinkKind(row.kind)
        if kind in _OURS:
            one = seen[kind].get(row.ref)
            if one is not None:
                found.append(
                    ShownLink(row.pk, kind, row.ref, reverse(_PAGES[kind], args=[row.ref]), _title(one), row.at)
                )
        else:
            found.append(ShownLink(row.pk, kind, row.ref, row.url, row.title, row.at))
    return found


def _title(one: Any) -> str:
    if isinstance(one, Ticket):
        return one.subject
    return str(one.ticket.subject) if isinstance(one, Investigation) else str(getattr(one, "title", ""))


@transaction.atomic
def add_link(
    entry: Entry, *, kind: str, ref: str, actor: User | None, title: str = "", now: datetime | None = None
) -> EntryLink:
    """The link, the one that is there already where it is. NotFound for what the person may not open or is not there,
    InvalidInput for what is no such reference. `None` is the machine itself: an import from the command line.
    """
    if actor is not None and not actor.may("knowledge.write"):
        raise PermissionRefused("Your role may not link entries.")
    ref, url = _reference(kind, ref, actor)
    found = locked(entry)
    known = found.links.filter(kind=kind, ref=ref).first()
    if known is not None:
        return known
    if found.links.count() >= MOST_LINKS:
        raise InvalidInput(f"{found.ref} has {MOST_LINKS} links already.")
    made = found.links.create(
        kind=kind, ref=ref, url=url, title=redact_text(" ".join(title.replace("\x00", "").split()))[:200],
        at=now or timezone.now(), by=actor,
    )  # fmt: skip
    record_event(
        actor=actor, action="knowledge.linked", object_kind="entry", object_ref=found.ref,
        after={"kind": kind, "ref": ref},
    )  # fmt: skip
    return made


def _reference(kind: str, ref: str, actor: User | None) -> tuple[str, str]:
    """The reference as it is kept, and where it leads."""
    ref = ref.strip()
    if kind not in LinkKind.values:
        raise InvalidInput(f"A link is to one of {', '.join(LinkKind.values)}.", errors={"kind": ["choose one"]})
    if kind in _OURS:
        wanted = ref.upper() if kind != LinkKind.TICKET else ref
        one = _OURS[LinkKind(kind)](actor, [wanted]).get(wanted) if actor is not None else None
        if one is None:
            raise NotFound(f"There is no {LinkKind(kind).label.lower()} {ref!r} that you may see.")
        return wanted, ""
    if kind == LinkKind.ISSUE:
        if not _ISSUE.match(ref.upper()):
            raise InvalidInput("An issue is called like ENG-412.", errors={"ref": ["like ENG-412"]})
        known = TrackedIssue.objects.filter(identifier=ref.upper()).exclude(url="").values_list("url", flat=True)
        return ref.upper(), known.first() or ""
    if kind == LinkKind.PULL_REQUEST:
        if match := _PULL_ADDRESS.match(ref):
            return f"{match.group(1)}#{match.group(2)}", ref
        if not _PULL.match(ref):
            raise InvalidInput("A pull request is called like acme/api#12.", errors={"ref": ["like acme/api#12"]})
        return ref, ""
    try:
        address = urlsplit(ref)
    except ValueError:  # as of https://[x
        raise InvalidInput("That is no address.", errors={"ref": ["https://…"]}) from None
    if address.scheme not in ("http", "https") or not address.hostname or address.username or len(ref) > 200:
        raise InvalidInput("A document is an address of at most 200 characters.", errors={"ref": ["https://…"]})
    return ref, ref


@transaction.atomic
def remove_link(entry: Entry, pk: int, *, actor: User) -> None:
    """Taken off; what it led to stays. A link that is gone already is no error."""
    if not actor.may("knowledge.write"):
        raise PermissionRefused("Your role may not link entries.")
    found = locked(entry).links.filter(pk=pk).first()
    if found is None:
        return
    found.delete()
    record_event(
        actor=actor, action="knowledge.unlinked", object_kind="entry", object_ref=entry.ref,
        before={"kind": found.kind, "ref": found.ref},
    )  # fmt: skip
