"""An escalation and its issue in Linear, over sockets: filed once, moved from there, told there what changes here."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from altor.errors import InvalidInput
from altor.models import Notice
from escalations.lifecycle import changing
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.sending import Wish, send
from escalations.linear.filing import join
from escalations.models import Escalation, IssueComment, IssueLink
from investigations.models import InstallationProfile
from tests import factories as make
from tests.escalations.linear_scene import HOOK, connect, work_queue
from tests.escalations.peers.github import GitHub
from tests.escalations.peers.linear import LinearPeer
from tests.escalations.test_linear_filing import retried
from tests.loopback import serving
from tests.shipped import reply_templates

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _hooked(peer: LinearPeer, settings: Any) -> None:
    settings.ISSUE_CHANGED = ["escalations.lifecycle.upstream.issue_changed"]


@pytest.fixture
def agent() -> Any:
    return make.user("mina", teams=(make.team(),))


def escalate(agent: Any, *, joins: bool = False, **values: Any) -> Escalation:
    run = make.finished_run(make.ticket(customer=make.customer(), owner=agent), **values)
    return send(run, Wish(joins=joins), actor=agent, now=timezone.now())[0]


def whats(escalation: Escalation) -> list[str]:
    return list(escalation.history.values_list("what", flat=True))


def test_it_is_filed_acknowledged_discussed_fixed_and_comes_back(
    peer: LinearPeer, live_server: Any, agent: Any
) -> None:
    address, github = live_server.url + HOOK, GitHub()
    reply_templates()

    def hear() -> Escalation:
        assert set(peer.deliver(address)) <= {202}
        work_queue()
        return Escalation.objects.with_context().get()

    with serving(github) as server:
        make.connection("github", base_url=server.url)
        InstallationProfile.objects.create(
            data={"github": {"owner": "acme", "repo": "platform", "environment": "production"}}
        )
        connect(peer)
        sent = escalate(agent)
        work_queue()
        sent = hear()
        assert sent.issue is not None and sent.issue.is_filed
        (issue,) = peer.workspace.issues.values()
        assert issue["title"] == f"[SEV2] A deployment changed the limiter ({sent.ref})"
        assert sent.packet["summary"][:30] in issue["description"].replace("\\", "")
        assert f"/e/{sent.pk}." in issue["description"]
        assert sent.ticket.ref in str(peer.workspace.attachments)

        peer.workspace.change(sent.issue.issue_id, assignee="Priya Nair")
        sent = hear()
        assert sent.status == "acknowledged"
        event = sent.history.get(what="acknowledged")
        assert (event.via, event.data["name"]) == ("linear", "Priya Nair")

        peer.workspace.change(sent.issue.issue_id, state="started")
        assert hear().status == "in_progress"
        peer.workspace.say(sent.issue.issue_id, "The limiter counts twice. Fix is on its way.")
        sent = hear()
        assert sent.history.get(what="updated").text == "The limiter counts twice. Fix is on its way."

        other = escalate(agent, joins=True)
        assert other == sent
        changing.add(sent, "Request ids: r-1, r-2.", Doer(agent), now=timezone.now())
        work_queue()
        said = [comment["body"] for comment in peer.workspace.comments.values()]
        assert sum("Another ticket joined" in body for body in said) == 1
        assert sum("r\\-1" in body or "r-1" in body for body in said) == 1
        hear()

        github.open(891)
        peer.workspace.link_pull(sent.issue.issue_id, "https://github.com/acme/platform/pull/891")
        sent = hear()
        assert "A fix is in review" in list(sent.history.filter(what="issue").values_list("text", flat=True))
        peer.workspace.change(sent.issue.issue_id, state="completed")
        sent = hear()
        assert sent.status == "resolved"
        assert sent.links.count() == 2
        assert Notice.objects.filter(kind="escalation.back").count() == 2


def test_what_is_cancelled_in_linear_comes_back_as_no_bug(peer: LinearPeer, live_server: Any, agent: Any) -> None:
    connect(peer)
    sent = escalate(agent)
    work_queue()
    sent.refresh_from_db()
    peer.workspace.change(sent.issue.issue_id, state="canceled")
    peer.deliver(live_server.url + HOOK)
    work_queue()
    sent.refresh_from_db()
    assert (sent.status, sent.rejection) == ("rejected", "not_a_bug")


def test_a_bug_that_is_known_is_joined_instead_of_filed(peer: LinearPeer, agent: Any) -> None:
    connect(peer)
    peer.workspace.issue_create({"teamId": peer.workspace.team["id"], "title": "The limiter counts twice"})
    [known] = peer.workspace.issues.values()
    culprit = {"kind": "linear_issue", "id": known["identifier"], "url": known["url"]}
    sent = escalate(agent, diagnosis=make.diagnosis(culprit=culprit))
    work_queue()
    sent.refresh_from_db()
    assert sent.issue.is_joined and sent.issue.identifier == known["identifier"]
    assert len(peer.workspace.issues) == 1
    # What engineering needs to know of this customer stands there too.
    [packet] = peer.workspace.comments.values()
    assert sent.ref in packet["body"] and "See it yourself" in packet["body"]


def test_a_join_whose_comment_is_refused_leaves_one_issue_of_its_own(
    peer: LinearPeer, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a join is undone, also where the known issue is followed for another cause already."""
    connection = connect(peer)
    peer.workspace.issue_create({"teamId": peer.workspace.team["id"], "title": "The limiter counts twice"})
    [known] = peer.workspace.issues.values()
    followed = join(connection, known["identifier"], cause_key="another", now=timezone.now())
    work_queue()

    def refuse(*_: Any) -> None:
        raise InvalidInput("A comment needs words.", field="body")

    # Nothing that an escalation writes is refused today: the refusal is put where a rule of comments would raise it.
    monkeypatch.setattr("escalations.lifecycle.filing.comment", refuse)
    culprit = {"kind": "linear_issue", "id": known["identifier"], "url": known["url"]}
    sent = escalate(agent, diagnosis=make.diagnosis(culprit=culprit))
    work_queue()
    sent.refresh_from_db()
    assert sent.status == "sent"
    [link] = IssueLink.objects.filter(ticket_ref=sent.ticket.ref)
    assert link.issue == sent.issue != followed
    assert sent.issue.is_filed and not sent.issue.is_joined
    assert [one["title"] for one in peer.workspace.issues.values()] == [
        "The limiter counts twice", f"[SEV2] A deployment changed the limiter ({sent.ref})",
    ]  # fmt: skip


