"""The queue's broker: SKIP LOCKED to claim, LISTEN/NOTIFY to wake up (polling stays as the fallback).

Tasks carry ids only; whether something still has to be done is decided by our own tables (see `investigations.engine`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.db import DatabaseError, close_old_connections, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.tasks import async_task

from altor.pulse import Pulse

log = logging.getLogger(__name__)
CHANNEL: Final = "altor_q"
#: More than a reference or a UUID needs.
_LONGEST_ID: Final = 80
_AGAIN_S: Final = 0.5
_STAT_S: Final = 10.0
#: Materialized: as a plain subquery it may stand on the inner side of a nested loop, is then asked again for each outer
#: row, skips what it locked before, and one claim takes the whole queue. Which plan is taken hangs on statistics.
_CLAIM: Final = """
WITH c AS MATERIALIZED (
  SELECT id FROM django_q_ormq WHERE key = %(key)s AND lock < now() ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE django_q_ormq q SET lock = now() + make_interval(secs => %(retry)s) FROM c WHERE q.id = c.id
RETURNING q.id, q.payload
"""


class PgBroker(ORM):  # type: ignore[misc]  # django-q2 ships no types
    """django-q2's ORM broker with a claim that two clusters can share, and 5-8 ms from enqueue to start."""

    _listening: psycopg.Connection[Any] | None = None
    _stat_at = 0.0

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._pulse = Pulse()

    #: The entry that this broker made last.
    entry = 0

    def enqueue(self, task: Any) -> Any:
        key = super().enqueue(task)
        self.entry = int(key)
        with connections[Conf.ORM].cursor() as cursor:
            # Delivered at COMMIT: a rolled-back enqueue wakes nobody.
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, self.list_key or Conf.CLUSTER_NAME])
        return key

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Entries to work on. A database that is away for a moment is asked again soon: an error would cost the
        cluster's pusher its life and ten seconds."""
        try:
            found = self._claim()
        except (DatabaseError, psycopg.Error) as error:
            log.warning("the queue cannot be read", extra={"error": (str(error).splitlines() or [""])[0]})
            self._listening = None
            time.sleep(_AGAIN_S)
            found = []
        return [*found, *self._pulse.entries()] or None

    def set_stat(self, key: str, value: str, timeout: int) -> Any:
        """The cluster's self-description, for `qinfo`. Twice a second, as the cluster asks, would be the main load of
        an idle database."""
        if time.monotonic() - self._stat_at < _STAT_S:
            return None
        self._stat_at = time.monotonic()
        # The cluster's guard never does: after a restart of the database it would fail for ever.
        close_old_connections()
        return super().set_stat(key, value, max(timeout, round(3 * _STAT_S)))

    def _claim(self) -> list[tuple[int, str]]:
        self.get_connection()
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_CLAIM, {"key": self.list_key, "most": Conf.BULK, "retry": Conf.RETRY})
            rows = cursor.fetchall()
        if rows:
            return sorted(rows)
        if self._listening is None or self._listening.closed:
            self._listening = self._listen()
            return []  # look once more: something may have come before we listened
        for _ in self._listening.notifies(timeout=Conf.POLL, stop_after=1):
            pass
        return []

    @staticmethod
    def _listen() -> psycopg.Connection[Any]:
        params = connections[Conf.ORM].get_connection_params()
        kept = {name: params[name] for name in ("dbname", "user", "password", "host", "port") if params.get(name)}
        connection = psycopg.connect(**kept, autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection


def enqueue(task: str, *ids: int | str) -> int:
    """Queue `task` (dotted path) in the caller's transaction: it is taken after the commit, and gone with a rollback.
    The entry's id, for `withdraw`.

    Arguments are ids: django-q2 keeps them as a signed pickle, so nothing else may go in. TypeError for other types,
    ValueError for text that is too long to be an id.
    """
    for value in ids:
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise TypeError(f"queue arguments are ids, not {type(value).__name__}")
        if isinstance(value, str) and len(value) > _LONGEST_ID:
            raise ValueError(f"queue arguments are ids, not texts of {len(value)} characters")
    broker = PgBroker()
    async_task(task, *ids, broker=broker)
    return broker.entry


def withdraw(entries: Iterable[int]) -> int:
    """Take back entries that nobody has taken yet, because their work is done; how many."""
    with connections[Conf.ORM].cursor() as cursor:
        cursor.execute("DELETE FROM django_q_ormq WHERE id = ANY(%s) AND lock < clock_timestamp()", [list(entries)])
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class QueueState:
    """`waiting` entries could be taken now; the oldest has waited `oldest_s`. `idle_s`: since an entry was last taken.

    `idle_s` is known only as long as an entry that was taken is not finished: None = no such entry.
    """

    waiting: int
    oldest_s: float
    idle_s: float | None

    def is_stalled(self, seconds: float) -> bool:
        """Something waits for longer than `seconds`, and nobody took anything for as long: not just a long queue."""
        return self.oldest_s > seconds and (self.idle_s is None or self.idle_s > seconds)


def queue_state() -> QueueState:
    with connections[Conf.ORM].cursor() as cursor:
        # `lock` is the moment from which an entry may be taken; taking it moves that into the future by RETRY.
        cursor.execute(
            "SELECT count(*) FILTER (WHERE lock < now()), extract(epoch FROM now() - min(lock)),"
            " extract(epoch FROM now() - max(lock) FILTER (WHERE lock >= now())) + %s FROM django_q_ormq",
            [Conf.RETRY],
        )
        waiting, oldest, idle = cursor.fetchone()
    return QueueState(waiting, max(float(oldest or 0), 0.0), None if idle is None else float(idle))
