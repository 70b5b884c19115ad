"""Each service over a real socket: the shape it wants, the message edited in place, hostile text inert."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from altor.models import NoticeChannel, NoticeDelivery, NoticeThread, User
from altor.notify.message import Message, SendFailed
from altor.notify.senders import SENDERS
from altor.notify.senders.services import SCHEMAS
from tests.notify.conftest import channel
from tests.notify.test_text import HOSTILE

Tell = Callable[..., int]
All = Callable[..., list[NoticeDelivery]]
TOKEN = "xoxb-obviously-fake"
ROOM = "C0123456789"
BAD = Message("<!channel> [x](y)", ("@everyone *bold* <b>", "second"), "http://testserver/t/1/", "SEV1", "k:TK-1")


class RefusingBackend(BaseEmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({})


class Slack:
    """Slack's Web API as far as it is used: messages by timestamp, and errors that a test plants."""

    def __init__(self, server: HTTPServer) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, str] = {}
        server.expect_request("/api/chat.postMessage", method="POST").respond_with_handler(self._post)
        server.expect_request("/api/chat.update", method="POST").respond_with_handler(self._update)

    def _post(self, request: Request) -> Response:
        return self._answer("chat.postMessage", request, f"1777636800.{len(self.messages):06}")

    def _update(self, request: Request) -> Response:
        return self._answer("chat.update", request, str(json.loads(request.data).get("ts")))

    def _answer(self, method: str, request: Request, ts: str) -> Response:
        body = json.loads(request.data)
        self.calls.append((method, body))
        error = self.errors.get(method, "")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            error = "invalid_auth"
        if method == "chat.update" and ts not in self.messages:
            error = error or "message_not_found"
        if error:
            return Response(json.dumps({"ok": False, "error": error}), content_type="application/json")
        self.messages[ts] = body
        return Response(json.dumps({"ok": True, "channel": ROOM, "ts": ts}), content_type="application/json")


@pytest.fixture
def slack(httpserver: HTTPServer, settings: Settings) -> Iterator[Slack]:
    settings.SLACK_API_URL = httpserver.url_for("/api")
    return Slack(httpserver)


@pytest.fixture
def bot(db: None, slack: Slack) -> NoticeChannel:
    return channel("slack_bot", address=ROOM, secret=TOKEN)


