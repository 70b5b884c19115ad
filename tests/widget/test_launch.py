"""How a sidebar begins: signed by its helpdesk, by the connection's key, by a person who confirms a code."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from altor.models import ApiToken, AuditEvent
from investigations.helpdesks.generic.launch import sign
from investigations.models import HelpdeskConnection, WidgetLaunch
from investigations.views.widget import ZENDESK_FRAMEWORK
from investigations.widget import pairing, tokens
from tests import factories as make
from tests.helpdesks.test_zendesk_launch import PEM
from tests.helpdesks.test_zendesk_launch import start as zendesk_start
from tests.widget.page import boot_of
from tests.widget.scene import (
    LAUNCH_SECRET,
    call_url,
    frame_url,
    helpdesk,
    sidebar,
    signed_query,
    ticket_of,
    with_token,
)

pytestmark = pytest.mark.django_db


def opened(connection: HelpdeskConnection, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
    answer = Client().get(frame_url(connection, query))
    return answer.status_code, boot_of(answer)


# ----------------------------------------------------------------------------------------------------------- signed
def test_a_signed_link_opens_the_sidebar_of_its_ticket_as_its_agent(desk: HelpdeskConnection) -> None:
    person = make.user("priya", teams=(make.team(),))
    ticket = ticket_of(desk)
    status, boot = opened(desk, signed_query(desk, agent="PRIYA@altor.example", name="Priya"))
    assert status == 200 and boot["refused"] is False
    given = boot["given"]
    assert (given["ticket"], given["is_bound"], given["expires_in"]) == ("48213", True, 600)
    assert given["viewer"] == {"name": str(person), "is_known": True}
    said = with_token(given["token"]).get(call_url(desk)).json()
    assert said["ticket"]["ref"] == ticket.ref and said["viewer"]["is_known"]
    event = AuditEvent.objects.get(action="widget.opened")
    assert (event.actor, event.actor_kind, event.actor_label) == (person, "widget", "priya (generic/desk)")


def test_an_agent_whom_altor_does_not_know_is_vouched_for_by_the_helpdesk_alone(desk: HelpdeskConnection) -> None:
    ticket_of(desk, in_team=make.team("Elsewhere"))
    _, boot = opened(desk, signed_query(desk, agent="stranger@desk.example", name="Stranger"))
    assert boot["given"]["viewer"] == {"name": "Stranger", "is_known": False}
    client = with_token(boot["given"]["token"])
    assert client.get(call_url(desk)).json()["actions"]["feedback"] is False
    assert client.post(call_url(desk, rest="feedback/"), {"verdict": "accepted"}).status_code == 403


def altered(desk: HelpdeskConnection, what: str) -> dict[str, str]:
    good = signed_query(desk)
    match what:
        case "other ticket":
            return {**good, "ticket": "50000"}
        case "other agent":
            return {**good, "agent": "admin@altor.example"}
        case "no signature":
            return {**good, "sig": ""}
    now = timezone.now()
    secret, at = LAUNCH_SECRET, now
    values = {"ticket": "48213", "agent": "noor@desk.example", "nonce": "n" * 20}
    match what:
        case "wrong secret":
            secret = "another-obviously-fake-secret"
        case "too old":
            at = now - timedelta(seconds=302)
        case "from the future":
            at = now + timedelta(seconds=302)
        case "no nonce":
            values["nonce"] = ""
        case "no ticket":
            values["ticket"] = ""
        case "no agent":
            values["agent"] = ""
        case "line feed":
            values["name"] = "a\nb"
        case "shut out":
            values["agent"] = "gone@altor.example"
    return sign(secret, at=at, **values)


@pytest.mark.parametrize(
    "what",
    [
        "other ticket", "other agent", "no signature", "wrong secret", "too old", "from the future", "no nonce",
        "no ticket", "no agent", "line feed", "shut out",
    ],
)  # fmt: skip
def test_every_wrong_start_is_refused_with_the_same_text(desk: HelpdeskConnection, what: str) -> None:
    make.user("gone", is_active=False, role="admin")
    ticket_of(desk)
    wrong = Client().get(frame_url(desk, altered(desk, what)))
    boot = boot_of(wrong)
    assert wrong.status_code == 401 and boot["refused"] is True and boot["given"] is None
    right, _ = opened(desk, signed_query(desk))
    assert right == 200
    assert not WidgetLaunch.objects.exclude(nonce=WidgetLaunch.objects.get().nonce).exists()


def test_a_signed_link_opens_once(desk: HelpdeskConnection) -> None:
    query = signed_query(desk)
    assert Client().head(frame_url(desk, query)).status_code == 200  # looking ahead uses nothing up
    assert opened(desk, query)[0] == 200
    status, boot = opened(desk, query)
    assert status == 401 and boot["given"] is None
    WidgetLaunch.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert opened(desk, signed_query(desk))[0] == 200
    assert WidgetLaunch.objects.count() == 1  # old ones are forgotten: their time alone refuses them


def test_a_link_of_one_connection_opens_no_other(desk: HelpdeskConnection) -> None:
    other = helpdesk(name="other", launch_secret="another-obviously-fake-launch-secret")
    assert opened(other, signed_query(desk))[0] == 401


def test_only_a_helpdesk_that_signs_is_believed_to_have_signed(desk: HelpdeskConnection) -> None:
    chat = helpdesk("chatwoot", "chat")
    status, boot = opened(chat, signed_query(chat))
    assert (status, boot["given"], boot["refused"]) == (200, None, False)


def test_zendesks_start_vouches_for_its_account_once_and_names_no_ticket(desk: HelpdeskConnection) -> None:
    zendesk = helpdesk(
        "zendesk", "acme", base_url="https://acme.zendesk.com", options={"installation_id": "360001"}, launch_secret=PEM
    )
    ticket = ticket_of(zendesk)
    now = timezone.now()
    times = {"iat": now.timestamp(), "exp": (now + timedelta(minutes=5)).timestamp()}
    posted = {"token": zendesk_start(**times)}
    browser = Client(enforce_csrf_checks=True)
    url = frame_url(zendesk, {"origin": "https://acme.zendesk.com", "app_guid": "1"})
    answer = browser.post(url, posted)
    given = boot_of(answer)["given"]
    assert answer.status_code == 200 and (given["ticket"], given["is_bound"]) == ("", False)
    assert given["viewer"] == {"name": "8447388099001", "is_known": False}
    policy = answer["Content-Security-Policy"]
    assert f"script-src 'self' {ZENDESK_FRAMEWORK}" in policy.split("; ")
    assert ZENDESK_FRAMEWORK in answer.content.decode()
    again = with_token(given["token"]).post("/api/v1/widget/token/", {"ticket": "48213"}, format="json").json()
    assert with_token(again["token"]).get(call_url(zendesk)).json()["ticket"]["ref"] == ticket.ref
    refused = browser.post(url, posted)
    assert refused.status_code == 401 and ZENDESK_FRAMEWORK not in refused.content.decode()
    for bad in (
        zendesk_start(**times, jti="other", aud="https://acme.zendesk.com/api/v2/apps/installations/1.json"),
        zendesk_start(key=None, algorithm="none", **times, jti="third"),
    ):
        assert browser.post(url, {"token": bad}).status_code == 401


def test_help_scouts_start_is_bound_to_its_conversation_and_may_be_opened_again(desk: HelpdeskConnection) -> None:
    scout = helpdesk("helpscout", "scout", launch_secret="obviously-fake-app-secret")
    ticket_of(scout, "77")
    added = {"company-id": "1", "conversation-id": "77", "user-id": "9"}
    message = json.dumps(added, separators=(",", ":")).encode()
    signature = base64.b64encode(hmac.new(b"obviously-fake-app-secret", message, "sha1").digest()).decode()
    for _ in range(2):
        status, boot = opened(scout, {"theme": "dark", **added, "X-HelpScout-Signature": signature})
        assert status == 200 and (boot["given"]["ticket"], boot["given"]["is_bound"]) == ("77", True)
    status, _ = opened(scout, {**added, "conversation-id": "78", "X-HelpScout-Signature": signature})
    assert status == 401


def test_fronts_secret_vouches_for_the_connection_only(desk: HelpdeskConnection) -> None:
    front = helpdesk("front", "front", launch_secret="obviously-fake-auth-secret")
    status, boot = opened(front, {"auth_secret": "obviously-fake-auth-secret"})
    assert status == 200 and boot["given"]["ticket"] == "" and not boot["given"]["viewer"]["is_known"]
    assert opened(front, {"auth_secret": "wrong"})[0] == 401


# -------------------------------------------------------------------------------------------------------------- key
def launch(connection: HelpdeskConnection, key: str, **values: str) -> Any:
    endpoint = connection.endpoint
    body = {"helpdesk": endpoint.source, "connection": endpoint.connection, "key": key, **values}
    return APIClient(enforce_csrf_checks=True).post("/api/v1/widget/launch/", body, format="json")


def test_the_key_opens_that_connections_tickets_and_names_nobody(desk: HelpdeskConnection) -> None:
    chat = helpdesk("chatwoot", "chat")
    ticket_of(chat, in_team=make.team("Elsewhere"))
    given = launch(chat, tokens.launch_key(chat), ticket="48213", agent="Noor").json()
    assert set(given) == {"token", "expires_in", "renew_until", "ticket", "is_bound", "viewer"}
    assert given["viewer"] == {"name": "Noor", "is_known": False} and given["is_bound"] is False
    client = with_token(given["token"])
    assert client.get(call_url(chat)).status_code == 200
    assert client.get(call_url(desk)).status_code == 404
    label = AuditEvent.objects.get(action="widget.opened")
    assert (label.actor, label.actor_kind, label.actor_label) == (None, "widget", "Noor (chatwoot/chat)")


def test_a_wrong_key_and_an_unknown_connection_get_the_same_answer(desk: HelpdeskConnection) -> None:
    chat = helpdesk("chatwoot", "chat")
    off = helpdesk("chatwoot", "off")
    off.endpoint.is_active = False
    off.endpoint.save()
    zendesk = helpdesk("zendesk", "zd")
    bare = helpdesk("chatwoot", "bare", launch_secret="")
    answers = [
        launch(chat, "wrong"), launch(off, tokens.launch_key(off)), launch(zendesk, LAUNCH_SECRET),
        launch(desk, LAUNCH_SECRET), launch(bare, ""), launch(bare, "-"),
    ]  # fmt: skip
    # What signs a start, or proves it, is never taken for a key out of a browser.
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 400, 401]
    told = {answer.json()["detail"] for answer in answers if answer.status_code == 401}
    assert len(told) == 1


def test_a_key_launch_follows_the_host_to_another_ticket_and_a_signed_one_stays(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    second = ticket_of(desk, "50000")
    free = sidebar(desk)
    moved = free.post("/api/v1/widget/token/", {"ticket": "50000", "agent": "Noor"}, format="json").json()
    assert moved["ticket"] == "50000" and moved["viewer"] == {"name": "Noor", "is_known": False}
    assert with_token(moved["token"]).get(call_url(desk, "50000")).json()["ticket"]["ref"] == second.ref
    assert with_token(moved["token"]).get(call_url(desk)).status_code == 404
    assert free.post("/api/v1/widget/token/", {"ticket": "../x"}, format="json").status_code == 404
    bound = sidebar(desk, is_bound=True)
    refused = bound.post("/api/v1/widget/token/", {"ticket": "50000"}, format="json")
    assert refused.status_code == 409
    same = bound.post("/api/v1/widget/token/", {"ticket": "48213"}, format="json")
    assert same.status_code == 200


def test_a_token_is_renewed_for_eight_hours_and_no_longer(desk: HelpdeskConnection) -> None:
    now = timezone.now()
    begun = tokens.new_token(desk, voucher=tokens.Voucher.KEY, now=now, ticket="48213")
    again = tokens.renewed(begun, now=now + timedelta(minutes=9))
    assert again is not None and again.expires_at == now + timedelta(minutes=19) and again.frame == begun.frame
    last = tokens.renewed(begun, now=now + timedelta(hours=7, minutes=55))
    assert last is not None and last.expires_at == now + tokens.LONGEST
    assert tokens.renewed(begun, now=now + tokens.LONGEST) is None
    assert APIClient().post("/api/v1/widget/token/", {}, format="json").status_code == 401


# ---------------------------------------------------------------------------------------------------------- pairing
def asked(connection: HelpdeskConnection, **values: str) -> dict[str, Any]:
    body = {"helpdesk": connection.endpoint.source, "connection": connection.endpoint.connection, **values}
    found: dict[str, Any] = APIClient(enforce_csrf_checks=True).post("/api/v1/widget/pair/", body, format="json").json()
    return found


def claimed(poll: str) -> Any:
    return APIClient(enforce_csrf_checks=True).post("/api/v1/widget/pair/claim/", {"poll": poll}, format="json")


@pytest.fixture
def chat(db: None) -> HelpdeskConnection:
    return helpdesk("chatwoot", "chat", title="Support inbox")


def test_a_person_confirms_the_code_and_the_frame_acts_as_them_once(chat: HelpdeskConnection, client: Client) -> None:
    person = make.user("priya", teams=(make.team(),))
    ticket_of(chat)
    wanted = asked(chat, ticket="48213", agent="Noor <b>")
    assert claimed(wanted["poll"]).status_code == 204
    assert client.get(wanted["url"]).status_code == 302  # the login first
    client.force_login(person)
    html = client.get(wanted["url"]).content.decode()
    assert wanted["code"] in html and "Support inbox" in html and "48213" in html and "Noor &lt;b&gt;" in html
    assert claimed(wanted["poll"]).status_code == 204  # looking is not confirming
    assert client.post(wanted["url"]).status_code == 200
    given = claimed(wanted["poll"]).json()
    assert given["viewer"] == {"name": "priya", "is_known": True} and given["ticket"] == "48213"
    assert with_token(given["token"]).get(call_url(chat)).json()["actions"]["feedback"] is False
    assert claimed(wanted["poll"]).status_code == 204  # once
    event = AuditEvent.objects.get(action="widget.paired")
    assert (event.actor, event.object_ref) == (person, "chatwoot/chat")


def test_a_code_is_confirmed_once_and_for_five_minutes(chat: HelpdeskConnection, client: Client) -> None:
    client.force_login(make.user("priya"))
    wanted = asked(chat)
    assert client.post(wanted["url"]).status_code == 200
    assert client.post(wanted["url"]).status_code == 409
    old, part, _ = pairing.ask(chat, ticket="", name="", now=timezone.now() - pairing.LIFE)
    del old
    for bad in (part, part[:-1] + "x", "nonsense"):
        for method in (client.get, client.post):
            answer = method(f"/widget/pair/{bad}/")
            assert answer.status_code == 410 and "<form method" not in answer.content.decode().split("<main")[1]


def test_what_was_confirmed_is_claimed_by_its_frame_only(chat: HelpdeskConnection, client: Client) -> None:
    client.force_login(make.user("priya"))
    wanted, other = asked(chat), asked(chat)
    client.post(wanted["url"])
    assert claimed(other["poll"]).status_code == 204
    lookup = ApiToken.objects.get(kind="wdg").lookup
    assert claimed(f"alt_wdg_{lookup}guess").status_code == 204
    assert claimed(wanted["poll"]).status_code == 200


def test_a_confirmation_does_not_outlive_the_person_or_the_connection(chat: HelpdeskConnection, client: Client) -> None:
    person = make.user("priya")
    client.force_login(person)
    first, second = asked(chat), asked(chat)
    client.post(first["url"])
    client.post(second["url"])
    person.is_active = False
    person.save()
    assert claimed(first["poll"]).status_code == 204
    person.is_active = True
    person.save()
    chat.endpoint.is_active = False
    chat.endpoint.save()
    assert claimed(second["poll"]).status_code == 204
    assert APIClient().post("/api/v1/widget/pair/", {"helpdesk": "chatwoot", "connection": "chat"}).status_code == 401


def test_confirming_needs_the_csrf_token(chat: HelpdeskConnection) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.user("priya"))
    wanted = asked(chat)
    assert browser.post(wanted["url"]).status_code == 403
    assert not ApiToken.objects.filter(kind="wdg").exists()


def test_the_kept_row_is_no_token_of_the_api(chat: HelpdeskConnection, client: Client) -> None:
    client.force_login(make.user("priya", role="admin"))
    wanted = asked(chat)
    client.post(wanted["url"])
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {wanted['poll']}")
    assert program.get("/api/v1/tickets/").status_code == 403  # it has no scopes


def test_asking_is_limited_per_address(chat: HelpdeskConnection) -> None:
    body = {"helpdesk": "chatwoot", "connection": "chat"}
    with time_machine.travel(timezone.now(), tick=False):  # the minute that is counted must not end meanwhile
        answers = [APIClient().post("/api/v1/widget/pair/", body, format="json") for _ in range(61)]
    assert answers[59].status_code == 200 and answers[60].status_code == 429 and int(answers[60]["Retry-After"]) >= 1
