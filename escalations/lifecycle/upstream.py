"""What happens to an issue in Linear moves its escalation: state, assignee, comments, and how far the fix is."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from altor.errors import DomainError
from escalations.lifecycle.acting import Doer, act, lock, save
from escalations.lifecycle.history import W, tell
from escalations.lifecycle.telling import tell_support
from escalations.linear.fixes import Fix, FixState
from escalations.models import Escalation, IssueChange
from escalations.recovery.starting import shipped

K = IssueChange.Kind
#: Type of a state in Linear -> what is done here.
_ACTS: Final = {"started": "start", "completed": "resolve", "canceled": "reject", "duplicate": "reject"}
_CLOSED: Final = frozenset({"completed", "canceled", "duplicate"})


def issue_changed(change: IssueChange) -> None:
    """For the setting ISSUE_CHANGED: every escalation of the issue hears of it, in the telling's transaction."""
    for escalation in Escalation.objects.filter(issue=change.issue).order_by("pk"):
        _changed(escalation, change)


def _changed(escalation: Escalation, change: IssueChange) -> None:
    after = change.after
    doer = Doer(None, change.by or "Linear", "linear")
    key = f"{escalation.pk}:issue:{change.pk}"
    match change.kind:
        case K.STATE:
            _state(escalation, change, doer, key)
        case K.ASSIGNEE if after.get("name"):
            _note(escalation, change, f"Assigned to {after['name']}", key)
            _act(escalation, "acknowledge", Doer(None, str(after["name"]), "linear"), change, f"{key}:ack")
        case K.COMMENT:
            who = Doer(None, str(after.get("author") or "Linear"), "linear")
            _act(escalation, "update", who, change, key, text=str(after.get("body") or ""))
        case K.FIX:
            words = FixState(Fix(str(after.get("state") or ""))).words
            _note(escalation, change, words, key, is_news=True)
            if after.get("state") == Fix.SHIPPED:
                _act(escalation, "resolve", doer, change, f"{key}:shipped", text=words)
                shipped(escalation, at=change.at, now=timezone.now())
        case _:
            words = _words(change.kind, after)
            if words:
                _note(escalation, change, words, key, is_news=change.kind in (K.FAILED, K.ETA, K.REMOVED))


def _state(escalation: Escalation, change: IssueChange, doer: Doer, key: str) -> None:
    before, after = str(change.before.get("type") or ""), str(change.after.get("type") or "")
    _note(escalation, change, f"{change.after.get('name')} in Linear", key)
    text = f"{change.after.get('name')} in Linear: {change.issue.identifier}"
    if before in _CLOSED and after not in _CLOSED:
        _act(escalation, "reopen", doer, change, f"{key}:act", text=text)
    elif name := _ACTS.get(after):
        reason = {"canceled": Escalation.Rejection.NOT_A_BUG, "duplicate": Escalation.Rejection.DUPLICATE}.get(after)
        _act(escalation, name, doer, change, f"{key}:act", text=text, reason=str(reason or ""))


def _act(
    escalation: Escalation, name: str, doer: Doer, change: IssueChange, key: str, *, text: str = "", reason: str = ""
) -> None:
    """What does not fit any more (it was resolved here already) changes nothing: the note above stays."""
    try:
        act(
            escalation, name, doer, now=timezone.now(), at=change.at, text=text, reason=reason, key=key,
            data={"issue": change.issue.identifier},
        )  # fmt: skip
    except DomainError:
        return


def _note(escalation: Escalation, change: IssueChange, words: str, key: str, *, is_news: bool = False) -> None:
    now = timezone.now()
    locked = lock(escalation)
    event = tell(
        locked, W.ISSUE, at=change.at, via="linear", text=words, key=key,
        data={"issue": change.issue.identifier, "url": change.issue.url, "name": change.by},
    )  # fmt: skip
    save(locked, now)
    if event is not None and is_news:
        tell_support("escalation.word", locked, f": {words}", now=now, key=f"escalation:{key}")


def _words(kind: str, after: dict[str, Any]) -> str:
    match kind:
        case K.FILED:
            return f"{'Joined' if after.get('is_joined') else 'Filed as'} {after.get('identifier')}"
        case K.FAILED:
            return f"It could not be filed to Linear: {after.get('reason')}. Everything works on here and by mail."
        case K.ETA if after:
            return (
                f"Expected {after.get('on')} ({after.get('source', '').replace('_', ' ')}, {after.get('confidence')})"
            )
        case K.ETA:
            return "Linear gives no date any more"
        case K.REMOVED:
            return "The issue was removed from Linear"
        case _:
            return ""
