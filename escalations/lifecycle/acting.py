"""What engineering and support do with an escalation that was sent. The same act twice changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from altor.registry import parts
from escalations.lifecycle.history import W, clean, keep_clocks, tell
from escalations.lifecycle.telling import tell_support
from escalations.models import Escalation, EscalationEvent, Verdict
from investigations.models import Ticket

S = Escalation.Status
SHORTEST: Final = 10


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts: a person of Altor, or somebody known by `name` only, through a signed link or Linear."""

    user: User | None
    name: str = ""
    via: str = "page"

    def __str__(self) -> str:
        return str(self.user) if self.user is not None else self.name or "somebody"

    @property
    def is_vouched(self) -> bool:
        """The signed link, or Linear's signature, stands for the right to act as engineering."""
        return self.user is None and self.via in ("link", "linear")


@dataclass(frozen=True, slots=True)
class Act:
    """`begins` are the statuses it starts from; `words` follow the escalation's reference and `Doer`."""

    what: EscalationEvent.What
    begins: frozenset[Escalation.Status]
    ends: Escalation.Status | None
    words: str
    permission: str = "escalation.work"
    kind: str = "escalation.moved"


_OPEN: Final = frozenset({S.SENT, S.ACKNOWLEDGED, S.ACCEPTED, S.IN_PROGRESS})
ACTS: Final[Mapping[str, Act]] = {
    "acknowledge": Act(W.ACKNOWLEDGED, frozenset({S.SENT}), S.ACKNOWLEDGED, "was acknowledged by"),
    "accept": Act(W.ACCEPTED, frozenset({S.SENT, S.ACKNOWLEDGED}), S.ACCEPTED, "was accepted by"),
    "start": Act(W.STARTED, frozenset({S.SENT, S.ACKNOWLEDGED, S.ACCEPTED}), S.IN_PROGRESS, "is being worked on by"),
    "reject": Act(W.REJECTED, _OPEN, S.REJECTED, "was returned by"),
    "ask": Act(W.ASKED, _OPEN, None, "needs an answer: asked by", kind="escalation.word"),
    "update": Act(W.UPDATED, _OPEN | {S.RESOLVED}, None, "has word from", kind="escalation.word"),
    "resolve": Act(W.RESOLVED, _OPEN, S.RESOLVED, "was resolved by"),
    "reopen": Act(W.REOPENED, frozenset({S.RESOLVED, S.VERIFIED}), S.IN_PROGRESS, "is open again, says"),
    "answer": Act(W.ANSWERED, _OPEN, None, "was answered by", permission="escalation.send", kind="escalation.word"),
    "verify": Act(W.VERIFIED, frozenset({S.RESOLVED}), S.VERIFIED, "was verified with the customer by",
                  permission="escalation.send"),
    "withdraw": Act(W.WITHDRAWN, _OPEN, S.WITHDRAWN, "was withdrawn by", permission="escalation.send"),
}  # fmt: skip
#: Acts that need words, and how the words are asked for.
NEEDS_TEXT: Final[Mapping[str, str]] = {
    "reject": "Say what is missing or wrong, so that support can act on it.",
    "ask": "Write the question.",
    "update": "Write the update.",
    "answer": "Write the answer.",
    "reopen": "Say why it is not gone.",
    "withdraw": "Say why it is taken back.",
}


def act(
    escalation: Escalation, name: str, doer: Doer, *, now: datetime, at: datetime | None = None, text: str = "",
    reason: str = "", key: str = "", data: Mapping[str, Any] | None = None,
) -> Escalation:  # fmt: skip
    """Carry out one of `ACTS`; the escalation as it is then. What it already led to changes nothing.

    `at` is when it happened, where that was before `now`; `reason` is the code of a rejection. Conflict when the
    escalation is past it, InvalidInput for missing words.
    """
    chosen = ACTS[name]
    _allow(doer, chosen.permission)
    said = clean(text)
    if name in NEEDS_TEXT and len(said) < (1 if name in ("update", "answer", "ask") else SHORTEST):
        raise InvalidInput(NEEDS_TEXT[name], errors={"text": [NEEDS_TEXT[name]]})
    if name == "reject" and reason not in Escalation.Rejection.values:
        known = ", ".join(Escalation.Rejection.values)
        raise InvalidInput(f"Say why with one of: {known}.", errors={"reason": [f"One of {known}."]})
    try:
        with transaction.atomic():
            return _act(escalation, name, chosen, doer, now, at or now, said, reason, key, data or {})
    except IntegrityError:
        raise Conflict("Another escalation of this cause is open: go on with that one.") from None


