"""A signed link to a ticket's sidebar, for systems of one's own: who opens it, which ticket, good for one use.

The query is `ticket`, `agent` (e-mail address), `name` (may be missing), `ts` (epoch seconds), `nonce` (16 to 64 of
`A-Za-z0-9_-`, never used again) and `sig`: HMAC-SHA256 by the connection's launch secret, in lower-case hex, over six
lines in UTF-8 without a last line break: `altor-launch-v1`, ticket, agent, name, ts, nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from investigations.helpdesks.base import Agent
from investigations.helpdesks.launches import Launched, LaunchRefused
from investigations.helpdesks.reading import address, safe_id

#: How far the link's time may lie from ours.
VALID: Final = timedelta(minutes=5)
_NONCE: Final = re.compile(r"[A-Za-z0-9_\-]{16,64}")
_TIME: Final = re.compile(r"[0-9]{9,11}")
_LONGEST_NAME: Final = 200


def sign(secret: str, *, ticket: str, agent: str, at: datetime, nonce: str, name: str = "") -> dict[str, str]:
    """The query of a link that `read_launch` takes."""
    query = {"ticket": ticket, "agent": agent, "name": name, "ts": str(int(at.timestamp())), "nonce": nonce}
    return {**query, "sig": _signature(secret, query)}


def read_launch(secrets: Sequence[str], query: Mapping[str, str], *, now: datetime) -> Launched:
    """LaunchRefused unless one of the connection's launch secrets has signed it within the last five minutes. The
    caller sees to it that the nonce is used once.
    """
    given = query.get("sig", "").encode(errors="replace")
    fits = False
    for secret in secrets:
        known = secret.strip()
        fits |= hmac.compare_digest(_signature(known, query).encode(), given) and bool(known)
    if not fits:
        raise LaunchRefused("No secret gives this signature.")
    ticket, email, name = safe_id(query.get("ticket")), address(query.get("agent")), query.get("name", "")
    if not ticket or not email or not _NONCE.fullmatch(query.get("nonce", "")):
        raise LaunchRefused("The link names no ticket, no agent by an e-mail address, or a nonce of another form.")
    if len(name) > _LONGEST_NAME or not (name.isprintable() or not name):
        raise LaunchRefused("The agent's name is too long or holds characters that no name has.")
    at = _time(query.get("ts", ""))
    if abs(now - at) > VALID:
        raise LaunchRefused("The link's time differs from ours by more than five minutes.")
    return Launched(ticket, Agent(email, name.strip(), email), query["nonce"], at + VALID)


def _signature(secret: str, query: Mapping[str, str]) -> str:
    lines = ["altor-launch-v1", *(query.get(part, "") for part in ("ticket", "agent", "name", "ts", "nonce"))]
    message = "\n".join(lines).encode(errors="replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _time(value: str) -> datetime:
    if not _TIME.fullmatch(value):
        raise LaunchRefused("The link has no time.")
    return datetime.fromtimestamp(int(value), UTC)
