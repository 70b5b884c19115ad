"""Webhook deliveries of one hour, with the retries of those that fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from altor.demo.world import effects as fx
from altor.demo.world.build import World
from altor.demo.world.company import EVENT_SHARES, EVENT_TYPES, Customer

DELIVERIES_PER_HOUR: Final = 6.5
#: Waits before the second, third and fourth attempt, in hours.
RETRY_AFTER_H: Final = (1 / 60, 5 / 60, 30 / 60)
BASE_FAILED: Final = 0.006


@dataclass(frozen=True, slots=True)
class Delivery:
    at_h: float
    customer: Customer
    event_type: str
    event_id: str
    attempt: int
    queue_s: float
    status: int  # 0 = no HTTP answer
    error_type: str
    message: str
    duration_ms: float


class DeliveryModel:
    def __init__(self, world: World) -> None:
        self.world = world
        effects = [effect for incident in world.incidents for effect in incident.effects]
        self._answers = [e for e in effects if isinstance(e, fx.Deliveries)]
        self._backlogs = [e for e in effects if isinstance(e, fx.Backlog)]
        self._silent = [e for e in effects if isinstance(e, fx.NoDeliveries)]

    def hour(self, hour: int) -> list[Delivery]:
        """Events of [hour, hour + 1) with all their attempts; late attempts lie after the hour's end."""
        rng = np.random.default_rng([self.world.seed, 41, hour + 100_000])
        out: list[Delivery] = []
        for customer in self.world.customers:
            count = int(rng.poisson(DELIVERIES_PER_HOUR * customer.weight))
            times = np.sort(hour + rng.random(count))
            kinds = rng.choice(len(EVENT_TYPES), size=count, p=EVENT_SHARES)
            for at_h, kind in zip(times.tolist(), kinds.tolist(), strict=True):
                if any(e.customer == customer.slug and e.start_h <= at_h < e.end_h for e in self._silent):
                    continue
                out.extend(self._attempts(rng, customer, at_h, EVENT_TYPES[kind]))
        return out

    def _attempts(
        self, rng: np.random.Generator, customer: Customer, at_h: float, event_type: str
    ) -> Iterator[Delivery]:
        event_id = f"whe_{rng.bytes(6).hex()}"
        queue_s = self._queue(rng, at_h)
        for attempt in range(1, 5):
            status, error_type, message, duration_ms = self._answer(rng, customer, at_h)
            yield Delivery(
                at_h, customer, event_type, event_id, attempt, queue_s, status, error_type, message, duration_ms
            )
            if 200 <= status < 300 or attempt == 4:
                return
            at_h += RETRY_AFTER_H[attempt - 1] * float(rng.uniform(0.9, 1.2))
            queue_s = float(rng.uniform(0.1, 2.0))

    def _queue(self, rng: np.random.Generator, at_h: float) -> float:
        usual = float(rng.lognormal(0.1, 0.7))
        for effect in self._backlogs:
            if effect.start_h <= at_h < effect.end_h:
                # A backlog grows from nothing: events arrive faster than they are sent.
                waited_s = (at_h - effect.start_h) * 3600.0 * 0.8
                return usual + min(waited_s, effect.seconds * float(rng.lognormal(0.0, 0.25)))
        return usual

    def _answer(self, rng: np.random.Generator, customer: Customer, at_h: float) -> tuple[int, str, str, float]:
        for effect in self._answers:
            if (
                effect.customer == customer.slug
                and effect.start_h <= at_h < effect.end_h
                and rng.random() < effect.share
            ):
                duration_ms = effect.duration_ms * float(
                    rng.lognormal(0.0, 0.02 if effect.error_type == "timeout" else 0.25)
                )
                message = effect.message.format(host=customer.hook_host)
                return effect.status, effect.error_type, message, duration_ms
        duration_ms = 150.0 * float(rng.lognormal(0.0, 0.4))
        if rng.random() < BASE_FAILED:
            return 500, "", "", duration_ms
        return 200, "", "", duration_ms
