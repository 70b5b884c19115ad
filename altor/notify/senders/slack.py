"""Slack. As a bot the message of a subject is edited in place; an incoming webhook can only post."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from django.conf import settings

from altor.notify.message import Message, Reference, SendFailed
from altor.notify.senders.posting import post_json
from altor.notify.text import slack_text
from altor.outbound import judge_url

SOURCE: Final = "slack"
_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{6,20}")
#: The message to edit is gone, or may no longer be edited: post anew.
_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})
#: Errors that pass by themselves; every other one needs a person.
_PASSING: Final = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


def _plain(text: str) -> dict[str, Any]:
    """Plain text by type: Slack reads no mention, link or formatting in it."""
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def card(message: Message) -> dict[str, Any]:
    """The message as blocks, and as the line that notifications show. `text` is mrkdwn, so it is escaped."""
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _plain(message.heading)}]
    if message.lines:
        blocks.append({"type": "section", "text": _plain("\n".join(message.lines))})
    buttons = [{"type": "button", "text": _plain("Open in Altor"), "url": message.url, "action_id": "open"}]
    if message.link:
        second = {"type": "button", "text": _plain(message.link_title), "url": message.link, "action_id": "link"}
        buttons.append(second)
    blocks.append({"type": "actions", "elements": buttons})
    return {"text": slack_text(message.heading), "blocks": blocks}


class SlackBotSender:
    """`address` is the channel's id, `secret` the bot's token (scope chat:write)."""

    edits = True

    def check(self, address: str, secret: str) -> None:
        if not _CHANNEL.fullmatch(address):
            raise ValueError("Give the channel's id as Slack shows it under “About”, such as C0123456789")
        if not secret.startswith("xoxb-") or not secret.isascii() or not secret.isprintable():
            raise ValueError("Give a bot token; it begins with xoxb-")

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        body = {**card(message), "parse": "none"}
        if reference.get("ts") and reference.get("for") == address:
            target = {"channel": reference["channel"], "ts": reference["ts"]}
            answer = self._call("chat.update", secret, {**body, **target})
            if answer.get("ok"):
                return reference
            if answer.get("error") not in _GONE:
                raise _refused(answer)
        first = {**body, "channel": address, "unfurl_links": False, "unfurl_media": False}
        answer = self._call("chat.postMessage", secret, first)
        if not answer.get("ok"):
            raise _refused(answer)
        return {"for": address, "channel": str(answer.get("channel", address)), "ts": str(answer.get("ts", ""))}

    @staticmethod
    def _call(method: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{settings.SLACK_API_URL}/{method}"
        posted = post_json(url, body, source=SOURCE, headers={"Authorization": f"Bearer {token}"})
        try:
            answer = json.loads(posted.body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise SendFailed("Slack answered something that is no JSON object")
        return answer


def _refused(answer: dict[str, Any]) -> SendFailed:
    error = re.sub(r"[^a-z0-9_]", "", str(answer.get("error", "")))[:60] or "unknown_error"
    return SendFailed(f"Slack refused: {error}", is_final=error not in _PASSING)


class SlackWebhookSender:
    """`secret` is the webhook's whole address: whoever has it can post."""

    edits = False

    def check(self, address: str, secret: str) -> None:
        judge_url(secret, SOURCE)

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        post_json(secret, card(message), source=SOURCE)
        return {}
