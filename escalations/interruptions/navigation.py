"""The rail's entries of questions and interruption hours."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (
    NavItem("", 36, "questions", "Questions", "message-question", "interruptions:questions", "escalation.read"),
    NavItem("Improve", 56, "interruptions", "Interruptions", "bolt", "interruptions:overview", "escalation.read"),
)
