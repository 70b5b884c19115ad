"""Microsoft Teams, by a workflow's webhook: an adaptive card."""

from __future__ import annotations

from typing import Any, Final

from altor.notify.message import Message, Reference
from altor.notify.senders.posting import post_json
from altor.outbound import judge_url

SOURCE: Final = "teams"


def _run(text: str, **look: Any) -> dict[str, Any]:
    """A text run, not a text block: blocks read Markdown, and what we tell may be hostile."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def card(message: Message) -> dict[str, Any]:
    actions = [{"type": "Action.OpenUrl", "title": "Open in Altor", "url": message.url}]
    if message.link:
        actions.append({"type": "Action.OpenUrl", "title": message.link_title, "url": message.link})
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_run(message.heading, weight="Bolder"), *(_run(line) for line in message.lines)],
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


class TeamsSender:
    """`secret` is the webhook's whole address: whoever has it can post."""

    edits = False

    def check(self, address: str, secret: str) -> None:
        judge_url(secret, SOURCE)

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        post_json(secret, card(message), source=SOURCE)
        return {}
