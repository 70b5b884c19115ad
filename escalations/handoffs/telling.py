"""Who hears of a handoff, each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.models import Handoff, HandoffItem
from escalations.oncall.moves import moment_words

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "handoff.drafted": NoticeKind("Your shift ends, or begins: a handoff is drafted"),
    "handoff.signed": NoticeKind("A handoff is signed and waits for you"),
    "handoff.promise": NoticeKind("You are asked to keep a promise made in the shift before yours"),
    "handoff.refused": NoticeKind("Something in a handoff was refused"),
    "handoff.unaccepted": NoticeKind("A handoff was not accepted in time"),
    "handoff.redirected": NoticeKind("A handoff goes to somebody else, or ends at another time"),
}


def tell(
    kind: str, handoff: Handoff, words: str, *, people: Iterable[User | None], key: str, lines: Sequence[str] = (),
    actor: User | None = None, now: datetime,
) -> None:  # fmt: skip
    """To these people only: a handoff is no news to a channel."""
    notify(
        kind, subject_ref=handoff.ref, title=f"{handoff.ref}: {words}", lines=[*lines, str(handoff.rotation)],
        url_path=f"/handoffs/{handoff.ref}/", key=f"{kind}:{handoff.pk}:{key}"[:160],
        people=list({one.pk: one for one in people if one is not None}.values()), actor=actor, now=now,
    )  # fmt: skip


def clock(handoff: Handoff, at: datetime) -> str:
    """`Mon 30 Nov 17:00 CET`, in the rotation's zone."""
    local = at.astimezone(ZoneInfo(handoff.rotation.zone))
    return f"{moment_words(local)} {local.tzname()}"


def item_line(item: HandoffItem) -> str:
    return f"{item.ref} {item.subject}".strip()
