"""Signed links with which an engineer answers a question without an account.

Whoever holds the link reads the question, the run's five lines, and may answer once, under the name they give.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from escalations.models import Question

_SALT: Final = "altor.escalations.question"
#: What was answered can be read a while longer.
_AFTER_THE_END: Final = timedelta(days=14)


def link_token(question: Question) -> str:
    return Signer(salt=_SALT).sign(f"{question.pk}.{question.link_nonce.hex}")


def notice_link(ref: str) -> tuple[str, str] | None:
    """For notices to those who are asked: the link as it is when they go out; none for what is over."""
    found = Question.objects.open().by_ref(ref).first()
    if found is None:
        return None
    return "Answer it without an account", reverse("interruptions:by-link", args=[link_token(found)])


def question_of(token: str, *, now: datetime) -> Question | None:
    """The question that the token opens; None for one that is wrong, or whose question ended too long ago."""
    try:
        value = Signer(salt=_SALT).unsign(token[:300])
    except BadSignature:
        return None
    number, _, nonce = value.partition(".")
    found = Question.objects.with_context().filter(pk=int(number)).first() if number.isdecimal() else None
    if found is None or not hmac.compare_digest(nonce, found.link_nonce.hex):
        return None
    if found.ended_at is not None and now > found.ended_at + _AFTER_THE_END:
        return None
    return found