# -------------------------------------------------------------------------------------------------------------- Slack
def test_the_card_of_a_subject_is_edited_in_place(
    slack: Slack, bot: NoticeChannel, tell: Tell, deliver_all: All
) -> None:
    tell("a")
    deliver_all()
    tell("b", title="TK-1: the client retries at once")
    tell("c", subject_ref="TK-2")
    deliver_all()
    assert [method for method, _ in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert len(slack.messages) == 2
    first = slack.messages["1777636800.000000"]
    assert "the client retries at once" in first["text"]
    thread = NoticeThread.objects.get(subject_ref="TK-1")
    assert thread.reference == {"for": ROOM, "channel": ROOM, "ts": "1777636800.000000"}


def test_a_message_that_is_gone_is_posted_anew(slack: Slack, bot: NoticeChannel, tell: Tell, deliver_all: All) -> None:
    tell("a")
    deliver_all()
    slack.errors["chat.update"] = "edit_window_closed"
    tell("b", title="Changed")
    assert deliver_all()[-1].status == "sent"
    assert [method for method, _ in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]


def test_another_channel_of_slack_gets_a_message_of_its_own(
    slack: Slack, bot: NoticeChannel, tell: Tell, deliver_all: All
) -> None:
    tell("a")
    deliver_all()
    NoticeChannel.objects.update(address="C0000000000")
    tell("b", title="Changed")
    deliver_all()
    assert [(method, body["channel"]) for method, body in slack.calls] == [
        ("chat.postMessage", ROOM), ("chat.postMessage", "C0000000000"),
    ]  # fmt: skip


@pytest.mark.parametrize(("error", "status"), [("not_in_channel", "failed"), ("internal_error", "waiting")])
def test_what_slack_refuses_is_told_apart_from_what_passes(
    slack: Slack, bot: NoticeChannel, tell: Tell, deliver_all: All, error: str, status: str
) -> None:
    slack.errors["chat.postMessage"] = error
    tell()
    (delivery,) = deliver_all()
    assert (delivery.status, delivery.why) == (status, f"Slack refused: {error}")


def test_an_answer_that_is_no_json_is_tried_again(
    httpserver: HTTPServer, settings: Settings, db: None, tell: Tell, deliver_all: All
) -> None:
    settings.SLACK_API_URL = httpserver.url_for("/odd")
    httpserver.expect_request("/odd/chat.postMessage").respond_with_data("<html>")
    channel("slack_bot", address=ROOM, secret=TOKEN)
    tell()
    assert deliver_all()[0].status == "waiting"


def every_text(value: Any) -> list[dict[str, Any]]:
    """Every text object of a card."""
    if isinstance(value, dict):
        mine = [value] if value.get("type") in ("mrkdwn", "plain_text") else []
        return mine + [found for item in value.values() for found in every_text(item)]
    return [found for item in value for found in every_text(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("kind", ["slack_bot", "slack_webhook"])
def test_hostile_text_is_plain_text_in_slack(
    slack: Slack, httpserver: HTTPServer, tell: Tell, deliver_all: All, kind: str, db: None
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    secret = TOKEN if kind == "slack_bot" else httpserver.url_for("/hook")
    channel(kind, address=ROOM if kind == "slack_bot" else "", secret=secret)
    tell(title=HOSTILE[0], lines=HOSTILE)
    deliver_all()
    body = json.loads(httpserver.log[-1][0].data)
    assert {text["type"] for text in every_text(body["blocks"])} == {"plain_text"}
    assert "<" not in body["text"] and "&lt;!channel&gt;" in body["text"]
    urls = [element["url"] for block in body["blocks"] for element in block.get("elements", [])]
    assert urls == ["http://testserver/investigations/INV-7/"]


# -------------------------------------------------------------------------------------------------------------- Teams
def test_teams_gets_an_adaptive_card_whose_texts_read_no_markdown(
    db: None, httpserver: HTTPServer, tell: Tell, deliver_all: All
) -> None:
    httpserver.expect_request("/workflow", method="POST").respond_with_data("", status=202)
    channel("teams", secret=httpserver.url_for("/workflow"))
    tell(lines=HOSTILE)
    assert deliver_all()[0].status == "sent"
    body = json.loads(httpserver.log[-1][0].data)
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard" and len(card["body"]) == 6
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert [action["url"] for action in card["actions"]] == ["http://testserver/investigations/INV-7/"]


# -------------------------------------------------------------------------------------------------------------- mail
def test_mail_is_plain_text_with_a_link_and_threads_by_subject(tell: Tell, priya: User, deliver_all: All) -> None:
    tell("a", "owner.changed", people=[priya], title="TK-1 is yours\r\nBcc: x@evil.example")
    deliver_all()
    tell("b", "owner.changed", people=[priya])
    deliver_all()
    first, second = mail.outbox
    assert first.subject == "[Altor] [SEV2] TK-1 is yours Bcc: [email]@evil.example"
    assert first.body.endswith("\n\nhttp://testserver/investigations/INV-7/\n") and "High confidence." in first.body
    assert first.content_subtype == "plain" and first.recipients() == ["priya@altor.example"]
    assert first.extra_headers["References"] == second.extra_headers["References"]
    assert first.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_teams_mail_goes_to_all_its_addresses(db: None, tell: Tell, deliver_all: All) -> None:
    channel("mail", address="a@altor.example, b@altor.example")
    tell()
    deliver_all()
    assert mail.outbox[0].to == ["a@altor.example", "b@altor.example"]


def test_refused_recipients_are_final(tell: Tell, priya: User, deliver_all: All, settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.RefusingBackend"
    tell(kind="owner.changed", people=[priya])
    (delivery,) = deliver_all()
    assert delivery.status == "failed" and "refused" in delivery.why


# ------------------------------------------------------------------------------------------------------------ Apprise
def test_apprise_speaks_to_a_hosted_service(db: None, httpserver: HTTPServer, tell: Tell, deliver_all: All) -> None:
    httpserver.expect_request("/message", method="POST").respond_with_json({"id": 1})
    channel("apprise", secret=f"gotify://127.0.0.1:{httpserver.port}/obviouslyfake")
    tell()
    assert deliver_all()[0].status == "sent"
    body = json.loads(httpserver.log[-1][0].data)
    assert body["title"] == "[SEV2] TK-1: a deployment changed the limiter"
    assert body["message"].splitlines()[-1] == "http://testserver/investigations/INV-7/"


def test_markdown_services_get_escaped_text(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hooks/abcdefghijklmnopqrstuvwx", method="POST").respond_with_data("ok")
    url = f"mmost://127.0.0.1:{httpserver.port}/abcdefghijklmnopqrstuvwx"
    SENDERS["apprise"].send("", url, BAD, {})
    text = json.loads(httpserver.log[-1][0].data)["text"]
    assert "<\u200b" in text and "@\u200beveryone" in text and r"\*bold\*" in text and r"\]\(y\)" in text
    assert "http://testserver/t/1/" in text


def test_text_is_escaped_once_where_apprise_would_escape_too(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hooks/a/b", method="POST").respond_with_json({"success": True})
    SENDERS["apprise"].send("", f"rocket://a/b@127.0.0.1:{httpserver.port}/#room", BAD, {})
    text = json.loads(httpserver.log[-1][0].data)["text"]
    assert "@\u200beveryone \\*bold\\* <\u200bb\\>" in text and text.endswith("\nhttp://testserver/t/1/")


def test_plain_services_get_no_mention_and_no_link(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/", method="POST").respond_with_json({"id": "x"})
    SENDERS["apprise"].send("", f"ntfy://127.0.0.1:{httpserver.port}/topic", BAD, {})
    body = json.loads(httpserver.log[-1][0].data)
    assert "@\u200beveryone *bold* <\u200bb>" in body["message"] and body["title"].startswith("[SEV1] <\u200b!channel")


def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    target = httpserver.url_for("/inside")
    httpserver.expect_request("/message").respond_with_data("", status=307, headers={"Location": target})
    httpserver.expect_request("/inside").respond_with_data("secret")
    with pytest.raises(SendFailed):
        SENDERS["apprise"].send("", f"gotify://127.0.0.1:{httpserver.port}/obviouslyfake", BAD, {})
    assert [request.path for request, _ in httpserver.log] == ["/message"]


@pytest.mark.parametrize(
    "url",
    [
        "mailto://user:pass@example.com",
        "json://127.0.0.1:8000/",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "file:///etc/passwd",
        "syslog://",
        "ntfys://example.com/topic?attach=http://169.254.169.254/",
        "gotifys://example.com/token?cto=900",
        "gotifys://",
        "nonsense",
        "",
    ],
)
def test_what_is_not_on_the_list_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # its text is for people
        SENDERS["apprise"].check("", url)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.5", "127.0.0.1", "[::1]", "[::ffff:169.254.169.254]"])
def test_hosts_that_may_not_be_contacted_are_not_handed_to_apprise(settings: Settings, host: str) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    with pytest.raises(SendFailed):
        SENDERS["apprise"].send("", f"gotifys://{host}/obviouslyfake", BAD, {})
    with pytest.raises(ValueError, match="gotifys"):
        SENDERS["apprise"].check("", f"gotify://{host}/obviouslyfake")


def test_a_private_service_is_opened_one_by_one(settings: Settings, httpserver: HTTPServer) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    httpserver.expect_request("/message", method="POST").respond_with_json({"id": 1})
    url = f"gotify://127.0.0.1:{httpserver.port}/obviouslyfake"
    with pytest.raises(SendFailed):
        SENDERS["apprise"].send("", url, BAD, {})
    settings.PRIVATE_UPSTREAMS = f"apprise=127.0.0.1:{httpserver.port}"
    SENDERS["apprise"].send("", url, BAD, {})
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "url",
    [
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "gchat://space/key/token",
        "gotifys://push.altor.example/obviouslyfake",
        "mmosts://chat.altor.example/abcdefghijklmnopqrstuvwx",
        "ntfys://ntfy.altor.example/topic",
        "ntfys://topic",
        "pagerduty://integrationkey@apikey",
        "pover://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "rockets://webhooka/b@chat.altor.example/#channel",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "wxteams://Y2lzY29zcGFyazovL3VzL1dFQkhPT0svMTIzNDU2",
    ],
)
def test_every_listed_service_can_be_set_up(url: str) -> None:
    SENDERS["apprise"].check("", url)
    assert url.partition(":")[0] in SCHEMAS
