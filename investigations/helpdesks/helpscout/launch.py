"""The start of the sidebar in Help Scout: the frame's address, whose query Help Scout signs.

What is signed is PHP's `json_encode` of the parameters that Help Scout added, in their order, without the signature. A
query holds no time, and the same conversation opened twice by the same person gives the same one.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from altor.errors import InvalidInput
from investigations.helpdesks.base import Agent
from investigations.helpdesks.launches import Launched, LaunchRefused
from investigations.helpdesks.reading import identifier, safe_id

SIGNATURE: Final = "X-HelpScout-Signature"
#: From the first use of a start on, as its own time is not known.
REMEMBERED: Final = timedelta(minutes=10)
_MOST_PARAMETERS: Final = 40


def launched(secrets: Sequence[str], query: str, *, now: datetime, own: Collection[str] = ()) -> Launched:
    """The start, verified. `query` as it stands in the address, `own` names what our own address held before Help
    Scout added to it. LaunchRefused otherwise.
    """
    given = _parameters(query)
    signature = given.pop(SIGNATURE, "")
    if not signature:
        raise LaunchRefused(f"The parameter {SIGNATURE} is missing.")
    message = php_json({name: value for name, value in given.items() if name not in own}).encode()
    usable = [secret.strip() for secret in secrets if secret.strip()]
    if not usable:
        raise LaunchRefused("The connection has no key for the sidebar yet.")
    fits = False
    for secret in usable:  # every one is tried, whichever fits: how long it takes tells nothing
        fits |= hmac.compare_digest(_sign(secret, message), signature.encode())
    if not fits:
        raise LaunchRefused("No secret gives this signature.")
    try:
        external_id = identifier(given.get("conversation-id"), "conversation")
    except InvalidInput as problem:
        raise LaunchRefused(problem.detail) from None
    user = safe_id(given.get("user-id"))
    return Launched(external_id, Agent(user) if user else None, signature[:64], now + REMEMBERED)


def php_json(parameters: dict[str, str]) -> str:
    """What PHP's `json_encode` makes of an array of texts: slashes escaped, everything beyond ASCII as \\uXXXX."""
    if not parameters:
        return "[]"
    return json.dumps(parameters, separators=(",", ":")).replace("/", "\\/")


def _parameters(query: str) -> dict[str, str]:
    """In the order of the address; of a name that comes twice the last value, at the first place, as PHP has it."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise LaunchRefused("The query cannot be read.") from None
    return dict(pairs)


def _sign(secret: str, message: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), message, "sha1").digest())
