"""From filing to shipped, over sockets: Linear, GitHub and Altor's own address for events."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from escalations.linear.commenting import comment
from escalations.models import TrackedIssue
from investigations.models import InstallationProfile
from tests import factories as make
from tests.escalations.linear_scene import HOOK, TOLD, connect, ticket_of, tracked, work_queue
from tests.escalations.peers.github import GitHub
from tests.escalations.peers.linear import LinearPeer
from tests.loopback import serving

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_issue_is_filed_acknowledged_discussed_fixed_shipped_and_done(peer: LinearPeer, live_server: Any) -> None:
    address, github = live_server.url + HOOK, GitHub()

    def happened() -> list[str]:
        """What is told after Linear has sent its events."""
        TOLD.clear()
        assert set(peer.deliver(address)) <= {202}
        work_queue()
        return [kind for kind, _ in TOLD]

    with serving(github) as server:
        make.connection("github", base_url=server.url)
        InstallationProfile.objects.create(
            data={"github": {"owner": "acme", "repo": "platform", "environment": "production"}}
        )
        issue = tracked(connect(peer), tickets=[ticket_of("org_0042"), ticket_of()])
        work_queue()
        issue.refresh_from_db()
        assert [kind for kind, _ in TOLD] == ["filed"]
        assert happened() == []  # what we did ourselves comes back and tells nothing

        peer.workspace.change(issue.issue_id, assignee="Priya Nair", state="started")
        assert happened() == ["state", "assignee"]
        peer.workspace.say(issue.issue_id, "The limiter counts twice. Fix is on its way.")
        assert happened() == ["comment"]
        comment(issue, "Two more customers are affected.", "affected:2", timezone.now())
        work_queue()
        assert happened() == []

        github.open(891)
        peer.workspace.link_pull(issue.issue_id, "https://github.com/acme/platform/pull/891")
        assert happened() == ["pull", "fix"]
        github.merge(891)
        peer.workspace.change(issue.issue_id, state="completed")
        assert happened() == ["state"]
        TrackedIssue.objects.update(pulls_checked_at=None)
        github.deploy(891)
        from escalations.linear import pulls

        pulls.sweep(now=timezone.now())
        work_queue()
        assert TOLD[-1][1]["state"] == "shipped"

    issue.refresh_from_db()
    assert (issue.is_open, issue.state_type, issue.fix, issue.has_work) == (False, "completed", "shipped", False)
    workspace = peer.workspace
    counts = [len(kept) for kept in (workspace.issues, workspace.needs, workspace.comments)]
    assert counts == [1, 1, 2]
    assert len(workspace.attachments) == 3  # two tickets and the pull request
