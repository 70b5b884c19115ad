"""What the public status pages say: open and past incidents, components that are not well, maintenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, Field

from altor.outbound import OutboundError
from investigations.sources.base import (
    Operation,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import (
    Found,
    HTTPSession,
    HTTPSource,
    Identity,
    Params,
    as_source_error,
    cut_text,
    iso,
    parse_time,
    together,
)
from investigations.sources.statuspage.client import CONCURRENCY, SOURCE, TITLE, StatuspageClient, open_statuspage

_MAX_PAGES, _MAX_UPDATES = 10, 6
#: Words in a component's or group's name that make it a region, as clouds and SaaS companies name them.
_REGION = ("us-", "eu-", "ap-", "sa-", "ca-", "region", "europe", "americas", "asia", "frankfurt", "virginia", "oregon")


class StatusParams(Params):
    since: AwareDatetime
    until: AwareDatetime
    limit: int = Field(default=30, ge=1, le=100)


OPERATIONS: Mapping[str, Operation] = {
    "status": Operation(
        name="status",
        title="What the status pages say about a window",
        params=StatusParams,
        returns="""{"incidents": [{id, page (host), name, status ("investigating" | "identified" | "monitoring" |
  "resolved" | "postmortem"), impact ("none" | "minor" | "major" | "critical"), is_open, started_at, created_at,
  resolved_at, updated_at, url, components: [name], regions: [name], updates: [{status, body, at}] newest first}]
  that overlap the window, newest first,
"components": [{id, page, name, group (name or null), status ("operational" | "degraded_performance" |
  "partial_outage" | "major_outage" | "under_maintenance"), is_operational, is_region, updated_at}] as they are now;
  those that are not operational first,
"maintenances": [{id, page, name, status, impact, starts_at, ends_at, is_active, url, components: [name]}] that overlap
  the window,
"pages": [{page, name, url, indicator ("none" | "minor" | "major" | "critical" | null), description, error (null when
  read)}]}. A page that could not be read has its error there and contributes nothing.""",
    )
}


class StatuspageSession(HTTPSession[StatuspageClient]):
    source, title, operations = SOURCE, TITLE, OPERATIONS

    @property
    def pages(self) -> list[str]:
        """The connection's addresses, else the profile's."""
        urls = self.config.options.get("urls") or self.config.base_url.split(",") or []
        found = [str(url).strip() for url in urls if str(url).strip()] or list(self.context.profile.statuspages)
        if not found:
            raise SourceRefused(SOURCE, "No status page is configured")
        return list(dict.fromkeys(url.rstrip("/") for url in found))

    async def _ask(self, operation: str, params: BaseModel) -> Found:
        assert isinstance(params, StatusParams)  # noqa: S101  # the only operation there is
        found = Found(data={}, url=self.pages[0])
        if len(self.pages) > _MAX_PAGES:
            found.cut.append(f"only {_MAX_PAGES} of {len(self.pages)} status pages were read")
        read = await together(*(self._page(page, found.cut) for page in self.pages[:_MAX_PAGES]))
        failed = [each for each in read if each["error"] is not None]
        if len(failed) == len(read):
            raise failed[0]["error"]
        until = min(params.until, self.context.as_of)
        incidents = [i for each in read for i in _incidents(each, params.since, until)]
        incidents.sort(key=lambda incident: str(incident["started_at"]), reverse=True)
        components = [c for each in read for c in _components(each)]
        components.sort(key=lambda component: (component["is_operational"], component["name"]))
        maintenances = [m for each in read for m in _maintenances(each, params.since, until)]
        for name, items, most in (
            ("incidents", incidents, params.limit),
            ("components", components, 100),
            ("maintenances", maintenances, params.limit),
        ):
            if len(items) > most:
                found.cut.append(f"only {most} of {len(items)} {name} are listed")
            found.data[name] = items[:most]
        found.data["pages"] = [_page_shape(each) for each in read]
        times = [parse_time(each["summary"].get("page", {}).get("updated_at")) for each in read if not each["error"]]
        found.newest_at = max((at for at in times if at), default=None)
        return found

    async def _page(self, page: str, cut: list[str]) -> dict[str, Any]:
        """Both documents of one page, or the error instead: a page that is down does not hide the others."""
        host = urlsplit(page).hostname or page
        nothing: dict[str, Any] = {"host": host, "page": page, "summary": {}, "incidents": [], "maintenances": []}
        try:
            summary, incidents, planned = await together(
                self.client.read(page, "summary"),
                self.client.read(page, "incidents"),
                self.client.read(page, "scheduled-maintenances"),
            )
            if not isinstance(summary.get("components"), list) or not isinstance(incidents.get("incidents"), list):
                raise SourceAnswerInvalid(SOURCE, "Status page answered in an unexpected shape")
        except OutboundError as error:
            cut.append(f"{host} could not be read")
            return nothing | {"error": as_source_error(SOURCE, host, error)}
        except SourceError as error:
            cut.append(f"{host} could not be read")
            return nothing | {"error": error}
        return nothing | {
            "error": None,
            "summary": summary,
            "incidents": incidents["incidents"],
            "maintenances": planned.get("scheduled_maintenances") or [],
        }

    async def _identify(self) -> Identity:
        read = await together(*(self.client.read(page, "summary") for page in self.pages[:_MAX_PAGES]))
        names = [cut_text((each.get("page") or {}).get("name"), 100) or "a page" for each in read]
        return Identity(message=f"Reads {', '.join(names)}", identity="public", details={"pages": self.pages})


def _page_shape(read: Mapping[str, Any]) -> dict[str, Any]:
    status = read["summary"].get("status") or {}
    page = read["summary"].get("page") or {}
    return {
        "page": read["host"],
        "name": cut_text(page.get("name"), 100),
        "url": page.get("url") or read["page"],
        "indicator": status.get("indicator"),
        "description": cut_text(status.get("description"), 200),
        "error": read["error"].message if read["error"] else None,
    }


def _incidents(read: Mapping[str, Any], since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Incidents that overlap [since, until], as they stood at `until`: later updates are not read."""
    found = []
    for raw in read["incidents"]:
        started = parse_time(raw.get("started_at") or raw.get("created_at"))
        resolved = parse_time(raw.get("resolved_at"))
        if started is None or started > until or (resolved is not None and resolved < since):
            continue
        if resolved is not None and resolved > until:
            resolved = None
        updates = [u for u in raw.get("incident_updates") or [] if _before(u.get("created_at"), until)]
        names = [cut_text(each.get("name"), 200) for each in raw.get("components") or []]
        status = updates[0].get("status") if updates else raw.get("status")
        found.append(
            {
                "id": str(raw["id"]),
                "page": read["host"],
                "name": cut_text(raw.get("name"), 300),
                "status": status,
                "impact": raw.get("impact") or "none",
                "is_open": resolved is None and status not in ("resolved", "postmortem"),
                "started_at": iso(started),
                "created_at": iso(parse_time(raw.get("created_at"))),
                "resolved_at": iso(resolved),
                "updated_at": iso(parse_time(updates[0].get("created_at")) if updates else started),
                "url": raw.get("shortlink") or f"{read['page']}/incidents/{raw['id']}",
                "components": names,
                "regions": [name for name in names if is_region(name)],
                "updates": [
                    {
                        "status": each.get("status"),
                        "body": cut_text(each.get("body"), 400),
                        "at": iso(parse_time(each.get("display_at") or each.get("created_at"))),
                    }
                    for each in updates[:_MAX_UPDATES]
                ],
            }
        )
    return found


