"""One sender per kind of channel. `check` refuses what can never work, `send` sends one message.

`send` gives what it needs to edit the message later ({} when the service cannot), and raises SendFailed.
"""

from __future__ import annotations

from typing import Final, Protocol

from altor.notify.message import Message, Reference
from altor.notify.senders.mail import MailSender
from altor.notify.senders.services import AppriseSender
from altor.notify.senders.slack import SlackBotSender, SlackWebhookSender
from altor.notify.senders.teams import TeamsSender


class Sender(Protocol):
    #: Whether a later message about the same subject edits the first one.
    edits: bool

    def check(self, address: str, secret: str) -> None:
        """ValueError says what is wrong, for the person who typed it. No network."""
        ...

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        """`reference` is what an earlier message about the same subject left. Blocks for some seconds at most."""
        ...


SENDERS: Final[dict[str, Sender]] = {
    "mail": MailSender(),
    "slack_bot": SlackBotSender(),
    "slack_webhook": SlackWebhookSender(),
    "teams": TeamsSender(),
    "apprise": AppriseSender(),
}
