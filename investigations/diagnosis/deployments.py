"""Which deployment can explain an onset: correlation that respects time, environment and success."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from investigations.diagnosis.facts import FactSpace
from investigations.playbooks.conditions import FUNCTIONS, Unknown
from investigations.playbooks.format import Deployments

Facts = dict[str, Any]


def rank(measure: Deployments, data: Mapping[str, Any], space: FactSpace) -> Facts:
    """Facts of a deployment list around an onset.

    `data["deployments"]`: id, sha, service, environment, state, live_at, title, files, pulls, url (GitHub operation).
    Facts: count, live (went live in the window), candidates[] best first with minutes_before (positive = before the
    onset), words[], service_fits, score in 0..1; best.* is the first; after[] went live only after the onset;
    failed[] never went live; elsewhere[] went to another environment than the profile's, so it cannot explain anything
    here. Without a known onset nothing is a candidate.
    """
    deployments: Sequence[Mapping[str, Any]] = data.get("deployments") or []
    onset = space.first_known([measure.onset, *measure.onset_alternatives])
    services = {str(item) for expression in measure.services for item in _as_list(space.value(expression))}
    wanted = str((space.inputs.profile.get("github") or {}).get("environment") or "")
    here = [item for item in deployments if not wanted or (item.get("environment") or wanted) == wanted]
    live = [item for item in here if item.get("live_at")]
    facts: Facts = {
        "count": float(len(deployments)),
        "live": float(len(live)),
        "failed": [_brief(item) for item in here if not item.get("live_at")],
        "elsewhere": [_brief(item) for item in deployments if (item.get("environment") or wanted) != wanted and wanted],
        "candidates": [],
        "after": [],
    }
    if isinstance(onset, Unknown):
        return facts
    moment = datetime.fromisoformat(str(onset))
    facts["onset"] = str(onset)
    for item in live:
        minutes = (moment - datetime.fromisoformat(str(item["live_at"]))).total_seconds() / 60.0
        if minutes < -measure.after_minutes:
            facts["after"].append(_brief(item) | {"minutes_after": -minutes})
        elif minutes <= measure.before_minutes:
            facts["candidates"].append(_candidate(measure, item, minutes, services))
    facts["candidates"].sort(key=lambda item: (-item["score"], abs(item["minutes_before"]), str(item["sha"])))
    if facts["candidates"]:
        facts["best"] = facts["candidates"][0]
        if len(facts["candidates"]) > 1:
            facts["second_score"] = facts["candidates"][1]["score"]
    return facts


def _candidate(measure: Deployments, item: Mapping[str, Any], minutes: float, services: set[str]) -> Facts:
    text = " ".join(
        [
            str(item.get("title") or ""),
            str(item.get("description") or ""),
            *map(str, item.get("files") or []),
            *(str(pull.get("title") or "") for pull in item.get("pulls") or []),
        ]
    )
    words = [
        word
        for word in measure.words
        if FUNCTIONS["matches_any"](text.replace("_", " ").replace("-", " ").replace("/", " "), [word])
    ]
    fits = str(item.get("service") or "") in services if services and item.get("service") else None
    # Nearness halves each 15 minutes; a deployment of another service is set back, one whose text fits is preferred.
    nearness = math.exp(-math.log(2) * max(0.0, abs(minutes) - 3.0) / 15.0)
    score = nearness * (1.0 if fits is None else 1.0 if fits else 0.25) * (1.0 if words else 0.75)
    facts = _brief(item) | {
        "minutes_before": minutes,
        "words": words,
        "has_words": bool(words),
        "nearness": nearness,
        "score": score,
    }
    return facts if fits is None else facts | {"service_fits": fits}


def _brief(item: Mapping[str, Any]) -> Facts:
    keys = (
        "id",
        "sha",
        "short_sha",
        "service",
        "environment",
        "state",
        "live_at",
        "created_at",
        "title",
        "url",
        "compare_url",
        "commit_count",
    )
    return {key: item[key] for key in keys if item.get(key) is not None} | {
        "files": list(item.get("files") or [])[:20],
        "pulls": list(item.get("pulls") or [])[:5],
    }


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, Unknown):
        return []
    return value if isinstance(value, list) else [value]