def _components(read: Mapping[str, Any]) -> list[dict[str, Any]]:
    raws: Sequence[Mapping[str, Any]] = read["summary"].get("components") or []
    groups = {raw["id"]: cut_text(raw.get("name"), 200) for raw in raws if raw.get("group")}
    return [
        {
            "id": str(raw["id"]),
            "page": read["host"],
            "name": cut_text(raw.get("name"), 200),
            "group": groups.get(raw.get("group_id")),
            "status": raw.get("status"),
            "is_operational": raw.get("status") == "operational",
            "is_region": is_region(str(raw.get("name") or "")) or is_region(groups.get(raw.get("group_id")) or ""),
            "updated_at": iso(parse_time(raw.get("updated_at"))),
        }
        for raw in raws
        if not raw.get("group")
    ]


def _maintenances(read: Mapping[str, Any], since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = []
    for raw in read["maintenances"]:
        starts, ends = parse_time(raw.get("scheduled_for")), parse_time(raw.get("scheduled_until"))
        if starts is None or starts > until or (ends is not None and ends < since):
            continue
        found.append(
            {
                "id": str(raw["id"]),
                "page": read["host"],
                "name": cut_text(raw.get("name"), 300),
                "status": raw.get("status"),
                "impact": raw.get("impact"),
                "starts_at": iso(starts),
                "ends_at": iso(ends),
                "is_active": starts <= until and (ends is None or until - timedelta(seconds=1) <= ends),
                "url": raw.get("shortlink") or f"{read['page']}/incidents/{raw['id']}",
                "components": [cut_text(each.get("name"), 200) for each in raw.get("components") or []],
            }
        )
    return found


def is_region(name: str) -> bool:
    return any(word in name.lower() for word in _REGION)


def _before(text: Any, until: datetime) -> bool:
    at = parse_time(text)
    return at is None or at <= until


class StatuspageSource(HTTPSource):
    name, title, concurrency = SOURCE, TITLE, CONCURRENCY
    session = StatuspageSession
    client = staticmethod(open_statuspage)
