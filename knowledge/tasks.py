"""Entry points of the queue: ids in, nothing out."""

from __future__ import annotations

from typing import Final

MEASURE: Final = "knowledge.tasks.measure_search"
WATCH: Final = "knowledge.tasks.watch_causes"
KEEP_SEARCH: Final = "knowledge.tasks.keep_search"


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


def keep_search() -> None:
    """Bring entries in step with the search for a while, and again while more is left."""
    from altor.queue import enqueue
    from knowledge.search.upkeep import keep_in_step

    if keep_in_step():
        enqueue(KEEP_SEARCH)


def sweep_knowledge() -> None:
    """Take validations back whose review date has passed; weigh what was recognised; bring the search in step with
    new rules or another model.
    """
    from altor.queue import enqueue
    from knowledge.entries.changes import demote_overdue
    from knowledge.quality.measuring import is_due
    from knowledge.quality.searches import forget_old
    from knowledge.recognition.settling import settle_recent
    from knowledge.search.upkeep import out_of_step

    demote_overdue()
    settle_recent()
    forget_old()
    if is_due():
        enqueue(MEASURE)
    if out_of_step().exists():
        enqueue(KEEP_SEARCH)


def measure_search() -> None:
    """Measure the search on this installation's own tickets. Safe to deliver twice."""
    from knowledge.quality.measuring import is_due, keep_measurement

    if is_due():
        keep_measurement()


def watch_causes() -> None:
    """Ask for known causes whose turn it is, and again while more are due."""
    from altor.queue import enqueue
    from knowledge.recognition.watching import is_due, watch_due

    watch_due()
    if is_due():
        enqueue(WATCH)


def sweep_watches() -> None:
    """Queue the questions that are due: they wait for sources."""
    from altor.queue import enqueue
    from knowledge.recognition.watching import is_due

    if is_due():
        enqueue(WATCH)


def sweep_promises() -> None:
    """Note which promised updates are close or late."""
    from knowledge.replies.promised import sweep

    sweep()
