"""Filing: one issue per cause, whatever is lost on the way; tickets once, comments once and in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from django_q.models import OrmQ

from altor.errors import InvalidInput
from altor.models import AuditEvent
from altor.outbound.state import forget_states
from escalations.linear import working
from escalations.linear.commenting import comment
from escalations.linear.connections import ConnectionValues, save_connection, usable
from escalations.linear.erasure import erase
from escalations.linear.filing import join, link_ticket, track, withdraw
from escalations.linear.tasks import sweep
from escalations.models import IssueComment, IssueLink, TrackedIssue
from investigations.models import Ticket
from tests.escalations.linear_scene import TOLD, connect, ticket_of, tracked, work_queue
from tests.escalations.peers.linear import POINTS, LinearPeer
from tests.escalations.peers.workspace import fresh

pytestmark = pytest.mark.django_db


def retried(issue: TrackedIssue, tries: int = 8) -> TrackedIssue:
    """Later tries, each when it is due, until there is nothing to do."""
    for _ in range(tries):
        work_queue()
        issue.refresh_from_db()
        if not issue.has_work:
            break
        forget_states()
        working.file(issue.pk, now=max(issue.not_before or timezone.now(), timezone.now()) + timedelta(seconds=1))
    work_queue()
    issue.refresh_from_db()
    return issue


# --------------------------------------------------------------------------------------------------------------- filing
def test_an_issue_is_filed_with_what_was_wanted(peer: LinearPeer) -> None:
    issue = tracked(connect(peer), assignee="priya@harborline.example", project="reliability")
    work_queue()
    issue.refresh_from_db()
    [made] = peer.workspace.issues.values()
    assert made["id"] == str(issue.client_id) == issue.issue_id
    assert made["title"] == "Quotas fell for everybody after 7f3c9a1"
    assert made["priority"] == 2
    assert set(made["labelIds"]) == {label["id"] for label in peer.workspace.labels}
    assert made["assignee"]["name"] == issue.assignee_name == "Priya Nair"
    assert made["project"]["name"] == issue.project_name == "Reliability"
    assert (issue.status, issue.identifier, issue.url) == ("filed", made["identifier"], made["url"])
    assert (issue.state_type, issue.has_work, issue.notes) == ("triage", False, [])
    assert TOLD[0] == ("filed", {"identifier": "ENG-101", "url": made["url"], "is_joined": False})
    assert AuditEvent.objects.filter(action="linear_issue.filed", object_ref="ENG-101").exists()


def test_a_cause_that_is_open_has_one_issue_and_later_tickets_join_it(peer: LinearPeer) -> None:
    connection = connect(peer)
    first = tracked(connection, tickets=[ticket_of(subject="One")])
    second = tracked(connection, tickets=[ticket_of(subject="Two")])
    work_queue()
    assert first.pk == second.pk
    assert len(peer.workspace.issues) == 1
    assert len(peer.workspace.attachments) == 2
    other = tracked(connection, "another cause")
    assert other.pk != first.pk


def test_what_linear_lacks_is_noted_and_the_issue_is_filed_without_it(peer: LinearPeer) -> None:
    issue = tracked(connect(peer), labels=["sev2"], project="No such", assignee="nobody@x.example")
    work_queue()
    issue.refresh_from_db()
    assert issue.status == "filed"
    assert len(issue.notes) == 3
    assert any("sev2" in note for note in issue.notes)


def test_a_team_that_is_not_there_fails_at_once_and_can_be_mended(peer: LinearPeer) -> None:
    connection = connect(peer)
    issue = tracked(connection, team="NOPE")
    work_queue()
    issue.refresh_from_db()
    assert issue.status == "failed"
    assert "no team NOPE" in issue.reason
    assert [("failed", {"reason": issue.reason})] == TOLD
    connection.refresh_from_db()
    assert connection.health != "refused"  # the key is good
    peer.workspace.team["key"] = "NOPE"
    assert tracked(connection, team="NOPE").pk == issue.pk
    work_queue()
    issue.refresh_from_db()
    assert (issue.status, len(peer.workspace.issues)) == ("filed", 1)


def test_a_refused_key_fails_the_issue_and_marks_the_connection(peer: LinearPeer) -> None:
    connection = connect(peer, secret="lin_api_obviouslywrong00")
    issue = tracked(connection)
    work_queue()
    issue.refresh_from_db()
    connection.refresh_from_db()
    assert (issue.status, connection.health) == ("failed", "refused")


@pytest.mark.parametrize("bad", [{"title": " "}, {"priority": 5}, {"cause": ""}, {"cause": "x" * 201}])
def test_what_cannot_be_filed_is_refused_before_anything_is_stored(peer: LinearPeer, bad: dict[str, Any]) -> None:
    connection = connect(peer)
    with pytest.raises(InvalidInput):
        tracked(connection, **bad)
    assert not TrackedIssue.objects.exists()


def test_a_connection_that_was_switched_off_fails_with_its_reason(peer: LinearPeer) -> None:
    connection = connect(peer)
    issue = tracked(connection)
    type(connection).objects.update(is_active=False)
    work_queue()
    issue.refresh_from_db()
    assert (issue.status, issue.reason) == ("failed", "The Linear connection is switched off.")
    assert usable() is None


def test_a_rate_limit_is_waited_for(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    peer.limited_s = 90
    work_queue()
    issue.refresh_from_db()
    assert issue.status == "pending"
    assert issue.not_before is not None
    assert issue.not_before - timezone.now() > timedelta(seconds=60)
    peer.limited_s = None
    assert retried(issue).status == "filed"


# ------------------------------------------------------------------------------------------------------------ lost ways
OPERATIONS = ("AltorFileIssue", "AltorAttachTicket", "AltorCustomerNeed", "AltorComment", "AltorFollowedIssues")


@pytest.mark.parametrize("says_duplicate", [True, False])
@pytest.mark.parametrize("point", [point for point in POINTS if point != "timeout"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_connection_lost_at_any_point_makes_nothing_twice(
    peer: LinearPeer, operation: str, point: str, says_duplicate: bool
) -> None:
    peer.workspace.says_duplicate = says_duplicate
    issue = tracked(connect(peer), tickets=[ticket_of("org_0042")])
    comment(issue, "First.", "first", timezone.now())
    # Longer than the immediate repeats of one try: a later try has to find what was left.
    peer.lose("" if point == "unread" else operation, *[point] * 4)
    issue = retried(issue)
    assert issue.status == "filed"
    assert not issue.has_work
    workspace = peer.workspace
    assert [len(kept) for kept in (workspace.issues, workspace.attachments, workspace.needs, workspace.comments)] == [
        1
    ] * 4
    assert IssueLink.objects.get().need == "done"
    assert IssueComment.objects.get().status == "done"
    assert [kind for kind, _ in TOLD] == ["filed"]
    assert len(peer.faults) < 4


def test_an_answer_that_never_comes_makes_nothing_twice(peer: LinearPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "CALL_SECONDS", 0.6)
    issue = tracked(connect(peer))
    peer.lose("AltorFileIssue", "timeout")
    work_queue()
    issue.refresh_from_db()
    assert (issue.status, len(peer.workspace.issues)) == ("pending", 1)
    assert "No answer" in issue.reason or "no answer" in issue.reason
    assert retried(issue).status == "filed"
    assert peer.workspace.writes == ["issueCreate"]


def test_a_worker_that_was_killed_leaves_the_issue_to_the_next(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    now = timezone.now()
    TrackedIssue.objects.update(lease=1, leased_until=now + working.LEASE, status="filing")
    made = {"id": str(issue.client_id), "teamId": peer.workspace.team["id"], "title": "by the killed worker"}
    peer.workspace.issue_create(made)
    working.file(issue.pk, now=now + timedelta(seconds=10))
    assert peer.asked == []  # it is still the other's
    assert working.sweep(now=now + timedelta(seconds=100)) == 1
    working.file(issue.pk, now=now + timedelta(seconds=100))
    issue.refresh_from_db()
    assert (issue.status, len(peer.workspace.issues)) == ("filed", 1)
    assert peer.count("AltorFileIssue") == 0


def test_a_worker_that_was_too_slow_does_not_write_over_the_next(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    late = TrackedIssue.objects.get(pk=issue.pk)
    working.file(issue.pk)
    working._keep(late, working._Done(error=None), timezone.now())
    issue.refresh_from_db()
    assert issue.status == "filed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("calls", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_calls_at_once_make_one_issue(peer: LinearPeer, calls: int) -> None:
    connection = connect(peer)
    for point in ("written", "mid_answer", "unwritten"):
        peer.lose("AltorFileIssue", point)
    ticket_of()
    ticket = Ticket.objects.get()

    def call(number: int) -> int:
        try:
            issue = track(
                "one cause", connection=connection, title=f"Call {number}", description="x", tickets=[ticket],
                now=timezone.now(),
            )  # fmt: skip
            working.file(issue.pk)
            return issue.pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(24) as pool:
        made = set(pool.map(call, range(calls)))
    assert len(made) == 1
    retried(TrackedIssue.objects.get(), tries=12)
    assert TrackedIssue.objects.get().status == "filed"
    assert peer.workspace.writes.count("issueCreate") == 1
    assert len(peer.workspace.issues) == 1
    assert len(peer.workspace.attachments) == 1


# -------------------------------------------------------------------------------------------------------------- tickets
def test_a_ticket_is_attached_once_with_its_customer(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    ticket = ticket_of("org_0042", subject="Mail jo@acme.com is refused")
    for _ in range(3):
        link_ticket(issue, ticket, timezone.now())
    work_queue()
    [attachment] = peer.workspace.attachments.values()
    assert attachment["url"].endswith(f"/tickets/{ticket.ref}/")
    assert attachment["title"] == f"{ticket.ref}: Mail [email]@acme.com is refused"
    [need] = peer.workspace.needs.values()
    assert need["attachmentId"] == attachment["id"]
    link = IssueLink.objects.get()
    assert (link.attachment_id, link.need_id, link.status, link.need) == (attachment["id"], need["id"], "done", "done")


@pytest.mark.parametrize("why", ["no feature", "unknown customer"])
def test_a_workspace_without_the_customer_is_noted_and_nothing_fails(peer: LinearPeer, why: str) -> None:
    peer.workspace.has_customers = why != "no feature"
    if why == "unknown customer":
        peer.workspace.customers.clear()
    issue = tracked(connect(peer), tickets=[ticket_of("org_0042")])
    comment(issue, "Said after.", "after", timezone.now())
    work_queue()
    link = IssueLink.objects.get()
    assert (link.status, link.need) == ("done", "refused")
    assert link.reason
    assert IssueComment.objects.get().status == "done"


def test_many_tickets_are_attached_in_several_claims(peer: LinearPeer) -> None:
    issue = tracked(connect(peer), tickets=[ticket_of() for _ in range(30)])
    work_queue()
    issue.refresh_from_db()
    assert (len(peer.workspace.attachments), issue.has_work) == (30, False)


# ------------------------------------------------------------------------------------------------------------- comments
def test_comments_are_written_once_a_key_and_in_order(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    for number in range(4):
        for _ in range(2):
            comment(issue, f"Number {number}", f"key-{number}", timezone.now())
    peer.lose("AltorComment", "written", "unwritten", "mid_answer", "written")
    retried(issue)
    bodies = [
        each["body"] for each in sorted(peer.workspace.comments.values(), key=lambda each: str(each["createdAt"]))
    ]
    assert bodies == [f"Number {number}" for number in range(4)]
    assert {each.status for each in IssueComment.objects.all()} == {"done"}
    assert all(each.url for each in IssueComment.objects.all())


def test_a_comment_that_linear_refuses_does_not_hold_the_others_for_ever(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    work_queue()
    bad = comment(issue, "Not for them", "bad", timezone.now())
    comment(issue, "Good", "good", timezone.now())
    create = peer.workspace.comment_create

    def picky(given: dict[str, Any]) -> dict[str, Any]:
        if given["body"] == "Not for them":
            return {"success": False, "lastSyncId": 1.0, "comment": {"id": fresh(), "url": "x", "createdAt": "x"}}
        return create(given)

    peer.workspace.comment_create = picky  # type: ignore[method-assign]
    retried(issue, tries=12)
    bad.refresh_from_db()
    assert (bad.status, bad.attempts) == ("failed", working.MOST_REFUSALS)
    assert [each["body"] for each in peer.workspace.comments.values()] == ["Good"]


# -------------------------------------------------------------------------------------------------------------- joining
def test_a_bug_that_is_there_is_joined_and_not_filed(peer: LinearPeer) -> None:
    peer.workspace.issue_create({"teamId": peer.workspace.team["id"], "title": "Known bug"})
    [there] = peer.workspace.issues.values()
    peer.workspace.change(there["id"], assignee="Eric Lund", state="started")
    connection = connect(peer)
    joined = join(connection, "eng-101", cause_key="a cause", tickets=[ticket_of()], now=timezone.now())
    comment(joined, "Also seen at Northwind.", "joined", timezone.now())
    work_queue()
    joined.refresh_from_db()
    assert (joined.status, joined.issue_id, joined.assignee_name) == ("filed", there["id"], "Eric Lund")
    assert len(peer.workspace.issues) == len(peer.workspace.attachments) == len(peer.workspace.comments) == 1
    assert [kind for kind, _ in TOLD] == ["filed", "state", "assignee"]  # what stands already is told too
    again = join(connection, there["url"], cause_key="a cause", tickets=[ticket_of()], now=timezone.now())
    assert again.pk == joined.pk


def test_joining_what_is_followed_for_another_cause_gives_that_one_back(peer: LinearPeer) -> None:
    connection = connect(peer)
    filed = tracked(connection)
    work_queue()
    assert join(connection, "ENG-101", cause_key="another", now=timezone.now()).pk == filed.pk


def test_an_issue_that_linear_does_not_know_cannot_be_joined(peer: LinearPeer) -> None:
    connection = connect(peer)
    for wrong in ("", "ENG", "ENG-x", "https://evil.example/ENG-1"):
        with pytest.raises(InvalidInput, match="identifier"):
            join(connection, wrong, cause_key="c", now=timezone.now())
    issue = join(connection, "ENG-999", cause_key="c", now=timezone.now())
    work_queue()
    issue.refresh_from_db()
    assert (issue.status, "ENG-999" in issue.reason) == ("failed", True)


def test_what_is_not_filed_yet_can_be_withdrawn_and_what_is_there_cannot(peer: LinearPeer) -> None:
    connection = connect(peer)
    issue = tracked(connection)
    assert withdraw(issue, "The escalation was taken back.", timezone.now())
    work_queue()
    assert peer.workspace.issues == {}
    second = tracked(connection)
    work_queue()
    assert second.pk != issue.pk
    assert not withdraw(second, "Too late.", timezone.now())
    assert second.is_open


def test_an_assignee_whom_we_wanted_is_no_news(peer: LinearPeer) -> None:
    tracked(connect(peer), assignee="Priya Nair")
    work_queue()
    assert [kind for kind, _ in TOLD] == ["filed"]


def test_a_closed_cause_may_have_a_new_issue(peer: LinearPeer) -> None:
    connection = connect(peer)
    first = tracked(connection)
    work_queue()
    TrackedIssue.objects.filter(pk=first.pk).update(is_open=False)
    assert tracked(connection).pk != first.pk


def test_the_key_is_never_sent_to_another_host(peer: LinearPeer) -> None:
    connect(peer)
    with pytest.raises(InvalidInput, match="enter the key again"):
        save_connection(ConnectionValues(base_url="http://127.0.0.1:9/graphql"), actor=None)


def test_a_removed_ticket_takes_its_words_with_it(peer: LinearPeer) -> None:
    ticket = ticket_of(subject="Private words")
    tracked(connect(peer), tickets=[ticket])
    erase(ticket, ["*"])
    work_queue()
    assert [each["title"] for each in peer.workspace.attachments.values()] == [ticket.ref]


def test_work_whose_queue_entry_was_lost_is_taken_up_by_the_sweep(peer: LinearPeer) -> None:
    issue = tracked(connect(peer))
    OrmQ.objects.all().delete()
    sweep()
    assert OrmQ.objects.count() == 0  # it is queued, as far as anybody knows
    TrackedIssue.objects.update(woken_at=timezone.now() - timedelta(minutes=1))
    sweep()
    work_queue()
    issue.refresh_from_db()
    assert (issue.status, TOLD[0][0]) == ("filed", "filed")