def test_a_joined_issue_on_which_linear_refuses_the_comment_stays_the_one_issue(peer: LinearPeer, agent: Any) -> None:
    connect(peer)
    peer.workspace.issue_create({"teamId": peer.workspace.team["id"], "title": "The limiter counts twice"})
    [known] = peer.workspace.issues.values()
    culprit = {"kind": "linear_issue", "id": known["identifier"], "url": known["url"]}
    refused = {"id": str(uuid.uuid4()), "url": "x", "createdAt": "x"}
    peer.workspace.comment_create = lambda given: {  # type: ignore[method-assign]
        "success": False, "lastSyncId": 1.0, "comment": refused,
    }  # fmt: skip
    sent = escalate(agent, diagnosis=make.diagnosis(culprit=culprit))
    assert sent.issue is not None
    retried(sent.issue, tries=12)
    sent.refresh_from_db()
    assert IssueComment.objects.get().status == "failed"
    assert (sent.status, sent.issue.is_joined, sent.issue.status) == ("sent", True, "filed")
    assert IssueLink.objects.get().issue == sent.issue
    assert len(peer.workspace.issues) == 1


def test_without_linear_everything_works_here(peer: LinearPeer, agent: Any) -> None:
    sent = escalate(agent)
    act(sent, "acknowledge", Doer(make.user("eli", role="engineer")), now=timezone.now())
    work_queue()
    sent.refresh_from_db()
    assert (sent.issue, sent.status) == (None, "acknowledged")
    assert not peer.workspace.issues


def test_taken_back_before_it_was_filed_it_is_not_filed(peer: LinearPeer, agent: Any) -> None:
    connect(peer)
    sent = escalate(agent)
    act(sent, "withdraw", Doer(agent), now=timezone.now(), text="It was our own mistake.")
    work_queue()
    assert not peer.workspace.issues
