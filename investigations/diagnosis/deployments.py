"""Which deployment can explain an onset: correlation that respects time, environment and success."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import Any, Final

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.onsets import Began, began_of
from investigations.playbooks.conditions import FUNCTIONS, Unknown
from investigations.playbooks.format import Deployments, Versions

Facts = dict[str, Any]


def rank(measure: Deployments, data: Mapping[str, Any], space: FactSpace) -> Facts:
    """Facts of a deployment list around an onset.

    `data["deployments"]`: id, sha, service, environment, state, live_at, title, files, pulls, url (GitHub operation).
    Facts: count, live (went live in the window), candidates[] best first with minutes_before (positive = before the
    onset), words[], service_fits, score in 0..1; best.* is the first, and where there are deployments but none fits,
    best.score is 0, so that "one fits in time" is false and not unknown; after[] went live only after the onset;
    failed[] never went live; elsewhere[] went to another environment than the profile's, so it cannot explain anything
    here. Without a known onset nothing can be told to be before or after it: candidates and after are unknown then.
    """
    deployments: Sequence[Mapping[str, Any]] = data.get("deployments") or []
    began = began_of(space, [measure.onset, *measure.onset_alternatives])
    services = {str(item) for expression in measure.services for item in _as_list(space.value(expression))}
    wanted = str((space.inputs.profile.get("github") or {}).get("environment") or "")
    here = [item for item in deployments if not wanted or (item.get("environment") or wanted) == wanted]
    live = [item for item in here if item.get("live_at")]
    facts: Facts = {
        "count": float(len(deployments)),
        "live": float(len(live)),
        "failed": [_brief(item) for item in here if not item.get("live_at")],
        "elsewhere": [_brief(item) for item in deployments if (item.get("environment") or wanted) != wanted and wanted],
    }
    if began is None:
        return facts
    facts |= {"onset": began.onset, "candidates": [], "after": []}
    for item in live:
        at = datetime.fromisoformat(str(item["live_at"]))
        if began.is_before(at, measure.after_minutes):
            facts["after"].append(_brief(item) | {"minutes_after": -began.minutes_after(at)})
        elif not began.is_after(at, measure.before_minutes):
            facts["candidates"].append(_candidate(measure, item, began, at, services))
    facts["candidates"].sort(key=lambda item: (-item["order"], abs(item["minutes_before"]), str(item["sha"])))
    return facts | _best(facts)


#: What a deployment's score is multiplied with when another service than the one that shows the symptom went live,
_OTHER_SERVICE: Final = 0.25
#: when neither its title nor its files nor its pull requests name what the symptom is about,
_OTHER_WORDS: Final = 0.6
#: when only its files do: in a repository of many services they hold what went live elsewhere long before,
_WORDS_IN_FILES: Final = 0.8
#: and when all it changed is read by people or by tests, and never runs.
_HARMLESS: Final = 0.2
#: Among several near the onset, what they changed tells more than a quarter of an hour does: the words' factor counts
#: with this power in their order. Alone, a deployment that does not tell what it is about may still be the one.
_WORDS_IN_ORDER: Final = 2.0
_NEVER_RUNS: Final = (
    "docs/*", "doc/*", "*/docs/*", "test/*", "tests/*", "*/test/*", "*/tests/*", ".github/*",
    "*.md", "*.rst", "*.adoc", "*/changelog*", "changelog*", "license*", "codeowners", "*/codeowners", ".editorconfig",
)  # fmt: skip
#: A version first seen this soon after the window's start was there before: traffic is thin.
SETTLED: Final = timedelta(minutes=45)


def rank_versions(measure: Versions, rows: Sequence[Mapping[str, Any]], space: FactSpace) -> Facts:
    """Facts as `rank`, from versions seen in the telemetry; `sha` and `short_sha` are the version as recorded.

    A version is a change when its service ran another one before, or when it began long after the window's start. The
    time is the first record that carries it: at thin traffic some minutes after it went live.
    """
    began = began_of(space, [measure.onset, *measure.onset_alternatives])
    start = space.value(measure.window_start)
    services = {str(item) for expression in measure.services for item in _as_list(space.value(expression))}
    settled = datetime.fromisoformat(str(start)) + SETTLED if not isinstance(start, Unknown) else None
    changes = []
    for row in rows:
        at = _utc(row[measure.first_at])
        if settled is None or at > settled:
            version, service = str(row[measure.version]), str(row[measure.service])
            changes.append(
                {
                    "sha": version,
                    "short_sha": version[:7],
                    "service": service,
                    "live_at": at.isoformat().replace("+00:00", "Z"),
                    "title": f"{service} {version[:7]}",
                }
            )
    facts: Facts = {"count": float(len(rows)), "changes": float(len(changes))}
    if began is None:
        return facts
    facts |= {"onset": began.onset, "candidates": [], "after": []}
    for item in changes:
        at = datetime.fromisoformat(item["live_at"])
        if began.is_before(at, measure.after_minutes):
            facts["after"].append(item | {"minutes_after": -began.minutes_after(at)})
        elif not began.is_after(at, measure.before_minutes):
            fits = item["service"] in services if services else None
            score = began.nearness(at) * (1.0 if fits or fits is None else 0.25)
            facts["candidates"].append(item | {"minutes_before": began.minutes_after(at), "score": score})
    facts["candidates"].sort(key=lambda item: (-item["score"], abs(item["minutes_before"]), item["sha"]))
    return facts | _best(facts)


def _best(facts: Facts) -> Facts:
    """best.* and second_score; where nothing was deployed at all, perhaps nobody records deployments here."""
    candidates = facts["candidates"]
    if not candidates:
        return {"best": {"score": 0.0}} if facts["count"] else {}
    second = {"second_score": candidates[1]["score"]} if len(candidates) > 1 else {}
    return {"best": candidates[0], **second}


def _utc(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace(" ", "T"))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _candidate(measure: Deployments, item: Mapping[str, Any], began: Began, at: datetime, services: set[str]) -> Facts:
    own = [item.get("title"), item.get("description"), *(pull.get("title") for pull in item.get("pulls") or [])]
    named = _words_in(own, measure.words)
    words = _words_in([*own, *(item.get("files") or [])], measure.words)
    fits = str(item.get("service") or "") in services if services and item.get("service") else None
    nearness = began.nearness(at)
    harmless = _is_harmless(item.get("files") or [])
    text = 1.0 if named else _WORDS_IN_FILES if words else _OTHER_WORDS
    without = nearness * (_OTHER_SERVICE if fits is False else 1.0) * (_HARMLESS if harmless else 1.0)
    facts = _brief(item) | {
        "minutes_before": began.minutes_after(at),
        "words": words,
        "has_words": bool(words),
        "harmless": harmless,
        "nearness": nearness,
        "score": without * text,
        "order": without * text**_WORDS_IN_ORDER,
    }
    return facts if fits is None else facts | {"service_fits": fits}


def _words_in(texts: Iterable[Any], words: Sequence[str]) -> list[str]:
    text = " ".join(str(item or "") for item in texts).replace("_", " ").replace("-", " ").replace("/", " ")
    return [word for word in words if FUNCTIONS["matches_any"](text, [word])]


def _is_harmless(files: Sequence[str]) -> bool:
    """Whether the changed files are known, and all of them documentation, tests or what surrounds them."""
    return bool(files) and all(any(fnmatch(str(name).lower(), kind) for kind in _NEVER_RUNS) for name in files)


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
