"""What entries add to the pages of tickets and runs."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

KNOWN: Final = Panel(
    "known", "Known causes", "book-2", "knowledge:known", frozenset({"ticket", "run"}), "knowledge.read"
)
