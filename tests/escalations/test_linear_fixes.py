"""How far a fix is: pure from pull requests and deployments, and asked of GitHub over a socket."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from altor.models import InboundEndpoint, InboundEvent
from escalations.linear import polling, pulls
from escalations.linear.fixes import DeploymentFact, Fix, PullFact, fix_state
from escalations.models import IssuePull, TrackedIssue
from investigations.models import InstallationProfile
from tests import factories as make
from tests.escalations.linear_scene import TOLD, connect, tracked, work_queue
from tests.escalations.peers.github import GitHub, sha
from tests.escalations.peers.linear import LinearPeer
from tests.loopback import serving

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
REPO = "acme/platform"
EXAMPLES = Path(__file__).parents[1] / "contracts" / "github-webhook-examples.json"


def pull(number: int, state: str, merged: float | None = None, repo: str = REPO) -> PullFact:
    at = NOON + timedelta(hours=merged) if merged is not None else None
    return PullFact(f"https://github.com/{repo}/pull/{number}", repo, number, state, at, sha(number) if at else "")


def deployed(hours: float, *numbers: int, **more: Any) -> DeploymentFact:
    return DeploymentFact(
        sha=sha(900 + int(hours * 10)), live_at=NOON + timedelta(hours=hours), repo=REPO,
        shas=frozenset(sha(number) for number in numbers), group=("api", "production"), **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "deployments", "expected"),
    [
        ([], [deployed(1, 1)], Fix.NONE),
        ([pull(1, "closed")], [], Fix.NONE),
        ([pull(1, "unknown")], [], Fix.NONE),
        ([pull(1, "draft")], [], Fix.DRAFT),
        ([pull(1, "draft"), pull(2, "open")], [], Fix.IN_REVIEW),
        ([pull(1, "merged", 0), pull(2, "open")], [deployed(1, 1)], Fix.IN_REVIEW),
        ([pull(1, "merged", 0)], [], Fix.MERGED),
        ([pull(1, "merged", 0)], [deployed(1, 2)], Fix.MERGED),
        ([pull(1, "merged", 0)], [deployed(1, 1)], Fix.SHIPPED),
        ([pull(1, "merged", 0), pull(2, "closed")], [deployed(1, 1)], Fix.SHIPPED),
        # Went live before the merge: it cannot hold it, whatever its lists say.
        ([pull(1, "merged", 2)], [deployed(1, 1)], Fix.MERGED),
        # Two parts, one of them live.
        ([pull(1, "merged", 0), pull(2, "merged", 0)], [deployed(1, 1)], Fix.MERGED),
        ([pull(1, "merged", 0), pull(2, "merged", 0)], [deployed(1, 1), deployed(2, 2)], Fix.SHIPPED),
        # Rolled back, and brought again.
        ([pull(1, "merged", 0)], [deployed(1, 1), deployed(2, is_rollback=True)], Fix.MERGED),
        ([pull(1, "merged", 0)], [deployed(1, 1), deployed(2, 1, is_rollback=True)], Fix.SHIPPED),
        ([pull(1, "merged", 0)], [deployed(1, 1), deployed(2, is_rollback=True), deployed(3, 1)], Fix.SHIPPED),
        # The next deployment lists only what is new in it.
        ([pull(1, "merged", 0)], [deployed(1, 1), deployed(2, 5)], Fix.SHIPPED),
    ],
)
def test_the_slowest_pull_request_tells_how_far_the_fix_is(
    given: list[PullFact], deployments: list[DeploymentFact], expected: Fix
) -> None:
    found = fix_state(given, reversed(deployments))
    assert found.fix == expected
    assert (found.at is None) == (expected not in (Fix.MERGED, Fix.SHIPPED))


def test_a_number_counts_in_its_own_repository_only() -> None:
    live = [DeploymentFact(sha(9), NOON + timedelta(hours=1), repo=REPO, pulls=frozenset({1}))]
    assert fix_state([pull(1, "merged", 0)], live).fix == Fix.SHIPPED
    assert fix_state([pull(1, "merged", 0, repo="acme/other")], live).fix == Fix.MERGED


# ------------------------------------------------------------------------------------------------- asked over a socket
@pytest.fixture
def github() -> Any:
    served = GitHub()
    with serving(served) as server:
        make.connection("github", base_url=server.url)
        InstallationProfile.objects.create(
            data={"github": {"owner": "acme", "repo": "platform", "environment": "production"}}
        )
        yield served


@pytest.fixture
def filed(peer: LinearPeer) -> TrackedIssue:
    issue = tracked(connect(peer))
    work_queue()
    TOLD.clear()
    issue.refresh_from_db()
    return issue


@pytest.mark.django_db
def test_a_linked_pull_request_is_followed_until_it_ships(
    peer: LinearPeer, filed: TrackedIssue, github: GitHub
) -> None:
    github.open(891)
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/pull/891/files")
    now = timezone.now()
    polling.poll(filed.connection_id, now=now)
    assert pulls.sweep(now=now) == 1
    work_queue()
    assert [kind for kind, _ in TOLD] == ["pull", "fix"]
    assert TOLD[1][1]["state"] == "in_review"
    github.merge(891)
    assert pulls.sweep(now=now + timedelta(minutes=1)) == 0
    assert pulls.sweep(now=now + timedelta(minutes=10)) == 1
    work_queue()
    assert TOLD[-1][1]["state"] == "merged"
    github.deploy(891)
    pulls.check(filed.pk, now=timezone.now())
    work_queue()
    assert TOLD[-1][1]["state"] == "shipped"
    assert TOLD[-1][1]["words"] == "The fix has shipped"
    row = IssuePull.objects.get()
    assert (row.state, row.merge_sha, row.shipped_at is not None) == ("merged", sha(891), True)
    filed.refresh_from_db()
    assert filed.fix == "shipped"
    pulls.check(filed.pk, now=timezone.now())
    work_queue()
    assert [kind for kind, _ in TOLD] == ["pull", "fix", "fix", "fix"]  # each step once


@pytest.mark.django_db
def test_a_deployment_with_more_commits_than_are_listed_is_compared(
    peer: LinearPeer, filed: TrackedIssue, github: GitHub
) -> None:
    github.open(3)
    github.merge(3)
    github.deploy(1)
    github.deploy(60)  # brings 2 to 60, of which twenty are listed
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/pull/3")
    polling.poll(filed.connection_id, now=timezone.now())
    pulls.check(filed.pk, now=timezone.now())
    assert IssuePull.objects.get().shipped_at is not None


@pytest.mark.django_db
def test_without_github_only_what_linear_tells_is_known(peer: LinearPeer, filed: TrackedIssue) -> None:
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/pull/7", "merged")
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/commit/abc")
    polling.poll(filed.connection_id, now=timezone.now())
    found = pulls.check(filed.pk, now=timezone.now())
    assert found is not None
    assert found.fix == Fix.MERGED
    assert IssuePull.objects.count() == 1


@pytest.mark.django_db
def test_a_github_that_is_down_changes_nothing(peer: LinearPeer, filed: TrackedIssue, github: GitHub) -> None:
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/pull/891")
    polling.poll(filed.connection_id, now=timezone.now())
    github.is_down = True
    assert pulls.check(filed.pk, now=timezone.now()) is None
    filed.refresh_from_db()
    assert filed.fix == ""


# --------------------------------------------------------------------------------------------------- events of github
def post(kind: str, body: dict[str, Any]) -> InboundEvent:
    InboundEndpoint.objects.get_or_create(source="github", connection="main", defaults={"secrets": "obviously-fake"})
    raw = json.dumps(body).encode()
    signature = "sha256=" + hmac.new(b"obviously-fake", raw, hashlib.sha256).hexdigest()
    given = {"X-Hub-Signature-256": signature, "X-GitHub-Event": kind, "X-GitHub-Delivery": str(uuid.uuid4())}
    answer = Client().post("/api/v1/hooks/github/main/", raw, content_type="application/json", headers=given)
    assert answer.status_code == 202
    work_queue()
    return InboundEvent.objects.latest("pk")


@pytest.mark.django_db
def test_githubs_own_events_move_the_fix_at_once(peer: LinearPeer, filed: TrackedIssue, github: GitHub) -> None:
    github.open(891)
    peer.workspace.link_pull(filed.issue_id, "https://github.com/Acme/Platform/pull/891")
    polling.poll(filed.connection_id, now=timezone.now())
    work_queue()
    github.merge(891)
    event = post("pull_request", {
        "action": "closed", "repository": {"full_name": "acme/platform"}, "pull_request": github.pulls[891],
    })  # fmt: skip
    assert event.status == "done"
    assert TOLD[-1][1]["state"] == "merged"
    github.deploy(891)
    post("deployment_status", {
        "action": "created", "repository": {"full_name": "acme/platform"}, "deployment_status": {"state": "success"},
    })  # fmt: skip
    assert TOLD[-1][1]["state"] == "shipped"


@pytest.mark.django_db
def test_an_older_event_of_a_pull_request_is_not_taken(peer: LinearPeer, filed: TrackedIssue, github: GitHub) -> None:
    github.open(891)
    before = dict(github.pulls[891])
    peer.workspace.link_pull(filed.issue_id, "https://github.com/acme/platform/pull/891")
    polling.poll(filed.connection_id, now=timezone.now())
    github.merge(891)
    for said in (github.pulls[891], before):
        post("pull_request", {"repository": {"full_name": "acme/platform"}, "pull_request": said})
    assert IssuePull.objects.get().state == "merged"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind", ["deployment", "deployment_status", "issues", "ping", "pull_request", "push", "release"]
)
def test_githubs_published_events_about_others_are_ignored_with_a_reason(peer: LinearPeer, kind: str) -> None:
    for example in json.loads(EXAMPLES.read_text())[kind]:
        event = post(kind, example)
        assert event.status == "ignored"
        assert event.reason
