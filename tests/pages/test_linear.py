"""The pages of filing in Linear: connected by form, tested, tried again, switched off; for those who may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from altor.models import AuditEvent, InboundEndpoint
from altor.outbound.state import forget_states
from escalations.linear.filing import track
from escalations.models import LinearConnection, TrackedIssue
from tests import factories as make
from tests.escalations.linear_scene import work_queue
from tests.escalations.peers.linear import HOOK_SECRET, KEY, LinearPeer, linear

pytestmark = pytest.mark.django_db
PAGE, EDIT = reverse("linear:connection"), reverse("linear:edit")


@pytest.fixture
def peer(settings: Settings) -> Iterator[LinearPeer]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    with linear() as found:
        yield found
    forget_states()


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make.user("ada", role="admin"))
    return client


def form(peer: LinearPeer, **values: str) -> dict[str, str]:
    given = {"base_url": peer.url, "secret": KEY, "webhook_secret": HOOK_SECRET, "team": "ENG", "labels": "bug\nsev"}
    return {**given, **values}


def test_it_is_connected_by_form_and_tested_at_once(admin: Client, peer: LinearPeer) -> None:
    assert "Not connected" in admin.get(reverse("investigations:connections")).content.decode()
    answer = admin.post(EDIT, form(peer), follow=True)
    html = answer.content.decode()
    assert "Files issues in Harborline" in html
    assert KEY not in html
    assert HOOK_SECRET not in html
    row = LinearConnection.objects.get()
    assert (row.health, row.team, row.labels) == ("ok", "ENG", ["bug", "sev"])
    assert InboundEndpoint.objects.get(source="linear").connection == "main"
    listed = admin.get(reverse("investigations:connections")).content.decode()
    assert "Harborline" in listed
    edit = admin.get(EDIT).content.decode()
    assert "bug\nsev" in edit
    assert "…0000" in edit
    admin.post(EDIT, form(peer, secret="", webhook_secret="", team="Engineering"))
    row.refresh_from_db()
    assert (row.secret, row.team) == (KEY, "Engineering")


@pytest.mark.parametrize(
    ("values", "field"),
    [({"secret": ""}, "secret"), ({"base_url": "ftp://x"}, "base_url"), ({"webhook_secret": "a\nb"}, "webhook_secret")],
)
def test_bad_input_is_named_and_loses_nothing(
    admin: Client, peer: LinearPeer, values: dict[str, str], field: str
) -> None:
    answer = admin.post(EDIT, form(peer, **values))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "sev" in answer.content.decode()
    assert not LinearConnection.objects.exists()


def test_what_failed_is_tried_again_by_a_person(admin: Client, peer: LinearPeer) -> None:
    admin.post(EDIT, form(peer))
    row = LinearConnection.objects.get()
    issue = track("a cause", connection=row, team="NOPE", title="x", description="", now=timezone.now())
    work_queue()
    html = admin.get(PAGE).content.decode()
    assert "no team NOPE" in html
    assert reverse("linear:again", args=[issue.client_id]) in html
    TrackedIssue.objects.update(team="ENG")
    admin.post(reverse("linear:again", args=[issue.client_id]))
    work_queue()
    assert "ENG-101" in admin.get(PAGE).content.decode()
    assert AuditEvent.objects.filter(action="linear_issue.retried").exists()


def test_it_is_tested_and_switched_off(admin: Client, peer: LinearPeer) -> None:
    assert admin.post(reverse("linear:test")).status_code == 404
    assert admin.post(reverse("linear:remove")).status_code == 404
    admin.post(EDIT, form(peer))
    peer.workspace.may_write = False
    assert "may not write" in admin.post(reverse("linear:test"), follow=True).content.decode()
    admin.post(reverse("linear:remove"))
    assert LinearConnection.objects.get().secret == ""
    assert "Not connected" in admin.get(PAGE).content.decode()
    assert admin.get(reverse("linear:test")).status_code == 405


@pytest.mark.parametrize("role", ["lead", "agent", "engineer", "read_only"])
def test_only_administrators_change_it(client: Client, peer: LinearPeer, role: str) -> None:
    client.force_login(make.user(role=role))
    assert client.get(PAGE).status_code == (200 if role == "lead" else 403)
    for url in (EDIT, reverse("linear:test"), reverse("linear:remove")):
        assert client.post(url, form(peer)).status_code == 403
    assert not LinearConnection.objects.exists()
