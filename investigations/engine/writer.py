"""The one thread that writes a run's results, while the event loop goes on asking.

Everything that waits is written in one transaction under one fence: ten answers that arrive together cost one commit. A
database that is away for a moment (a restart, a failover) does not cost the run its attempt: the transaction is made
again on a new connection, which is safe because every write replaces what it wrote before.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction

from altor.embedded.postgres import PostgresUnavailable
from investigations.engine import store
from investigations.engine.lease import Lease, LeaseLost

log = logging.getLogger(__name__)
#: A database that does not answer for longer ends the attempt. Shorter than the silence after which the sweep takes a
#: run away (`lease.SILENCE`): who can still write is not taken for dead.
PATIENCE_S: Final = 8.0
_PAUSE_S: Final = 0.2
Write = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Item:
    write: Write
    visible: bool
    future: asyncio.Future[None]


class Writer:
    """Writes of one run, in the order in which they were handed in. To be made on the run's event loop."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Item] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"run-{lease.run_id}-writer", daemon=True)
        self._thread.start()

    def put(self, write: Write, *, visible: bool = True) -> asyncio.Future[None]:
        """Hand in a write. The future ends with the commit, or with LeaseLost when the run is no longer ours.

        `visible`: whether it changes what the run's page shows.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        with self._changed:
            self._waiting.append(_Item(write, visible, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Write what is left, then end the thread and its connection. Blocks while a write is under way."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next():
                error = self._write_patiently(batch)
                self._loop.call_soon_threadsafe(_settle, batch, error)
        finally:
            connection.close()

    def _next(self) -> list[_Item]:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch, self._waiting = self._waiting, []
        return batch

    def _write_patiently(self, batch: list[_Item]) -> Exception | None:
        began = time.monotonic()
        while True:
            try:
                return self._write(batch)
            except (OperationalError, InterfaceError, PostgresUnavailable) as error:
                connection.close()
                if self._closing or time.monotonic() - began > PATIENCE_S:
                    return error
                log.warning("the database is away while a run writes", extra={"run": self._lease.run_id})
                time.sleep(_PAUSE_S)
            except Exception as error:  # told to whoever handed the write in
                return error

    def _write(self, batch: list[_Item]) -> Exception | None:
        try:
            with transaction.atomic():
                store.fence(self._lease, visible=any(item.visible for item in batch))
                for item in batch:
                    item.write()
        except LeaseLost as lost:
            # The commit of the last write may have succeeded while its answer was lost with the connection.
            return None if store.is_finished_by(self._lease) else lost
        return None


def _settle(batch: list[_Item], error: Exception | None) -> None:
    for item in batch:
        if item.future.done():
            continue
        if error is None:
            item.future.set_result(None)
        else:
            item.future.set_exception(error)
