"""Requests of Intercom's Canvas Kit: which conversation is open, and which teammate looks at it.

Intercom signs the body with the app's client secret. A body holds no time and nothing that is used once: the same
conversation opened twice by the same teammate may be the same bytes. So a start has no nonce, and whatever a request
begins must bear being asked for twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused, verify
from investigations.helpdesks.base import Agent
from investigations.helpdesks.launches import Launched, LaunchRefused
from investigations.helpdesks.reading import identifier, part, safe_id, text

#: What is made of a start is good for this long.
LASTS: Final = timedelta(minutes=10)


def launched(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime
) -> tuple[Launched, Mapping[str, Any]]:
    """The start, verified, and the request's body. Header names are in lower case. LaunchRefused otherwise."""
    try:
        verify("intercom_canvas", secrets, headers, body, now=now)
    except SignatureRefused as refused:
        raise LaunchRefused(str(refused)) from None
    try:
        said = part(json.loads(body))
    except (ValueError, RecursionError):
        raise LaunchRefused("The body is no JSON.") from None
    named = part(said, "conversation").get("id") or part(said, "context").get("conversation_id")
    try:
        external_id = identifier(named, "conversation")
    except InvalidInput as problem:
        raise LaunchRefused(problem.detail) from None
    admin = part(said, "admin")
    agent = Agent(safe_id(admin.get("id")), text(admin.get("name"), 200), text(admin.get("email"), 254))
    return Launched(external_id, agent if agent.id else None, "", now + LASTS), said
