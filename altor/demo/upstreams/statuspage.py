"""Two public status pages (Statuspage JSON, no credential): the vendor's own and that of the service it buys rates from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from altor.demo.upstreams.server import Reply, Request
from altor.demo.world.build import World
from altor.demo.world.company import REGIONS

Json = dict[str, Any]
PAGES: Final = {"harborline": "Harborline", "parcelquote": "ParcelQuote"}
_COMPONENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "harborline": ("API", "Webhooks", "Dashboard", "Reports", *REGIONS),
    "parcelquote": ("Quotes API", "Tariff data"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """An incident as it was told to the public: later than it began, and not every one was told."""

    page: str
    name: str
    impact: str  # minor, major, critical
    component: str
    start_h: float
    end_h: float
    updates: tuple[tuple[float, str, str], ...]  # hours, status, text


NOTICES: Final = (
    Notice(
        "parcelquote", "Elevated response times of the Quotes API", "major", "Quotes API", -56.4, -51.3,
        (
            (-56.4, "investigating", "Quotes take longer than usual. We are looking into it."),
            (-54.0, "identified", "A tariff import overloads one database."),
            (-51.3, "resolved", "The import was stopped; response times are back to normal."),
        ),
    ),
    Notice(
        "harborline", "Errors on all API endpoints", "major", "API", -19.4, -18.9,
        (
            (-19.4, "investigating", "Some requests fail. We are looking into it."),
            (-19.1, "monitoring", "A load balancer was replaced. Requests succeed again."),
            (-18.9, "resolved", "No errors for fifteen minutes."),
        ),
    ),
    Notice(
        "harborline", "Delayed webhook deliveries", "minor", "Webhooks", -110.5, -105.5,
        (
            (-110.5, "investigating", "Deliveries are late."),
            (-106.0, "monitoring", "A fix is live; the queue is emptying."),
            (-105.5, "resolved", "All deliveries were sent."),
        ),
    ),
    Notice(
        "harborline", "Rejected requests", "major", "API", -96.5, -91.2,
        (
            (-96.5, "investigating", "Requests are answered 429 although they are inside the quota."),
            (-91.5, "monitoring", "The limiter's configuration was restored."),
            (-91.2, "resolved", "Quotas are applied as before."),
        ),
    ),
)  # fmt: skip


class Statuspages:
    def __init__(self, world: World, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._clock = clock

    def __call__(self, request: Request) -> Reply:
        parts = [part for part in request.path.split("/") if part]
        if request.method not in ("GET", "HEAD"):
            return Reply(405, {"error": "method not allowed"})
        if len(parts) < 4 or parts[0] not in PAGES or parts[1:3] != ["api", "v2"]:
            return Reply(404, {"error": "not found"})
        slug, now = parts[0], self._clock()
        page = self._page(slug, now)
        incidents = self._incidents(slug, now)
        open_ones = [incident for incident in incidents if incident["status"] not in ("resolved", "postmortem")]
        components = self._components(slug, open_ones)
        status = self._status(open_ones)
        maintenance = self._maintenances(slug)
        bodies: dict[str, Json] = {
            "summary.json": {
                "page": page, "components": components, "incidents": open_ones, "scheduled_maintenances": maintenance, "status": status,
            },
            "status.json": {"page": page, "status": status},
            "components.json": {"page": page, "components": components},
            "incidents.json": {"page": page, "incidents": incidents},
            "incidents/unresolved.json": {"page": page, "incidents": open_ones},
            "scheduled-maintenances.json": {"page": page, "scheduled_maintenances": maintenance},
            "scheduled-maintenances/upcoming.json": {"page": page, "scheduled_maintenances": maintenance},
            "scheduled-maintenances/active.json": {"page": page, "scheduled_maintenances": []},
        }  # fmt: skip
        body = bodies.get("/".join(parts[3:]))
        return Reply(200, body) if body is not None else Reply(404, {"error": "not found"})

    def _page(self, slug: str, now: datetime) -> Json:
        return {
            "id": f"page{slug}", "name": PAGES[slug], "url": f"https://status.{slug}.example", "time_zone": "Etc/UTC", "updated_at": _iso(now),
        }  # fmt: skip

    def _incidents(self, slug: str, now: datetime) -> list[Json]:
        """Newest first; only what had been told by now."""
        out = []
        for index, notice in enumerate(NOTICES):
            told = [update for update in notice.updates if self._world.at(update[0]) <= now]
            if notice.page == slug and told:
                out.append(self._incident(slug, index, notice, told))
        return sorted(out, key=lambda incident: str(incident["created_at"]), reverse=True)

    def _incident(self, slug: str, index: int, notice: Notice, told: Sequence[tuple[float, str, str]]) -> Json:
        id_ = f"inc{index:04d}{slug}"
        component = self._component(slug, notice.component, "operational")
        updates = [
            {
                "id": f"upd{index:04d}{number}", "status": status, "body": text, "incident_id": id_, "created_at": _iso(self._world.at(hours)),
                "updated_at": _iso(self._world.at(hours)), "display_at": _iso(self._world.at(hours)), "affected_components": [],
            }
            for number, (hours, status, text) in reversed(list(enumerate(told)))
        ]  # fmt: skip
        resolved = told[-1][1] == "resolved"
        return {
            "id": id_, "name": notice.name, "status": told[-1][1], "impact": notice.impact, "page_id": f"page{slug}",
            "created_at": _iso(self._world.at(told[0][0])), "started_at": _iso(self._world.at(notice.start_h)),
            "updated_at": _iso(self._world.at(told[-1][0])), "monitoring_at": None,
            "resolved_at": _iso(self._world.at(notice.end_h)) if resolved else None, "shortlink": f"https://stspg.example/{id_}",
            "incident_updates": updates, "components": [component],
        }  # fmt: skip

    def _components(self, slug: str, open_ones: Sequence[Json]) -> list[Json]:
        broken = {component["name"] for incident in open_ones for component in incident["components"]}
        return [
            self._component(slug, name, "degraded_performance" if name in broken else "operational")
            for name in _COMPONENTS[slug]
        ]

    def _component(self, slug: str, name: str, status: str) -> Json:
        started = _iso(self._world.at(-9000.0))
        return {
            "id": f"cmp{slug}{_COMPONENTS[slug].index(name)}", "name": name, "status": status, "created_at": started, "updated_at": started,
            "position": _COMPONENTS[slug].index(name) + 1, "description": None, "showcase": False, "group_id": None, "group": False,
            "page_id": f"page{slug}", "only_show_if_degraded": False,
        }  # fmt: skip

    def _status(self, open_ones: Sequence[Json]) -> Json:
        if not open_ones:
            return {"indicator": "none", "description": "All Systems Operational"}
        worst = max((str(i["impact"]) for i in open_ones), key=("none", "minor", "major", "critical").index)
        return {"indicator": worst, "description": f"{worst.capitalize()} service outage"}

    def _maintenances(self, slug: str) -> list[Json]:
        if slug != "harborline":
            return []
        start, end = self._world.at(62.0), self._world.at(63.0)
        return [
            {
                "id": "mnt0001", "name": "Database upgrade of the dashboard", "status": "scheduled", "impact": "maintenance",
                "page_id": "pageharborline", "created_at": _iso(self._world.at(-60.0)), "updated_at": _iso(self._world.at(-60.0)),
                "monitoring_at": None, "resolved_at": None, "started_at": _iso(start), "scheduled_for": _iso(start),
                "scheduled_until": _iso(end), "shortlink": "https://stspg.example/mnt0001", "incident_updates": [],
                "components": [self._component(slug, "Dashboard", "operational")],
            }
        ]  # fmt: skip


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
