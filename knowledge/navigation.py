"""Entries of the rail that belong to knowledge."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (
    NavItem("", 40, "knowledge", "Knowledge", "book-2", "knowledge:entries", "knowledge.read", go="k"),
    NavItem("", 48, "reply-templates", "Reply templates", "send", "knowledge:templates", "reply_template.read"),
)
