"""Server spans of one hour as arrays: who asked what, when, from where, with what outcome and how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from altor.demo.world import effects as fx
from altor.demo.world.build import World
from altor.demo.world.company import PLANS, REGIONS, ROUTE_INDEX, ROUTES

BINS: Final = 30  # of two minutes: how exactly an incident's start shows in the traffic
SPANS_PER_HOUR: Final = 13.0  # of a customer with weight 1
BASE_REJECTED: Final = 0.0025
BASE_FAILED: Final = 0.0012
CACHE_HIT: Final = 0.88
#: Local afternoon is busiest; offset of each region's clock in hours.
_CLOCK: Final = {"us-east-1": -5, "eu-central-1": 1, "ap-southeast-1": 8}

E = TypeVar("E", bound=fx.Effect)
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Requests:
    """Parallel arrays, one element a sampled request, ordered by time. Durations in milliseconds."""

    at_h: Floats  # hours after the anchor
    customer: Ints
    route: Ints
    region: Ints
    key: Ints
    address: Ints  # -1 = one of many unknown addresses
    agent: list[str]  # surplus traffic's own user agent, "" = the customer's usual
    status: Ints
    limit: Ints
    resend: Ints
    own_ms: Floats
    db_ms: Floats
    host_ms: Floats
    cached: Bools
    body: Ints

    def __len__(self) -> int:
        return len(self.at_h)


@dataclass(slots=True)
class _Stream:
    """A part of the traffic: expected spans for each two minutes and customer, and what is special about it."""

    expected: Floats  # [BINS, customers]
    routes: Sequence[int] | None = None
    agent: str = ""
    is_foreign: bool = False


class TrafficModel:
    """Draws the requests of any hour of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.customers = world.customers
        self.effects = [effect for incident in world.incidents for effect in incident.effects]
        self.plan_limit = np.array([PLANS[c.plan].requests_per_minute for c in self.customers], dtype=float)
        self.sample_rate = np.array([PLANS[c.plan].sample_rate for c in self.customers], dtype=np.int64)
        self.cumulative_mix = np.cumsum(np.array([c.mix for c in self.customers]), axis=1)
        self.home_region = np.array([REGIONS.index(c.region) for c in self.customers])
        self.own = np.array([r.own_ms for r in ROUTES])
        self.db = np.array([r.db_ms for r in ROUTES])
        self.host = np.array([r.host_ms for r in ROUTES])
        self.body = np.array([r.body_bytes for r in ROUTES])
        self.is_cached = np.array([r.cached for r in ROUTES])
        self.has_key = np.array(["{" in r.path for r in ROUTES])
        self.is_post = np.array([r.method == "POST" for r in ROUTES])
        self.created = np.array([r.method == "POST" and r.host == "" for r in ROUTES])

    def active(self, hour: int, kind: type[E]) -> Iterator[E]:
        return (e for e in self.effects if isinstance(e, kind) and e.start_h < hour + 1 and e.end_h > hour)

    def hour(self, hour: int) -> Requests:
        """The requests of [anchor + hour, anchor + hour + 1)."""
        rng = np.random.default_rng([self.world.seed, 31, hour + 100_000])
        centres = hour + (np.arange(BINS) + 0.5) / BINS
        streams = self._streams(hour, centres)
        demand = sum((s.expected for s in streams), np.zeros_like(streams[0].expected)) * BINS * self.sample_rate / 60.0
        limit = self._limits(hour, centres)
        excess = np.clip(1.0 - limit / np.maximum(demand, 1e-9), BASE_REJECTED, 0.95)
        leaked = [self.world.by_slug[e.customer].index for e in self.active(hour, fx.Foreign)]
        return self._draw(rng, hour, streams, limit, excess, leaked)

    def _streams(self, hour: int, centres: Floats) -> list[_Stream]:
        clock = np.array([_CLOCK[c.region] for c in self.customers])
        local = (centres[:, None] + self.world.anchor.hour + clock[None, :]) % 24.0
        daily = 1.0 + 0.24 * np.cos((local - 15.0) / 24.0 * 2 * np.pi)
        weight = np.array([c.weight for c in self.customers])
        base = SPANS_PER_HOUR / BINS * weight[None, :] * daily
        main = _Stream(base.copy())
        streams = [main]
        for effect in self.active(hour, fx.Traffic):
            inside = (centres >= effect.start_h) & (centres < effect.end_h)
            index = self.world.by_slug[effect.customer].index
            if effect.routes:
                surplus = np.zeros_like(base)
                surplus[inside, index] = base[inside, index] * (effect.factor - 1.0)
                streams.append(_Stream(surplus, [_route(name) for name in effect.routes], effect.agent))
            else:
                main.expected[inside, index] *= effect.factor
        for foreign in self.active(hour, fx.Foreign):
            inside = (centres >= foreign.start_h) & (centres < foreign.end_h)
            surplus = np.zeros_like(base)
            surplus[inside, self.world.by_slug[foreign.customer].index] = foreign.per_hour / BINS
            streams.append(_Stream(surplus, is_foreign=True))
        return streams

    def _limits(self, hour: int, centres: Floats) -> Floats:
        limit = np.repeat(self.plan_limit[None, :], BINS, axis=0)
        for effect in self.active(hour, fx.Quota):
            inside = (centres >= effect.start_h) & (centres < effect.end_h)
            who = np.ones(len(self.customers), dtype=bool)
            if effect.customer:
                who = np.arange(len(self.customers)) == self.world.by_slug[effect.customer].index
            limit[np.outer(inside, who)] *= effect.factor
        return limit

    def _draw(
        self,
        rng: np.random.Generator,
        hour: int,
        streams: list[_Stream],
        limit: Floats,
        excess: Floats,
        leaked: list[int],
    ) -> Requests:
        at, who, routes, agents, foreign, bins = [], [], [], [], [], []
        for stream in streams:
            counts = rng.poisson(stream.expected)
            bin_index = np.repeat(np.repeat(np.arange(BINS), counts.shape[1]), counts.ravel())
            customer = np.repeat(np.tile(np.arange(counts.shape[1]), BINS), counts.ravel())
            size = len(customer)
            at.append(hour + (bin_index + rng.random(size)) / BINS)
            who.append(customer)
            bins.append(bin_index)
            if stream.routes is None:
                routes.append(
                    (rng.random(size)[:, None] > self.cumulative_mix[customer]).sum(axis=1).clip(0, len(ROUTES) - 1)
                )
            else:
                routes.append(np.array(stream.routes)[rng.integers(0, len(stream.routes), size)])
            agents.extend([stream.agent] * size)
            foreign.append(np.full(size, stream.is_foreign))
        order = np.argsort(np.concatenate(at), kind="stable")
        agent = [agents[i] for i in order]
        at_h, customer, route = np.concatenate(at)[order], np.concatenate(who)[order], np.concatenate(routes)[order]
        is_foreign, bin_index = np.concatenate(foreign)[order], np.concatenate(bins)[order]
        size = len(at_h)
        key = np.where(is_foreign, 0, (rng.random(size) < 0.3).astype(int))
        region = np.where(rng.random(size) < 0.86, self.home_region[customer], rng.integers(0, len(REGIONS), size))
        rejected = rng.random(size) < excess[bin_index, customer]
        rejected &= ~(np.isin(customer, leaked) & (key == 1))
        status = np.where(self.created[route], 201, 200)
        status[(rng.random(size) < 0.004) & self.has_key[route]] = 404
        status[(rng.random(size) < 0.004) & self.is_post[route]] = 422
        failed = rng.random(size) < self._failure_share(hour, at_h, customer, route)
        status = np.where(rejected, 429, np.where(failed, 500, status))
        own, db, host, cached, body = self._durations(rng, hour, at_h, customer, route, region)
        own = np.where(rejected, rng.uniform(1.2, 4.5, size), own)
        return Requests(
            at_h=at_h,
            customer=customer,
            route=route,
            region=region,
            key=key,
            address=np.where(is_foreign, -1, (rng.random(size) < 0.25).astype(int)),
            agent=agent,
            status=status,
            limit=limit[bin_index, customer].astype(np.int64),
            resend=self._resends(rng, hour, at_h, customer, status),
            own_ms=own,
            db_ms=np.where(rejected, 0.0, db),
            host_ms=np.where(rejected, 0.0, host),
            cached=cached & ~rejected,
            body=body,
        )

    def _inside(self, effect: fx.Effect, at_h: Floats, customer: Ints) -> Bools:
        inside = (at_h >= effect.start_h) & (at_h < effect.end_h)
        if effect.customer:
            inside &= customer == self.world.by_slug[effect.customer].index
        return inside

    def _failure_share(self, hour: int, at_h: Floats, customer: Ints, route: Ints) -> Floats:
        share = np.full(len(at_h), BASE_FAILED)
        for effect in self.active(hour, fx.Errors):
            inside = self._inside(effect, at_h, customer)
            if effect.routes:
                inside &= np.isin(route, [_route(name) for name in effect.routes])
            share[inside] = effect.share
        return share

    def _resends(self, rng: np.random.Generator, hour: int, at_h: Floats, customer: Ints, status: Ints) -> Ints:
        share = np.where(status >= 429, 0.18, 0.01)
        for effect in self.active(hour, fx.Retries):
            share[self._inside(effect, at_h, customer)] = effect.share
        size = len(at_h)
        return np.where(rng.random(size) < share, 1 + rng.geometric(0.45, size), 0)

    def _durations(
        self, rng: np.random.Generator, hour: int, at_h: Floats, customer: Ints, route: Ints, region: Ints
    ) -> tuple[Floats, Floats, Floats, Bools, Ints]:
        size = len(at_h)
        own = self.own[route] * rng.lognormal(0.0, 0.27, size)
        db = self.db[route] * rng.lognormal(0.0, 0.33, size)
        host = self.host[route] * rng.lognormal(0.0, 0.30, size)
        hit_share = np.full(size, CACHE_HIT)
        body = self.body[route] * rng.lognormal(0.0, 0.4, size)
        tables = np.array([r.table for r in ROUTES])
        for effect in self.active(hour, fx.Slow):
            inside = self._inside(effect, at_h, customer)
            if effect.routes:
                inside &= np.isin(route, [_route(name) for name in effect.routes])
            if effect.table:
                inside &= tables[route] == effect.table
            if effect.region:
                inside &= region == REGIONS.index(effect.region)
            if effect.what == "cache":
                hit_share[inside] = 0.05
            if effect.what in ("db", "cache"):
                db[inside] *= effect.factor
            elif effect.what == "host":
                host[inside] *= effect.factor
            else:
                own[inside] *= effect.factor
        for grown in self.active(hour, fx.Payload):
            inside = self._inside(grown, at_h, customer) & np.isin(route, [_route(name) for name in grown.routes])
            body[inside] *= grown.factor
            # Work grows more slowly than the body: parsing is linear, the rest is not touched.
            own[inside] *= grown.factor**0.55
            db[inside] *= grown.factor**0.35
        cached = self.is_cached[route] & (rng.random(size) < hit_share)
        db[cached] = 0.0
        return own, db, host, cached, body.astype(np.int64)


def _route(name: str) -> int:
    return ROUTE_INDEX[name]
