"""What this part adds to the pages of tickets, runs and today."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

REPLY: Final = Panel(
    "reply", "Reply draft", "message-2", "knowledge:reply", frozenset({"ticket", "run"}), "ticket.reply",
    holds_reply=True,
)  # fmt: skip
PROMISED: Final = Panel(
    "promised", "Promised updates", "clock", "knowledge:promised", frozenset({"today"}), "ticket.read"
)
