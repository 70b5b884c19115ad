"""Which incident of a status page fits a symptom: by its time, its regions, and what it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.onsets import Began, began_of
from investigations.playbooks.format import Incidents

Facts = dict[str, Any]

#: An incident that names nothing of the symptom, and one that people call minor, weigh less.
_UNNAMED: Final = 0.6
_IMPACT: Final = {"none": 0.5, "minor": 0.8, "maintenance": 0.8}
_KEPT: Final = 10
_KEYS: Final = (
    "id", "page", "name", "status", "impact", "is_open", "started_at", "resolved_at", "url", "components", "regions",
)  # fmt: skip


def rank(measure: Incidents, data: Mapping[str, Any], space: FactSpace) -> Facts:
    """Facts of a status page around an onset.

    `data`: the answer of the operation `status`. Facts: count, open (incidents that are open), fits[] best first with
    minutes_before (positive = before the onset), in_region (missing where the incident names no region or none is
    known here), terms[] (what of the symptom it names), has_terms, is_maintenance, score in 0..1; best.* is the first,
    best.score is 0 where none fits; elsewhere[] fit in time and name other regions only. Without a known onset nothing
    fits or not: fits, best and elsewhere are unknown then.

    Status pages are written by people, after the fact: an incident may begin up to `after_minutes` after the onset.
    """
    incidents = [*(data.get("incidents") or []), *(_as_incident(item) for item in data.get("maintenances") or [])]
    facts: Facts = {
        "count": float(len(incidents)),
        "open": float(sum(1 for item in data.get("incidents") or [] if item.get("is_open"))),
    }
    began = began_of(space, [measure.onset, *measure.onset_alternatives])
    if began is None:
        return facts
    regions = space.texts(measure.regions)
    terms = space.texts(measure.terms)
    facts |= {"onset": began.onset, "fits": [], "elsewhere": []}
    for item in incidents:
        score = _nearness(measure, item, began)
        if score <= 0:
            continue
        found = _candidate(item, began, regions, terms, score)
        facts["elsewhere" if found.get("in_region") is False else "fits"].append(found)
    facts["fits"].sort(key=lambda item: (-item["score"], abs(item["minutes_before"]), item["id"]))
    facts["fits"], facts["elsewhere"] = facts["fits"][:_KEPT], facts["elsewhere"][:_KEPT]
    return facts | {"best": facts["fits"][0] if facts["fits"] else {"score": 0.0}}


def _as_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """A maintenance in the shape of an incident."""
    return {
        **item,
        "impact": "maintenance",
        "started_at": item.get("starts_at"),
        "resolved_at": item.get("ends_at"),
        "is_open": bool(item.get("is_active")),
        "is_maintenance": True,
    }


def _nearness(measure: Incidents, item: Mapping[str, Any], began: Began) -> float:
    """1 near the onset, less further away; 0 outside the limits, or when it was over before the onset."""
    if not item.get("started_at"):
        return 0.0
    started = datetime.fromisoformat(str(item["started_at"]))
    ended = datetime.fromisoformat(str(item["resolved_at"])) if item.get("resolved_at") else None
    if began.is_before(started, measure.after_minutes) or began.is_after(started, measure.before_minutes):
        return 0.0
    if ended is not None and ended < began.first - timedelta(minutes=10):
        return 0.0
    # Its beginning is what somebody typed later: half an hour is near.
    distance = max(0.0, abs(began.minutes_after(started)) - 30.0)
    return 1.0 / (1.0 + distance / 60.0)


def _candidate(
    item: Mapping[str, Any], began: Began, regions: Sequence[str], terms: Sequence[str], nearness: float
) -> Facts:
    text = " ".join(
        [str(item.get("name") or ""), *map(str, item.get("components") or [])]
        + [str(update.get("body") or "") for update in item.get("updates") or []]
    )
    named = [term for term in terms if _names(text, term) or _same_site(str(item.get("page") or ""), term)]
    facts: Facts = {key: item[key] for key in _KEYS if item.get(key) is not None} | {
        "minutes_before": began.minutes_after(datetime.fromisoformat(str(item["started_at"]))),
        "terms": named,
        "has_terms": bool(named),
        "is_maintenance": bool(item.get("is_maintenance")),
    }
    theirs = [str(region) for region in item.get("regions") or []]
    if theirs and regions:
        facts["in_region"] = any(same_region(one, other) for one in theirs for other in regions)
    weight = (1.0 if named else _UNNAMED) * _IMPACT.get(str(item.get("impact")), 1.0)
    return facts | {"score": nearness * weight}


#: Places that stand for a region in the names of status pages, by the region codes of the large clouds.
_PLACES: Final = {
    "frankfurt": "eu-central-1", "ireland": "eu-west-1", "london": "eu-west-2", "paris": "eu-west-3",
    "stockholm": "eu-north-1", "virginia": "us-east-1", "ohio": "us-east-2", "california": "us-west-1",
    "oregon": "us-west-2", "montreal": "ca-central-1", "tokyo": "ap-northeast-1", "seoul": "ap-northeast-2",
    "singapore": "ap-southeast-1", "sydney": "ap-southeast-2", "mumbai": "ap-south-1",
}  # fmt: skip
_AREAS: Final = {"europe": "eu", "eu": "eu", "americas": "us", "us": "us", "asia": "ap", "ap": "ap"}
_CODE: Final = re.compile(r"\b([a-z]{2}(?:-[a-z]+)+-?\d?)\b")


def same_region(name: str, region: str) -> bool:
    """Whether a name such as "EU (Frankfurt)" or "API us-east-1" means the region `eu-central-1` or `us-east-1`.

    A whole area ("Europe") holds all of its regions.
    """
    name, region = name.lower(), region.lower()
    if not region:
        return False
    if re.search(rf"(?<![\w-]){re.escape(region)}(?![\w-])", name):
        return True
    places = [code for place, code in _PLACES.items() if place in name]
    codes = [code for code in _CODE.findall(name) if code[:2] in ("us", "eu", "ap", "ca", "sa")]
    if places or codes:
        return region in places or region in codes
    areas = {_AREAS[word] for word in re.findall(r"[a-z]+", name) if word in _AREAS}
    return region.partition("-")[0] in areas


def _names(text: str, term: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(term)}(?![\w])", text, re.IGNORECASE) is not None


def _same_site(page: str, host: str) -> bool:
    """Whether a status page (status.partner.example) is that of a host that is called (api.partner.example)."""
    return "." in host and "/" not in host and page.split(".")[-2:] == host.split(".")[-2:]