def _act(
    escalation: Escalation, name: str, chosen: Act, doer: Doer, now: datetime, at: datetime, said: str, reason: str,
    key: str, data: Mapping[str, Any],
) -> Escalation:  # fmt: skip
    locked = lock(escalation)
    before = str(locked.status)
    if chosen.ends is not None and locked.status == chosen.ends:
        return locked
    if locked.status not in chosen.begins:
        raise Conflict(
            f"{locked.ref} is {locked.get_status_display().lower()} already.", escalation=locked.ref, state=before
        )
    more = {**data, **({"reason": reason} if reason else {}), **({"name": doer.name} if doer.user is None else {})}
    if name == "ask":
        more["of"] = "support"
    event = tell(locked, chosen.what, at=at, by=doer.user, via=doer.via, text=said, data=more, key=key)
    if event is None:
        return locked
    if chosen.ends is not None:
        locked.status = chosen.ends
    _keep(locked, name, doer, reason, at)
    save(locked, now)
    record_event(
        actor=doer.user, action=f"escalation.{chosen.what}", target=locked, reason=said or reason,
        before={"status": before}, after={"status": str(locked.status), "via": doer.via, "by": str(doer)},
    )  # fmt: skip
    lines = [line for line in (_reason_words(reason), said) if line]
    tell_support(
        chosen.kind, locked, f"{chosen.words} {doer}", lines=lines, actor=doer.user, now=now,
        key=f"escalation:{event.key}", and_leads=name in ("reject", "reopen"),
    )  # fmt: skip
    for part in parts("ESCALATION_MOVED"):
        part(locked, event)
    return locked


def _keep(locked: Escalation, name: str, doer: Doer, reason: str, now: datetime) -> None:
    if name in ("accept", "start") and doer.user is not None:
        locked.accepted_by = locked.accepted_by if name == "start" and locked.accepted_by else doer.user
    if name in ("ask", "answer"):
        locked.waits_for = "support" if name == "ask" else ""
    if name == "reject":
        locked.rejection = reason
    if name in ("reject", "resolve", "withdraw"):
        locked.ended_at, locked.waits_for = now, ""
    if name == "reopen":
        locked.ended_at = None
    if name in ("reject", "withdraw"):
        # Back to support's desk: what to do next is theirs to decide.
        links = locked.links.values("ticket")
        Ticket.objects.filter(pk__in=links, status=Ticket.Status.ESCALATED).update(status=Ticket.Status.DIAGNOSED)


def judge(
    escalation: Escalation, doer: Doer, *, is_complete: bool, was_avoidable: bool, comment: str = "", now: datetime
) -> Verdict:
    """What engineering says of it: was the packet complete, could support have resolved it. The newest counts."""
    _allow(doer, "escalation.work")
    with transaction.atomic():
        locked = lock(escalation)
        last = locked.verdicts.order_by("-pk").first()
        said = clean(comment)
        by = doer.user
        if last is not None and (last.by, last.is_complete, last.was_avoidable, last.comment) == (
            by, is_complete, was_avoidable, said,
        ):  # fmt: skip
            return last
        verdict = locked.verdicts.create(
            is_complete=is_complete, was_avoidable=was_avoidable, comment=said, by=by, at=now
        )
        tell(
            locked, W.JUDGED, at=now, by=by, via=doer.via, text=said, key=f"{locked.pk}:judged:{verdict.pk}",
            data={"is_complete": is_complete, "was_avoidable": was_avoidable},
        )  # fmt: skip
        record_event(
            actor=by, action="escalation.judged", target=locked, reason=said,
            after={"is_complete": is_complete, "was_avoidable": was_avoidable, "via": doer.via},
        )  # fmt: skip
    return verdict


def lock(escalation: Escalation) -> Escalation:
    """The row, locked, then read with what belongs to it: what a locking query joins may be older than the lock."""
    Escalation.objects.select_for_update(of=("self",)).only("pk").get(pk=escalation.pk)
    return Escalation.objects.with_context().get(pk=escalation.pk)


def save(locked: Escalation, now: datetime) -> None:
    """With its clocks read anew."""
    keep_clocks(locked, now)
    locked.revision += 1
    locked.save()


def _allow(doer: Doer, permission: str) -> None:
    if doer.is_vouched and permission == "escalation.work":
        return
    if doer.user is None or not doer.user.may(permission):
        raise PermissionRefused("Your role may not do this with an escalation.")


def _reason_words(reason: str) -> str:
    return str(Escalation.Rejection(reason).label) if reason else ""
