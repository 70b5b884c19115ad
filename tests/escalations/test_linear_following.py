"""Following: signed events, late and out of order; polls when events are away; each change told once, in order."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from altor.models import InboundEvent
from escalations.linear import polling, telling
from escalations.linear.commenting import comment
from escalations.linear.eta import eta_of
from escalations.linear.following import current_eta
from escalations.models import IssueChange, IssueComment, LinearConnection, TrackedIssue
from tests.escalations.linear_scene import HOOK, TOLD, connect, tracked, work_queue
from tests.escalations.peers.linear import HOOK_SECRET, LinearPeer, headers, payload
from tests.escalations.peers.workspace import Json

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def filed(peer: LinearPeer) -> TrackedIssue:
    issue = tracked(connect(peer))
    work_queue()
    issue.refresh_from_db()
    peer.workspace.events.clear()
    TOLD.clear()
    return issue


def post(event: Json, *, secret: str = HOOK_SECRET, delivery: str = "", sent_at: float | None = None) -> int:
    raw = payload(event, sent_at=sent_at)
    signed = headers(raw, event, secret=secret, delivery=delivery)
    status: int = Client().post(HOOK, raw, content_type="application/json", headers=signed).status_code
    work_queue()
    return status


def last_reason() -> str:
    return InboundEvent.objects.latest("pk").reason


# --------------------------------------------------------------------------------------------------------------- events
def test_what_happens_in_linear_is_told_once_and_in_order(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, assignee="Priya Nair")
    peer.workspace.change(filed.issue_id, state="started", priority=1.0)
    peer.workspace.say(filed.issue_id, "Mail jo@acme.com when it ships")
    peer.workspace.change(filed.issue_id, state="completed")
    for event in list(peer.workspace.events):
        assert post(event) == 202
    assert [kind for kind, _ in TOLD] == ["assignee", "state", "priority", "comment", "state"]
    assert TOLD[0][1]["name"] == "Priya Nair"
    assert TOLD[3][1]["body"] == "Mail [email]@acme.com when it ships"
    assert TOLD[3][1]["url"].startswith("https://linear.example/c/")
    assert TOLD[4][1] == {"name": "Done", "type": "completed"}
    filed.refresh_from_db()
    assert (filed.is_open, filed.state_type, filed.assignee_name) == (False, "completed", "Priya Nair")
    assert filed.closed_at is not None
    assert IssueChange.objects.filter(kind="assignee").get().by == "Priya Nair"
    assert IssueChange.objects.filter(told_at=None).count() == 0


def test_an_older_event_never_undoes_a_newer_one(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, state="started")
    peer.workspace.change(filed.issue_id, assignee="Eric Lund")
    peer.workspace.change(filed.issue_id, state="completed")
    for event in reversed(peer.workspace.events):
        post(event)
    filed.refresh_from_db()
    assert (filed.state_type, filed.assignee_name, filed.is_open) == ("completed", "Eric Lund", False)
    assert [kind for kind, _ in TOLD] == ["state", "assignee"]
    assert "newer" in last_reason()


def test_the_same_delivery_is_worked_once_and_the_same_news_told_once(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, state="started")
    [event] = peer.workspace.events
    assert [post(event, delivery="d-1"), post(event, delivery="d-1"), post(event, delivery="d-2")] == [202, 200, 202]
    assert [kind for kind, _ in TOLD] == ["state"]


@pytest.mark.parametrize("wrong", ["secret", "stale", "future", "replayed body"])
def test_an_event_that_is_not_linears_or_too_old_is_refused(peer: LinearPeer, filed: TrackedIssue, wrong: str) -> None:
    peer.workspace.change(filed.issue_id, state="completed")
    [event] = peer.workspace.events
    now = timezone.now().timestamp()
    if wrong == "replayed body":
        raw = payload(event)
        signed = headers(raw, event)
        raw = raw.replace(b"Done", b"Gone")
        assert Client().post(HOOK, raw, content_type="application/json", headers=signed).status_code == 401
    else:
        secret = "lin_wh_another" if wrong == "secret" else HOOK_SECRET
        shift = {"stale": -70, "future": 70}.get(wrong, 0)
        assert post(event, secret=secret, sent_at=now + shift) == 401
        assert post(event, sent_at=now + shift / 2) == 202  # half of it is within the minute
    assert (TOLD == []) == (wrong == "replayed body")


def test_what_is_none_of_our_business_is_ignored_with_a_reason(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.issue_create({"teamId": peer.workspace.team["id"], "title": "Somebody else's"})
    peer.workspace.change(filed.issue_id, state="started")
    foreign, event = peer.workspace.events
    post(foreign)
    assert last_reason() == "Altor does not follow this issue."
    post({**event, "type": "IssueLabel", "data": {"id": "x", "name": "bug"}})
    assert last_reason() == "Altor does nothing with IssueLabel."
    LinearConnection.objects.update(workspace={"id": "another"})
    post(event)
    assert last_reason() == "It comes from another Linear workspace."
    assert TOLD == []


@pytest.mark.parametrize("data", [{}, {"id": 7}, {"id": "x", "state": []}, [], "text", None])
def test_a_malformed_event_is_parked_with_a_reason_and_breaks_nothing(
    peer: LinearPeer, filed: TrackedIssue, data: Any
) -> None:
    for kind in ("Issue", "Comment", "Attachment"):
        body = {"action": "update", "type": kind, "data": data, "organizationId": 1, "createdAt": "x"}
        assert post(body) == 202
        event = InboundEvent.objects.latest("pk")
        assert event.status in ("dead", "ignored")
        assert event.reason
    filed.refresh_from_db()
    assert filed.state_type == "triage"


def test_an_event_that_comes_while_the_issue_is_being_filed_is_not_lost(peer: LinearPeer) -> None:
    connection = connect(peer)
    issue = tracked(connection)
    OrmQ.objects.all().delete()
    made = {"id": str(issue.client_id), "teamId": peer.workspace.team["id"], "title": "x"}
    peer.workspace.issue_create(made)
    post(peer.workspace.events[0])
    assert "being filed" in last_reason()
    issue.refresh_from_db()
    assert issue.wants_read


def test_a_removed_issue_is_closed_and_its_cause_is_free(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.remove(filed.issue_id)
    post(peer.workspace.events[-1])
    filed.refresh_from_db()
    assert (filed.is_removed, filed.is_open) == (True, False)
    assert [kind for kind, _ in TOLD] == ["removed"]


def test_a_reopened_issue_is_open_again_unless_another_took_its_place(peer: LinearPeer, filed: TrackedIssue) -> None:
    for state in ("completed", "started"):
        peer.workspace.change(filed.issue_id, state=state)
        post(peer.workspace.events[-1])
    filed.refresh_from_db()
    assert (filed.is_open, filed.closed_at) == (True, None)
    peer.workspace.change(filed.issue_id, state="canceled")
    post(peer.workspace.events[-1])
    tracked(filed.connection)
    work_queue()
    peer.workspace.change(filed.issue_id, state="started")
    post(peer.workspace.events[-1])
    filed.refresh_from_db()
    assert (filed.is_open, filed.state_type) == (False, "started")


def test_our_own_comments_do_not_come_back(peer: LinearPeer, filed: TrackedIssue) -> None:
    comment(filed, "From Altor", "x", timezone.now())
    work_queue()
    post(peer.workspace.events[-1])
    assert IssueComment.objects.count() == 1
    assert TOLD == []


def test_an_edited_comment_is_kept_and_a_removed_one_is_emptied(peer: LinearPeer, filed: TrackedIssue) -> None:
    comment_id = peer.workspace.say(filed.issue_id, "First")
    event = peer.workspace.events[-1]
    post(event)
    edited = json.loads(json.dumps(event))
    edited["action"], edited["data"]["body"], edited["data"]["updatedAt"] = "update", "Second", "2199-01-01T00:00:00Z"
    post(edited)
    assert IssueComment.objects.get(comment_id=comment_id).body == "Second"
    post({**edited, "action": "remove"})
    post(event)  # the first once more, late
    kept = IssueComment.objects.get(comment_id=comment_id)
    assert (kept.body, kept.is_removed) == ("", True)
    assert [kind for kind, _ in TOLD] == ["comment"]


# ---------------------------------------------------------------------------------------------------------------- polls
def test_polling_takes_over_when_events_are_away(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, state="started", assignee="Eric Lund")
    peer.workspace.projects[0]["targetDate"] = "2199-02-03"
    peer.workspace.change(filed.issue_id, project=peer.workspace.projects[0])
    peer.workspace.say(filed.issue_id, "Looking")
    now = timezone.now()
    assert polling.sweep(now=now) == 1
    work_queue()
    assert [kind for kind, _ in TOLD] == ["state", "assignee", "eta", "comment"]
    assert TOLD[2][1] == {"on": "2199-02-03", "source": "project_target", "confidence": "rough"}
    assert polling.sweep(now=now + timedelta(minutes=4)) == 0
    assert polling.sweep(now=now + timedelta(minutes=6)) == 1
    work_queue()
    assert len(TOLD) == 4  # nothing new


def test_while_events_come_issues_are_asked_for_once_an_hour(peer: LinearPeer, filed: TrackedIssue) -> None:
    now = timezone.now()
    polling.poll(filed.connection_id, now=now)
    LinearConnection.objects.update(heard_at=now + timedelta(minutes=50))
    assert polling.sweep(now=now + timedelta(minutes=55)) == 0
    assert polling.sweep(now=now + timedelta(minutes=61)) == 1


def test_an_event_and_a_poll_of_the_same_moment_tell_once(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, state="started")
    polling.poll(filed.connection_id, now=timezone.now())
    post(peer.workspace.events[-1])
    assert [kind for kind, _ in TOLD] == ["state"]


def test_one_issue_that_may_have_more_to_tell_is_read_soon(peer: LinearPeer, filed: TrackedIssue) -> None:
    polling.poll(filed.connection_id, now=timezone.now())
    peer.workspace.projects[0]["targetDate"] = "2199-02-03"
    peer.workspace.change(filed.issue_id, project=peer.workspace.projects[0])
    post(peer.workspace.events[-1])
    filed.refresh_from_db()
    assert (filed.wants_read, filed.project_target_on) == (True, None)
    assert polling.sweep(now=timezone.now()) == 1
    work_queue()
    filed.refresh_from_db()
    assert (filed.wants_read, filed.project_target_on) == (False, date(2199, 2, 3))


def test_many_issues_are_asked_for_in_small_pages_and_the_limit_is_kept(peer: LinearPeer, filed: TrackedIssue) -> None:
    for number in range(44):
        tracked(filed.connection, f"cause {number}")
    work_queue()
    peer.asked.clear()
    now = timezone.now() + timedelta(hours=2)
    assert polling.poll(filed.connection_id, now=now) == 45
    assert peer.asked == ["AltorFollowedIssues"] * 3
    peer.asked.clear()
    peer.left = 200  # less than a tenth
    later = now + timedelta(hours=2)
    assert polling.poll(filed.connection_id, now=later) == 20
    assert polling.poll(filed.connection_id, now=later + timedelta(minutes=10)) == 0
    connection = LinearConnection.objects.get()
    assert connection.poll_not_before is not None
    assert connection.poll_not_before - later > timedelta(minutes=50)


@pytest.mark.parametrize("fault", ["limited", "lost", "refused"])
def test_a_poll_that_fails_is_made_again_later(peer: LinearPeer, filed: TrackedIssue, fault: str) -> None:
    peer.workspace.change(filed.issue_id, state="started")
    if fault == "limited":
        peer.limited_s = 900
    elif fault == "lost":
        peer.lose("AltorFollowedIssues", *["written"] * 3)
    else:
        peer.key = "another"
    now = timezone.now()
    polling.poll(filed.connection_id, now=now)
    connection = LinearConnection.objects.get()
    wait = timedelta(minutes=14) if fault == "limited" else timedelta(minutes=4)
    assert connection.poll_not_before is not None
    assert connection.poll_not_before > now + wait
    assert (connection.health == "refused") == (fault == "refused")
    assert TOLD == []


def test_all_comments_of_a_long_absence_are_read(peer: LinearPeer, filed: TrackedIssue) -> None:
    for number in range(90):
        peer.workspace.say(filed.issue_id, f"Number {number}")
    polling.poll(filed.connection_id, now=timezone.now() + timedelta(minutes=30))
    work_queue()
    assert [after["body"] for _, after in TOLD] == [f"Number {number}" for number in range(90)]
    peer.asked.clear()
    polling.poll(filed.connection_id, now=timezone.now() + timedelta(hours=1))
    assert peer.asked == ["AltorFollowedIssues"]


def test_an_issue_that_polls_no_longer_find_is_gone_at_the_second_time(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.issues.clear()
    now = timezone.now()
    polling.poll(filed.connection_id, now=now)
    filed.refresh_from_db()
    assert (filed.is_removed, filed.missing_since) == (False, now)
    polling.poll(filed.connection_id, now=now + timedelta(minutes=6))
    work_queue()
    filed.refresh_from_db()
    assert filed.is_removed
    assert [kind for kind, _ in TOLD] == ["removed"]


def test_long_closed_issues_are_not_asked_for_any_more(peer: LinearPeer, filed: TrackedIssue) -> None:
    now = timezone.now()
    TrackedIssue.objects.update(is_open=False, closed_at=now - timedelta(days=15))
    assert polling.sweep(now=now) == 0


# -------------------------------------------------------------------------------------------------------------- telling
FAIL: list[int] = []


def failing(change: IssueChange) -> None:
    IssueComment.objects.create(
        issue=change.issue, direction="out", comment_id=f"made-{change.pk}-{len(FAIL)}", key=f"k{change.pk}",
        at=timezone.now(),
    )  # fmt: skip
    if FAIL:
        FAIL.pop()
        raise RuntimeError("the core is not ready")


def test_a_hook_that_fails_is_told_later_and_leaves_nothing_half_done(
    peer: LinearPeer, filed: TrackedIssue, settings: Settings
) -> None:
    settings.ISSUE_CHANGED = ["tests.escalations.linear_scene.remember", f"{__name__}.failing"]
    FAIL[:] = [1, 1]
    peer.workspace.change(filed.issue_id, state="started")
    peer.workspace.change(filed.issue_id, state="completed")
    for event in peer.workspace.events:
        post(event)
    assert IssueComment.objects.count() == 0
    assert IssueChange.objects.filter(told_at=None).count() == 2
    now = timezone.now() + timedelta(minutes=1)
    for _ in range(3):
        telling.tell(filed.pk, now=now)
        now += timedelta(minutes=5)
    assert IssueComment.objects.count() == 2
    assert not IssueChange.objects.filter(told_at=None).exists()
    assert [after["type"] for _, after in TOLD][-2:] == ["started", "completed"]


def test_a_hook_that_always_fails_holds_back_one_change_for_a_while_only(
    peer: LinearPeer, filed: TrackedIssue, settings: Settings
) -> None:
    settings.ISSUE_CHANGED = [f"{__name__}.failing"]
    FAIL[:] = [1] * telling.MOST_ATTEMPTS
    for state in ("started", "completed"):
        peer.workspace.change(filed.issue_id, state=state)
        post(peer.workspace.events[-1])
    now = timezone.now()
    for _ in range(12):
        now += timedelta(hours=1)
        telling.tell(filed.pk, now=now)
    over, told = IssueChange.objects.filter(kind="state").order_by("pk")
    assert (over.attempts, "RuntimeError" in over.reason) == (telling.MOST_ATTEMPTS, True)
    assert (told.attempts, told.reason) == (0, "")


# ------------------------------------------------------------------------------------------------------------------ eta
@pytest.mark.parametrize(
    ("due", "cycle", "target", "expected"),
    [
        (None, None, None, None),
        (date(2026, 5, 4), NOON + timedelta(days=2), date(2026, 6, 1), ("2026-05-04", "due_date", "stated")),
        (None, NOON + timedelta(days=2), date(2026, 5, 2), ("2026-05-03", "cycle_end", "planned")),
        (None, None, date(2026, 6, 1), ("2026-06-01", "project_target", "rough")),
        (date(2026, 4, 30), NOON + timedelta(days=2), None, ("2026-05-03", "cycle_end", "planned")),
        (date(2026, 5, 1), None, None, ("2026-05-01", "due_date", "stated")),
        (None, NOON - timedelta(days=1), None, None),
    ],
)
def test_an_eta_names_its_source_and_is_never_guessed(due: Any, cycle: Any, target: Any, expected: Any) -> None:
    facts = {"due_on": due, "cycle_ends_at": cycle, "project_target_on": target}
    found = eta_of(**facts, is_open=True, now=NOON)
    assert (found and (found.on.isoformat(), found.source, found.confidence)) == expected
    assert eta_of(**facts, is_open=False, now=NOON) is None


def test_a_due_date_that_somebody_sets_is_told(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.change(filed.issue_id, dueDate="2199-12-24")
    post(peer.workspace.events[-1])
    assert TOLD == [("eta", {"on": "2199-12-24", "source": "due_date", "confidence": "stated"})]
    filed.refresh_from_db()
    found = current_eta(filed, now=timezone.now())
    assert found is not None
    assert found.words == "24 December 2199, the due date of the issue (stated)"


@pytest.mark.parametrize("seed", range(6))
def test_events_in_any_order_twice_and_with_polls_between_end_the_same(
    peer: LinearPeer, filed: TrackedIssue, seed: int
) -> None:
    workspace, issue_id = peer.workspace, filed.issue_id
    workspace.change(issue_id, assignee="Priya Nair")
    workspace.change(issue_id, state="started", priority=1.0)
    said = workspace.say(issue_id, "Looking")
    workspace.change(issue_id, assignee="Eric Lund", dueDate="2199-01-31")
    workspace.change(issue_id, state="completed")
    workspace.change(issue_id, state="started")
    events = [*workspace.events, *workspace.events]
    order = random.Random(seed)
    order.shuffle(events)
    at = order.randrange(len(events))
    for number, event in enumerate(events):
        if number == at:
            polling.poll(filed.connection_id, now=timezone.now())
        post(event)
    filed.refresh_from_db()
    seen = (filed.state_type, filed.assignee_name, filed.seen_priority, str(filed.due_on), filed.is_open)
    assert seen == ("started", "Eric Lund", 1, "2199-01-31", True)
    assert [each.comment_id for each in IssueComment.objects.all()] == [said]
    assert [kind for kind, _ in TOLD].count("comment") == 1
    # Each kind's changes join one another: what one ends with the next begins with.
    for kind in ("state", "assignee", "priority", "eta"):
        changes = list(IssueChange.objects.filter(kind=kind).order_by("pk"))
        assert all(older.after == newer.before for older, newer in pairwise(changes))
