"""Setting channels and wishes up: by whom, what is refused, what is audited, and the pages for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from altor.errors import InvalidInput, NotFound
from altor.models import AuditEvent, NoticeChannel, NoticeDelivery, NoticePreference, OutboundEndpoint, User
from altor.notify import notify
from altor.notify.channels import save_channel, save_own_channel
from altor.notify.kinds import notice_kinds
from altor.webhooks.endpoints import disable_endpoint
from tests import factories as make
from tests.notify.conftest import NOW, TOLD, channel

pytestmark = pytest.mark.django_db
HOOK = "https://hooks.altor.example/obviously-fake"
GOOD: dict[str, Any] = {
    "title": "Support room", "kind": "slack_webhook", "team": None, "address": "", "secret": HOOK, "kinds": [],
}  # fmt: skip


@pytest.fixture
def admin(db: None) -> User:
    return make.user("ada", role="admin")


@pytest.fixture
def lead(db: None) -> User:
    return make.user("lena", role="lead", teams=(make.team("Support"),))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"kind": "pigeon"}, "kind"),
        ({"kinds": ["no.such"]}, "kinds"),
        ({"secret": ""}, "secret"),
        ({"secret": "http://hooks.altor.example/x"}, "secret"),
        ({"kind": "teams", "secret": "https://10.0.0.1:22/x"}, "secret"),
        ({"kind": "slack_bot", "address": "general", "secret": "xoxb-fake"}, "address"),
        ({"kind": "slack_bot", "address": "C0123456789", "secret": "xoxp-fake"}, "secret"),
        ({"kind": "mail", "address": "", "secret": ""}, "address"),
        ({"kind": "mail", "address": "a@altor.example, nonsense", "secret": ""}, "address"),
        ({"kind": "apprise", "secret": "mailto://a:b@altor.example"}, "secret"),
    ],
)
def test_what_can_never_work_is_refused_with_its_field(
    admin: User, settings: Settings, changes: dict[str, Any], field: str
) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    assert save_channel(None, actor=admin, **GOOD)
    with pytest.raises(InvalidInput) as refused:
        save_channel(None, actor=admin, **{**GOOD, **changes})
    assert refused.value.extra["field"] == field


def test_leads_set_channels_of_their_own_teams_only(lead: User, admin: User) -> None:
    mine, theirs = make.team("Support"), make.team("Elsewhere")
    made = save_channel(None, actor=lead, **{**GOOD, "team": mine})
    foreign = save_channel(None, actor=admin, **{**GOOD, "team": theirs})
    for row, team in ((None, theirs), (None, None), (made, theirs), (foreign, mine), (foreign, theirs)):
        with pytest.raises(NotFound):
            save_channel(row, actor=lead, **{**GOOD, "team": team})
    assert list(NoticeChannel.objects.manageable_by(lead)) == [made]
    assert NoticeChannel.objects.manageable_by(admin).count() == 2
    assert not NoticeChannel.objects.manageable_by(make.user(teams=(mine,))).exists()


def test_the_stored_secret_stays_until_kind_or_address_change(admin: User) -> None:
    made = save_channel(None, actor=admin, **GOOD)
    kept = save_channel(made, actor=admin, **{**GOOD, "secret": "", "title": "Renamed"})
    assert (kept.secret, kept.slug) == (HOOK, "support-room")
    with pytest.raises(InvalidInput):
        save_channel(made, actor=admin, **{**GOOD, "secret": "", "kind": "teams"})


def test_secrets_are_ciphertext_and_in_no_audit_row(admin: User) -> None:
    save_channel(None, actor=admin, **GOOD)
    save_own_channel(person=admin, kind="teams", secret=HOOK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM altor_noticechannel")
        assert all("obviously-fake" not in row[0] for row in cursor.fetchall())
    assert AuditEvent.objects.count() == 2
    assert all("obviously-fake" not in f"{event.before}{event.after}" for event in AuditEvent.objects.all())


def test_the_owner_of_a_webhook_that_was_switched_off_is_told(admin: User) -> None:
    endpoint = make.outbound_endpoint(owner=admin)
    disable_endpoint(endpoint, reason="It answered 410.", actor=None, now=NOW)
    delivery = NoticeDelivery.objects.get()
    assert (delivery.person, delivery.notice.kind, delivery.notice.lines[0]) == (
        admin, "webhook.disabled", "It answered 410.",
    )  # fmt: skip
    OutboundEndpoint.objects.update(is_active=True)
    disable_endpoint(endpoint, reason="not needed", actor=admin, now=NOW)
    assert NoticeDelivery.objects.count() == 1


# -------------------------------------------------------------------------------------------------------------- pages
def test_a_lead_makes_tests_changes_and_removes_a_channel(client: Client, lead: User, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    httpserver.expect_ordered_request("/hook").respond_with_data("no_service", status=404)
    client.force_login(lead)
    team = make.team("Support")
    form = {**GOOD, "team": team.pk, "secret": httpserver.url_for("/hook"), "is_active": "on"}
    made = client.post(reverse("notice-channel-new"), form)
    url = reverse("notice-channel", args=["support-room"])
    assert made["Location"] == url
    page = client.get(url).content.decode()
    assert "One is stored" in page and httpserver.url_for("/hook") not in page
    act = reverse("notice-act", args=["support-room"])
    assert "The test was taken" in client.post(act, {"action": "test"}, follow=True).content.decode()
    assert "It answered 404" in client.post(act, {"action": "test"}, follow=True).content.decode()
    row = NoticeChannel.objects.get()
    assert row.last_ok_at is not None and row.last_error == "It answered 404"
    wrong = client.post(url, {**form, "kind": "teams", "secret": ""})
    assert wrong.status_code == 422 and NoticeChannel.objects.get().kind == "slack_webhook"
    client.post(act, {"action": "remove"})
    assert not NoticeChannel.objects.exists()
    told = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(told) == [f"notice_channel.{name}" for name in ("created", "tested", "tested", "removed")]


def test_channels_of_other_teams_and_of_people_are_not_found(client: Client, lead: User, admin: User) -> None:
    foreign = channel("mail", team=make.team("Elsewhere"), slug="foreign")
    everywhere = channel("mail", slug="everywhere")
    own = channel("teams", person=admin, slug="own")
    for user, hidden in ((lead, [foreign, everywhere, own]), (admin, [own])):
        client.force_login(user)
        listed = client.get(reverse("notices")).content.decode()
        for row in hidden:
            assert client.get(reverse("notice-channel", args=[row.slug])).status_code == 404
            assert client.post(reverse("notice-act", args=[row.slug]), {"action": "remove"}).status_code == 404
            assert f"/channels/{row.slug}/" not in listed
    assert NoticeChannel.objects.count() == 3


def test_agents_have_no_channels_page(client: Client) -> None:
    client.force_login(make.user("priya"))
    for name in ("notices", "notice-channel-new"):
        assert client.get(reverse(name)).status_code == 403


def test_a_person_chooses_what_to_hear(client: Client, priya: User) -> None:
    client.force_login(priya)
    url = reverse("notice-preferences")
    page = client.get(url).content.decode()
    assert "Europe/Berlin" in page and "On your own channel" not in page and not NoticePreference.objects.exists()
    form = {
        "quiet_from": "22:00", "quiet_until": "07:00", "quiet_rule": "skip", "digest_hour": "9",
        **{f"mail:{kind}": "now" for kind in notice_kinds()},
        "mail:gate.overridden": "off", "mail:owner.changed": "digest",
    }  # fmt: skip
    assert client.post(url, form).status_code == 302
    stored = NoticePreference.objects.get()
    assert (stored.person, stored.digest_hour, stored.quiet_rule, str(stored.quiet_from)) == (
        priya,
        9,
        "skip",
        "22:00:00",
    )
    assert stored.choices["owner.changed"] == {"mail": "digest", "own": "now"}
    assert client.post(url, {**form, "quiet_until": ""}).status_code == 422
    assert client.post(url, {**form, "mail:owner.changed": "loudly"}).status_code == 422


def test_a_person_sees_what_they_were_told_and_not_what_others_were(client: Client, priya: User, admin: User) -> None:
    for who, key in ((priya, "for Priya"), (admin, "for Ada")):
        notify("owner.changed", key=key, people=[who], now=NOW, **{**TOLD, "title": key})
    client.force_login(priya)
    page = client.get(reverse("notice-preferences")).content.decode()
    assert "for Priya" in page and "for Ada" not in page


def test_a_person_has_one_channel_of_their_own(client: Client, priya: User, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    client.force_login(priya)
    url = reverse("notice-own")
    assert client.post(url, {"action": "save", "kind": "teams", "secret": "http://x.example"}).status_code == 422
    assert client.post(url, {"action": "save", "kind": "slack_bot", "secret": "xoxb-x"}).status_code == 422
    for kind in ("teams", "slack_webhook"):
        saved = client.post(url, {"action": "save", "kind": kind, "secret": httpserver.url_for("/hook")})
        assert saved.status_code == 302
    assert NoticeChannel.objects.get().kind == "slack_webhook"
    assert "On your own channel" in client.get(reverse("notice-preferences")).content.decode()
    assert "The test was taken" in client.post(url, {"action": "test"}, follow=True).content.decode()
    client.post(url, {"action": "remove"})
    assert not NoticeChannel.objects.exists()
    assert client.post(url, {"action": "test"}).status_code == 302
