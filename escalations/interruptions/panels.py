"""What questions add to the pages of tickets and runs."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

QUESTIONS: Final = Panel(
    "questions", "Questions to engineering", "message-question", "interruptions:panel", frozenset({"ticket", "run"}),
    "escalation.read",
)  # fmt: skip
