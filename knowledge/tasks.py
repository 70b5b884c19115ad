"""Entry points of the queue: ids in, nothing out."""

from __future__ import annotations


def deliver_reply(reply_id: int) -> None:
    """Send one reply. Safe to deliver twice: the second delivery finds nothing to take."""
    from knowledge.replies.outbox import deliver

    deliver(int(reply_id))


def sweep_replies() -> None:
    """Queue replies again whose next try is due, or whose queue entry was lost; keep the shipped templates loaded."""
    from knowledge.replies.outbox import sweep
    from knowledge.replies.templates import ensure_library

    ensure_library()
    sweep()


def sweep_promises() -> None:
    """Note which promised updates are close or late."""
    from knowledge.replies.promised import sweep

    sweep()
