"""E-mail by Django: plain text, so that nothing in it can be anything but text."""

from __future__ import annotations

import hashlib
import smtplib
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email

from altor.notify.message import Message, Reference, SendFailed

_MOST: Final = 20


def addresses(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


class MailSender:
    edits = False

    def check(self, address: str, secret: str) -> None:
        found = addresses(address)
        if not 0 < len(found) <= _MOST:
            raise ValueError(f"Give 1 to {_MOST} mail addresses")
        for one in found:
            try:
                validate_email(one)
            except ValidationError:
                raise ValueError(f"{one[:80]!r} is no mail address") from None

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        send_mail(addresses(address), message.heading, body_of(message), thread=message.thread)
        return {}


def body_of(message: Message) -> str:
    """The notice as a mail's text, ending with its links."""
    second = [f"{message.link_title}:", message.link, ""] if message.link else []
    return "\n".join([*message.lines, *([""] if message.lines else []), *second, message.url, ""])


def send_mail(to: list[str], subject: str, body: str, *, thread: str = "") -> None:
    """One mail to all of `to`. Mails of one `thread` are shown together. SendFailed when it was not handed over."""
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    if thread:
        name = hashlib.sha256(thread.encode()).hexdigest()[:32]
        headers["References"] = f"<{name}@{urlsplit(settings.BASE_URL).hostname or 'altor'}>"
    mail = EmailMessage(f"[Altor] {subject}", body, to=to, headers=headers)
    try:
        mail.send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
        raise SendFailed("The mail server refused sender or recipient", is_final=True) from error
    except (smtplib.SMTPException, OSError) as error:
        raise SendFailed(f"The mail server did not take it ({type(error).__name__})") from error
