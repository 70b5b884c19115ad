"""What tests of filing and following share: a connection to the peer, tickets, and the queue worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from escalations.linear.connections import ConnectionValues, save_connection
from escalations.linear.filing import track
from escalations.models import IssueChange, LinearConnection, TrackedIssue
from tests import factories as make
from tests.escalations.peers.linear import HOOK_SECRET, KEY, LinearPeer

HOOK = "/api/v1/hooks/linear/main/"
#: What hooks of `ISSUE_CHANGED` were told, in order.
TOLD: list[tuple[str, dict[str, Any]]] = []


def remember(change: IssueChange) -> None:
    TOLD.append((change.kind, change.after))


def connect(peer: LinearPeer, **values: Any) -> LinearConnection:
    defaults = {"base_url": peer.url, "secret": KEY, "webhook_secret": HOOK_SECRET, "team": "ENG", "labels": ["bug"]}
    return save_connection(ConnectionValues(**{**defaults, **values}), actor=None)


def tracked(connection: LinearConnection, cause: str = "rl.limiter_deploy:7f3c9a1", **values: Any) -> TrackedIssue:
    defaults: dict[str, Any] = {
        "title": "Quotas fell for everybody after 7f3c9a1",
        "description": "## Summary\n\n43% of requests are rejected.",
        "priority": 2,
        "labels": ["escalation"],
        "now": timezone.now(),
    }
    return track(cause, connection=connection, **{**defaults, **values})


def ticket_of(org_id: str = "", **values: Any) -> Any:
    return make.ticket(customer=make.customer(org_id) if org_id else None, **values)


def work_queue(*, most: int = 3000) -> int:
    """Carry out what is queued, as a worker would, until nothing waits; how many entries."""
    done = 0
    while done < most:
        entry = OrmQ.objects.order_by("pk").first()
        if entry is None:
            return done
        task = entry.task
        entry.delete()
        function: Callable[..., Any] = import_string(task["func"])
        function(*task["args"])
        done += 1
    raise AssertionError("the queue does not run dry")
