"""Where things run at a given time: versions, pods, and the resource attributes they report."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import lru_cache

from altor.demo.world.build import World
from altor.demo.world.company import REGIONS, SERVICES

PODS_PER_REGION = 2


class Places:
    """The running version of each service over time. Times in hours after the anchor."""

    def __init__(self, world: World) -> None:
        self._starts: dict[str, list[float]] = {service: [] for service in SERVICES}
        self._versions: dict[str, list[str]] = {service: [] for service in SERVICES}
        for deployment in world.deployments:
            if deployment.environment == "production" and deployment.live_at is not None:
                hours = (deployment.live_at - world.anchor).total_seconds() / 3600
                self._starts[deployment.service].append(hours)
                self._versions[deployment.service].append(deployment.version)

    def version(self, service: str, at_h: float) -> str:
        index = bisect_right(self._starts[service], at_h) - 1
        return self._versions[service][max(index, 0)]

    def starts(self, service: str) -> list[tuple[float, str]]:
        return list(zip(self._starts[service], self._versions[service], strict=True))

    def resource(self, service: str, at_h: float, region: int, lane: int) -> str:
        """Resource attributes as a ClickHouse map literal; `lane` picks the pod."""
        return resource_map(service, self.version(service, at_h), REGIONS[region], lane % PODS_PER_REGION)


@lru_cache(maxsize=4096)
def resource_map(service: str, version: str, region: str, lane: int) -> str:
    replica = hashlib.blake2s(f"{service}{version}".encode(), digest_size=5).hexdigest()[:9]
    pod = hashlib.blake2s(f"{service}{version}{region}{lane}".encode(), digest_size=3).hexdigest()[:5]
    return (
        f"{{'service.name':'{service}','service.version':'{version}','deployment.environment.name':'production',"
        f"'cloud.region':'{region}','k8s.pod.name':'{service}-{replica}-{pod}'}}"
    )
