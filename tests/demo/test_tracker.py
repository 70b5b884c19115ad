"""The demo's tracker: Altor files there, people act on its board, and both learn of it."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pytest_django import Settings

from altor.demo.credentials import LINEAR_KEY, LINEAR_WRITE_KEY
from altor.demo.parts import DemoSetting
from altor.demo.upstreams.hooks import linear_secret
from altor.demo.upstreams.server import make_server
from altor.demo.upstreams.tracker import Hook
from altor.demo.world.build import World
from altor.models import AuditEvent, InboundEndpoint
from altor.outbound.state import forget_states
from escalations.linear import polling
from escalations.linear.commenting import comment
from escalations.linear.connections import ConnectionValues, check_connection, save_connection
from escalations.linear.demo import LinearDemo
from escalations.linear.filing import track
from escalations.models import IssueComment, IssueLink, LinearConnection, TrackedIssue
from tests import factories as make
from tests.escalations.linear_scene import work_queue
from tests.loopback import Answer, serving, wait_until


@contextmanager
def tracker(world: World, **options: Any) -> Iterator[str]:
    server = make_server(world, **options)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/linear"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def world() -> World:
    return World(7, timezone.now().replace(second=0, microsecond=0))


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()


def press(base: str, key: str, action: str, *, origin: str = "", **form: str) -> int:
    url = httpx.URL(base)
    origin = origin or f"http://{url.host}:{url.port}"
    return httpx.post(f"{base}/issue/{key}/{action}", data=form, headers={"Origin": origin}).status_code


@pytest.mark.django_db
def test_a_filed_issue_appears_on_the_board_and_what_people_do_there_comes_back(world: World, tmp_path: Path) -> None:
    kept = tmp_path / "linear.json"
    with tracker(world, filed=kept) as base:
        values = ConnectionValues(base_url=f"{base}/graphql", secret=LINEAR_WRITE_KEY, team="ENG", labels=["bug"])
        connection = save_connection(values, actor=None)
        assert check_connection(connection, now=timezone.now()).ok
        ticket = make.ticket(customer=make.customer(), subject="<script>alert(1)</script>")
        issue = track(
            "cause", connection=connection, title="Quotas <b>fell</b>", description="x", tickets=[ticket],
            now=timezone.now(),
        )  # fmt: skip
        comment(issue, "More are affected.", "more", timezone.now())
        work_queue()
        issue.refresh_from_db()
        assert (issue.status, issue.state_type, issue.reason) == ("filed", "triage", "")
        assert (IssueLink.objects.get().status, IssueLink.objects.get().need) == ("done", "refused")
        assert issue.identifier in httpx.get(f"{base}/").text
        page = httpx.get(issue.url).text
        assert "Quotas &lt;b&gt;fell" in page
        assert "<script>" not in page
        assert "More are affected." in page
        assert press(base, issue.identifier, "take") == 303
        assert press(base, issue.identifier, "completed") == 303
        assert press(base, issue.identifier, "comment", words="Fixed.") == 303
        assert press(base, issue.identifier, "no-such-state") == 404
        assert press(base, issue.identifier, "take", origin="http://evil.example") == 403
        polling.poll(connection.pk, now=timezone.now())
        issue.refresh_from_db()
        assert (issue.state_type, issue.assignee_name != "") == ("completed", True)
        assert IssueComment.objects.filter(direction="in").get().body == "Fixed."
    with tracker(world, filed=kept) as base:  # started again
        assert issue.identifier in httpx.get(f"{base}/").text
        assert TrackedIssue.objects.count() == 1


@pytest.mark.django_db
def test_the_key_that_reads_cannot_file(world: World) -> None:
    with tracker(world) as base:
        values = ConnectionValues(base_url=f"{base}/graphql", secret=LINEAR_KEY, team="ENG")
        report = check_connection(save_connection(values, actor=None), now=timezone.now())
    assert "may not write" in report.message


def test_what_people_do_is_told_by_signed_events(world: World, tmp_path: Path) -> None:
    with serving(lambda asked: Answer(202, {})) as altor:
        hook = Hook(f"{altor.url}/api/v1/hooks/linear/main/", "obviously-fake")
        with tracker(world, hook=hook) as base:
            team = httpx.post(
                f"{base}/graphql", headers={"Authorization": LINEAR_WRITE_KEY},
                json={"query": "query T { teams(first: 1) { nodes { id } } }", "operationName": "T"},
            ).json()["data"]["teams"]["nodes"][0]["id"]  # fmt: skip
            mutation = "mutation M($input: IssueCreateInput!) { issueCreate(input: $input) { issue { identifier } } }"
            made = httpx.post(
                f"{base}/graphql", headers={"Authorization": LINEAR_WRITE_KEY},
                json={"query": mutation, "variables": {"input": {"teamId": team, "title": "x"}}, "operationName": "M"},
            ).json()["data"]["issueCreate"]["issue"]["identifier"]  # fmt: skip
            press(base, made, "started")
            wait_until(lambda: bool(altor.asked))
    [asked] = altor.asked
    signature = hmac.new(b"obviously-fake", asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["linear-signature"] == signature
    assert asked.json()["data"]["state"]["type"] == "started"


@pytest.mark.django_db
def test_the_demo_connects_it_once_and_again_when_its_port_changes(world: World) -> None:
    part = LinearDemo()
    for port in (4001, 4001, 4002):
        part.connect(
            DemoSetting(
                world=world, upstreams=f"http://127.0.0.1:{port}", clickhouse="", actor=make.user(), tickets=0,
                say=lambda _: None, launch_secret="obviously-fake",
            )
        )  # fmt: skip
    assert LinearConnection.objects.get().base_url == "http://127.0.0.1:4002/linear/graphql"
    assert InboundEndpoint.objects.get(source="linear").secrets == linear_secret("obviously-fake")
    assert AuditEvent.objects.filter(action__startswith="linear_connection.").count() == 2
