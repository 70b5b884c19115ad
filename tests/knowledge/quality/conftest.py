"""People of each role."""

from __future__ import annotations

from tests.knowledge.entries.conftest import cast

__all__ = ["cast"]
