"""Help Scout's conversation object (API v2) as an event; the same object comes by webhook and by the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.notes import markers
from investigations.helpdesks.reading import identifier, items, moment, part, plain, safe_id, stated, text

#: Older than every other statement: for objects that do not tell their time.
UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
_STATUSES: Final = {
    "active": Status.OPEN, "open": Status.OPEN, "pending": Status.PENDING, "closed": Status.SOLVED,
    "spam": Status.CLOSED,
}  # fmt: skip
#: Kinds of threads that say something, and who wrote them where the author's own kind is not told.
_WRITTEN: Final = {
    "customer": Author.CUSTOMER, "message": Author.AGENT, "reply": Author.AGENT, "note": Author.AGENT,
    "phone": Author.AGENT, "chat": Author.CUSTOMER, "beaconchat": Author.CUSTOMER, "forwardparent": Author.AGENT,
    "forwardchild": Author.AGENT,
}  # fmt: skip
_INTERNAL: Final = frozenset({"note", "phone", "forwardparent", "forwardchild"})
#: The opening thread is made with its conversation: between their times lies less than this.
_TOGETHER: Final = timedelta(seconds=5)
#: "Anyone": a conversation that belongs to nobody may be shown as assigned to this user.
_ANYONE: Final = "1"
_MOST_TAGS: Final = 50


def conversation_event(found: Mapping[str, Any]) -> TicketEvent:
    """What a conversation says. InvalidInput when it has no id. The threads come in any order, and not always all."""
    threads = sorted(_said(found), key=lambda each: moment(each.get("createdAt")) or UNDATED)
    created = moment(found.get("createdAt"))
    opening = _opening(found, threads, created)
    rest = [each for each in threads if each is not opening]
    return TicketEvent(
        external_id=identifier(found.get("id"), "conversation"),
        at=_newest(found, threads),
        what="conversation",
        fields=_fields(found, opening, created),
        custom=_custom(found),
        status=_STATUSES.get(text(found.get("status"), 20)),
        assignee=person(part(found, "assignee")) if isinstance(found.get("assignee"), Mapping) else None,
        messages=[message for each in rest if (message := _message(each)) is not None],
        is_deleted=text(found.get("state"), 20) == "deleted",
        is_whole=opening is not None,
    )


def merged_from(found: Mapping[str, Any]) -> dict[str, datetime | None]:
    """Conversations that were merged into this one, as far as its threads tell: id -> when."""
    here, told = safe_id(found.get("id")), {}
    for each in items(part(found, "_embedded").get("threads")):
        origin = safe_id(part(each, "action", "associatedEntities").get("originalConversation"))
        if part(each, "action").get("type") == "merged" and origin and origin != here:
            told[origin] = moment(each.get("createdAt"))
    return told


def person(who: Mapping[str, Any]) -> Agent:
    """A user as an agent; nobody for the user that stands for anyone."""
    found = safe_id(who.get("id"))
    return Agent("") if found in ("", _ANYONE) else Agent(found, full_name(who), text(who.get("email"), 254))


def full_name(who: Mapping[str, Any]) -> str:
    first, last = who.get("first") or who.get("firstName"), who.get("last") or who.get("lastName")
    return f"{text(first, 100)} {text(last, 100)}".strip()


def requester(customer: Mapping[str, Any]) -> dict[str, str]:
    email = text(customer.get("email"), 254).strip()
    return stated(name=full_name(customer), email=email if "@" in email else "")


def _said(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Published threads that a person wrote: no line items, no drafts, nothing that is hidden or held for review."""
    return [
        each
        for each in items(part(found, "_embedded").get("threads"))
        if text(each.get("type"), 20) in _WRITTEN and text(each.get("state"), 20) in ("", "published")
    ]


def _opening(
    found: Mapping[str, Any], threads: Sequence[Mapping[str, Any]], created: datetime | None
) -> Mapping[str, Any] | None:
    """The oldest thread, when all are there or when it was made with the conversation; None when it is not known."""
    if not threads:
        return None
    count, at = found.get("threads"), moment(threads[0].get("createdAt"))
    has_all = isinstance(count, int) and not isinstance(count, bool) and len(threads) >= count
    return threads[0] if has_all or (at and created and abs(at - created) <= _TOGETHER) else None


def _newest(found: Mapping[str, Any], threads: Sequence[Mapping[str, Any]]) -> datetime:
    """The latest time that the object tells: it names no time of its own, and none of its times alone moves with
    every change.
    """
    told = [found.get("userUpdatedAt"), found.get("closedAt"), found.get("createdAt")]
    told += [each.get("createdAt") for each in threads]
    told.append(part(found, "customerWaitingSince").get("time"))
    return max((at for at in map(moment, told) if at is not None), default=UNDATED)


def _fields(found: Mapping[str, Any], opening: Mapping[str, Any] | None, created: datetime | None) -> dict[str, Any]:
    number, key = text(found.get("number"), 20), safe_id(found.get("id"))
    fields = stated(
        subject=text(found.get("subject"), 500),
        description=plain(text(opening.get("body"))) if opening is not None else "",
        channel=text(found.get("type"), 40),
        url=f"https://secure.helpscout.net/conversation/{key}/{number}/" if key and number.isdigit() else "",
        requester=requester(part(found, "primaryCustomer") or part(found, "customer")),
        created_at=created.isoformat() if created else "",
    )
    if isinstance(found.get("tags"), list):
        fields["tags"] = tag_names(found)[:_MOST_TAGS]
    return fields


def tag_names(found: Mapping[str, Any]) -> list[str]:
    names = [text(each.get("tag"), 80).strip() for each in items(found.get("tags"))]
    return list(dict.fromkeys(name for name in names if name))


def _custom(found: Mapping[str, Any]) -> dict[str, str]:
    """Custom fields by their ids; of a choice its words, not the number of the option."""
    values = {}
    for each in items(found.get("customFields")):
        key, value = safe_id(each.get("id")), text(each.get("text"), 500) or text(each.get("value"), 500)
        if key and value:
            values[key] = value
    return values


def _message(each: Mapping[str, Any]) -> Message | None:
    kind, key, at = text(each.get("type"), 20), safe_id(each.get("id")), moment(each.get("createdAt"))
    body = text(each.get("body"))
    # A note of ours is known by its marker, which stands in the address of its link.
    words = "\n".join([plain(body), *(f"#altor-{marker}" for marker in sorted(markers(body)))]).strip()
    if not key or at is None or not words:
        return None
    who = part(each, "createdBy")
    by = {"customer": Author.CUSTOMER, "user": Author.AGENT}.get(text(who.get("type"), 20), _WRITTEN[kind])
    return Message(
        external_id=key,
        author=by,
        text=words,
        at=at,
        is_public=kind not in _INTERNAL,
        author_name=full_name(who),
        author_email=text(who.get("email"), 254),
        author_id=safe_id(who.get("id")),
    )
