"""What was returned, and what the packet that is sent again holds that the one before did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from escalations.lifecycle.again import ENDED, ending_of
from escalations.models import Escalation
from escalations.packets.format import Again
from escalations.packets.material import address, sentence

#: Lines of what is new; the rest is counted.
MOST: Final = 12
_THERE: Final = frozenset({"met", "answered"})


def again_of(before: Escalation, packet: Mapping[str, Any]) -> Again:
    """`packet`: the new one, as stored; it is held against the one that `before` keeps."""
    end = ending_of(before)
    who = (end.by or end.data.get("name") or "") if end is not None else ""
    new = list(_new(before.packet, packet))
    if len(new) > MOST:
        new = [*new[: MOST - 1], f"And {len(new) - MOST + 1} more."]
    return Again(
        ref=before.ref, url=address("escalations:escalation", before.ref), how=ENDED[before.status],
        reason=before.get_rejection_display() if before.rejection else "", said=end.text if end is not None else "",
        by=str(who), at=end.at if end is not None else None,
        new=new or ["Nothing: it rests on the same evidence and the same answers."],
    )  # fmt: skip


def _new(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What was missing first, then what is known otherwise, then single pieces of evidence."""
    checked = {str(item.get("key")): item for item in before.get("checklist") or []}
    for item in now.get("checklist") or []:
        yield from _item(checked.get(str(item.get("key")), {}), item)
    yield from _changed(before, now)
    known = {_saying(item) for item in before.get("evidence") or []}
    for item in now.get("evidence") or []:
        if _saying(item) not in known:
            yield f"{item.get('ref_id')} {item.get('title')}: {item.get('summary')}"


def _item(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    title, state = str(now.get("title") or ""), str(now.get("state") or "")
    was = str(before.get("state") or "")
    detail = str(now.get("detail") or "")
    if state in _THERE and was not in _THERE:
        yield sentence(f"{title}: {'was not there' if was else 'was not asked for'}, is {state} now")
    elif detail and detail != str(before.get("detail") or ""):
        yield sentence(f"{title}: says now “{detail}”")
    there = {str(file.get("sha256")) for file in before.get("files") or []}
    for file in now.get("files") or []:
        if str(file.get("sha256")) not in there:
            yield sentence(f"{title}: file {file.get('name')}")


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, key, part in (
        ("Severity", "severity", "level"), ("Cause", "cause", "title"), ("Scope", "scope", "words"),
        ("Since", "onset", "words"), ("Investigation", "investigation", "ref"),
    ):  # fmt: skip
        is_now, was = (str((packet.get(key) or {}).get(part) or "") for packet in (now, before))
        if is_now and was and is_now != was:
            yield sentence(f"{name}: {is_now}, was {was}")


def _saying(item: Mapping[str, Any]) -> tuple[str, str]:
    """References are counted anew in each run: the same words are the same evidence."""
    return str(item.get("title") or ""), str(item.get("summary") or "")
