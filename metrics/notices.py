"""Kinds of notices that metrics add."""

from __future__ import annotations

from typing import Final

from altor.notify.kinds import NoticeKind

NOTICE_KINDS: Final = {"review.closed": NoticeKind("The minutes of a weekly review")}
