"""Telemetry of any span of time as text ready to be inserted: the history at the start, then every few seconds more."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache

from altor.demo.telemetry.deliveries import DeliveryModel
from altor.demo.telemetry.events import EventLog
from altor.demo.telemetry.requests import TrafficModel
from altor.demo.telemetry.rows import Row, RowWriter, moment
from altor.demo.world.build import World


class Telemetry:
    """Deterministic in the world: the same span of time always gives the same rows, however it is cut into pieces."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._traffic = TrafficModel(world)
        self._deliveries = DeliveryModel(world)
        self._writer = RowWriter(world)
        self._events = EventLog(world, self._writer)
        self.hour = lru_cache(maxsize=3)(self._hour)

    def _hour(self, hour: int) -> tuple[list[Row], list[Row]]:
        """(span rows, log rows) that begin in the hour; retried deliveries may lie after its end."""
        spans, logs = self._writer.requests(hour, self._traffic.hour(hour))
        more_spans, more_logs = self._writer.deliveries(hour, self._deliveries.hour(hour))
        return spans + more_spans, [*logs, *more_logs, *self._events.hour(hour)]

    def between(self, start: datetime, end: datetime) -> tuple[str, str]:
        """(rows for otel_traces, rows for otel_logs) of [start, end) as tab-separated text."""
        first, last = moment(self.world, start), moment(self.world, end)
        spans: list[str] = []
        logs: list[str] = []
        # One hour back for the late attempts of its deliveries.
        for hour in range(math.floor(first) - 1, math.ceil(last)):
            hour_spans, hour_logs = self.hour(hour)
            spans.extend(line for at_h, line in hour_spans if first <= at_h < last)
            logs.extend(line for at_h, line in hour_logs if first <= at_h < last)
        return "".join(spans), "".join(logs)

    def usage(self) -> str:
        """The `usage reported` log lines of the last 35 days."""
        return "".join(line for _, line in self._events.usage())
