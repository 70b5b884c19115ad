"""What a helpdesk's sidebar proves when it starts: which ticket is looked at, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from investigations.helpdesks.base import Agent


@dataclass(frozen=True, slots=True)
class Launched:
    """A start that was verified.

    An empty `external_id` and no agent: only the connection is vouched for. A `nonce` is good for one use, which the
    caller keeps book of until `expires_at` (aware UTC); "" means that the helpdesk gives none.
    """

    external_id: str
    agent: Agent | None
    nonce: str
    expires_at: datetime


class LaunchRefused(Exception):
    """The text says why, for the log and the operator; the caller is told only that it was refused."""
