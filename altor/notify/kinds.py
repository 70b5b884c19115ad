"""The registry of kinds of notices. Apps add theirs through the setting NOTICE_KINDS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from altor.registry import parts

Mail = Literal["off", "now", "digest"]
Own = Literal["off", "now"]


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """`title` names it in people's settings; `mail` and `own` hold until a person chooses.

    `link` gives a second link of a subject, asked when the notice goes out: (its words, its path), or None. What opens
    something without a login is made there and kept in no notice; it passes by the redaction of texts.
    """

    title: str
    mail: Mail = "now"
    own: Own = "now"
    link: Callable[[str], tuple[str, str] | None] | None = None


KINDS: Final[dict[str, NoticeKind]] = {
    "diagnosis.ready": NoticeKind("A diagnosis is ready", mail="digest"),
    "gate.overridden": NoticeKind("Somebody went past a gate"),
    "owner.changed": NoticeKind("A ticket got another owner"),
    "webhook.disabled": NoticeKind("An outbound webhook was switched off"),
}


def notice_kinds() -> dict[str, NoticeKind]:
    found = dict(KINDS)
    for more in parts("NOTICE_KINDS"):
        found.update(more)
    return found
