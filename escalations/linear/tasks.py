"""Entry points of the queue: ids in, nothing out."""

from __future__ import annotations


def push_issue(issue_id: int) -> None:
    """Write what waits for one issue. Safe to deliver twice: the second delivery finds nothing to claim."""
    from escalations.linear.working import file

    file(int(issue_id))


def tell_changes(issue_id: int) -> None:
    """Tell what happened to one issue. Safe to deliver twice: each change is told once."""
    from django.utils import timezone

    from escalations.linear.telling import tell

    tell(int(issue_id), now=timezone.now())


def poll(connection_id: int) -> None:
    """Ask Linear for the issues that are followed. Safe to deliver twice: only one poll is begun at a time."""
    from django.utils import timezone

    from escalations.linear.polling import poll as ask

    ask(int(connection_id), now=timezone.now())


def check_pulls(issue_id: int) -> None:
    """Ask GitHub how far an issue's fix is. Safe to deliver twice."""
    from django.utils import timezone

    from escalations.linear.pulls import check

    check(int(issue_id), now=timezone.now())


def sweep() -> None:
    """Queue what is due: writing, telling, polling, pull requests."""
    from django.utils import timezone

    from escalations.linear import polling, pulls, telling, working

    now = timezone.now()
    working.sweep(now=now)
    telling.sweep(now=now)
    polling.sweep(now=now)
    pulls.sweep(now=now)
