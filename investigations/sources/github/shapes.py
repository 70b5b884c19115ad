"""GitHub's objects in our documented shapes. Plain functions, no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from investigations.sources.http import cut_text, iso, parse_time

MAX_FILES, MAX_COMMITS, MAX_PULLS = 100, 20, 20
_STATES = {"error": "failed", "failure": "failed", "queued": "pending", "in_progress": "pending"}


@dataclass(slots=True, eq=False)
class Deployment:
    """One deployment while its story is put together."""

    raw: Mapping[str, Any]
    service: str
    created_at: datetime
    statuses: list[Mapping[str, Any]] = field(default_factory=list)  # newest first, none after the run's clock
    previous: Deployment | None = None
    compare: Mapping[str, Any] | None = None
    commit: Mapping[str, Any] | None = None
    pulls: list[Mapping[str, Any]] = field(default_factory=list)
    replaced_at: datetime | None = None

    @property
    def sha(self) -> str:
        return str(self.raw["sha"])

    @property
    def group(self) -> tuple[str, str]:
        return self.service, str(self.raw["environment"])

    @property
    def live_at(self) -> datetime | None:
        """Time of its first `success`, when it began to serve."""
        times = [parse_time(status["created_at"]) for status in self.statuses if status["state"] == "success"]
        return min((at for at in times if at is not None), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """When it stopped serving: marked inactive, or replaced by the next one that went live; None while live."""
        if self.live_at is None:
            return None
        times = [parse_time(status["created_at"]) for status in self.statuses if status["state"] == "inactive"]
        return min((at for at in [*times, self.replaced_at] if at is not None), default=None)

    @property
    def state(self) -> str:
        """success, inactive, failed, pending; "unknown" without a status."""
        if not self.statuses:
            return "unknown"
        state = str(self.statuses[0]["state"])
        return _STATES.get(state, state)


def deployment_of(raw: Mapping[str, Any], service_key: str) -> Deployment:
    created = parse_time(raw["created_at"])
    if created is None:
        raise ValueError("a deployment without a time")
    return Deployment(raw=raw, service=service_of(raw.get("payload"), service_key), created_at=created)


def service_of(payload: Any, key: str) -> str:
    """The service's name out of the payload, which GitHub hands back as an object or as the text it was given."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return ""
    found = payload.get(key) if isinstance(payload, Mapping) else None
    return str(found)[:100] if isinstance(found, (str, int)) else ""


def deployment_shape(deployment: Deployment) -> dict[str, Any]:
    raw, compare, commit = deployment.raw, deployment.compare or {}, deployment.commit or {}
    commits = list(compare.get("commits") or ([commit] if commit else []))
    files = list(compare.get("files") or commit.get("files") or [])
    pulls = [pull_shape(pull) for pull in deployment.pulls[:MAX_PULLS]]
    head = next((c for c in reversed(commits) if c.get("sha") == deployment.sha), commits[-1] if commits else {})
    message = _first_line(head)
    title = next((pull["title"] for pull in pulls if pull["title"]), "") or message
    return {
        "id": raw["id"],
        "sha": deployment.sha,
        "short_sha": deployment.sha[:7],
        "ref": cut_text(raw.get("ref"), 200),
        "environment": cut_text(raw["environment"], 100),
        "service": deployment.service,
        "description": cut_text(raw.get("description"), 300),
        "title": title or cut_text(raw.get("description"), 300),
        "message": message,
        "created_at": iso(deployment.created_at),
        "live_at": iso(deployment.live_at),
        "ended_at": iso(deployment.ended_at),
        "state": deployment.state,
        "went_live": deployment.live_at is not None,
        "creator": _login(raw.get("creator")),
        "url": _deployment_url(deployment),
        "previous_sha": deployment.previous.sha if deployment.previous else None,
        "is_rollback": compare.get("status") == "behind",
        "files": [cut_text(f.get("filename"), 300) for f in files[:MAX_FILES]],
        "files_truncated": len(files) > MAX_FILES or len(files) >= 300,
        "pulls": pulls,
        "commits": [commit_shape(each) for each in commits[-MAX_COMMITS:]],
        "commit_count": int(compare.get("total_commits") or len(commits)),
        "compare_url": str(compare.get("html_url") or ""),
        "log_url": next((str(s["log_url"]) for s in deployment.statuses if s.get("log_url")), ""),
    }


def _deployment_url(deployment: Deployment) -> str:
    """A page a person can open: the comparison, else the commit, else the run's log."""
    for found in (deployment.compare, deployment.commit):
        if found and found.get("html_url"):
            return str(found["html_url"])
    return next((str(s["log_url"]) for s in deployment.statuses if s.get("log_url")), "")


def commit_shape(raw: Mapping[str, Any]) -> dict[str, Any]:
    body = raw.get("commit") or {}
    author = body.get("author") or {}
    return {
        "sha": str(raw["sha"]),
        "message": _first_line(raw),
        "author": _login(raw.get("author")) or cut_text(author.get("name"), 100),
        "at": iso(parse_time((body.get("committer") or {}).get("date") or author.get("date"))),
        "url": str(raw.get("html_url") or ""),
    }


def pull_shape(raw: Mapping[str, Any]) -> dict[str, Any]:
    merged = raw.get("merged_at") or (raw.get("pull_request") or {}).get("merged_at")
    return {
        "number": raw["number"],
        "title": cut_text(raw.get("title"), 300),
        "url": str(raw.get("html_url") or ""),
        "merged_at": iso(parse_time(merged)),
        "author": _login(raw.get("user")),
        "labels": [cut_text(label.get("name"), 60) for label in (raw.get("labels") or [])[:10]],
        "merge_commit_sha": raw.get("merge_commit_sha"),
    }


def release_shape(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": raw["id"],
        "tag": cut_text(raw.get("tag_name"), 200),
        "name": cut_text(raw.get("name"), 300),
        "target": cut_text(raw.get("target_commitish"), 200),
        "published_at": iso(parse_time(raw.get("published_at"))),
        "prerelease": bool(raw.get("prerelease")),
        "author": _login(raw.get("author")),
        "url": str(raw.get("html_url") or ""),
        "body": cut_text(raw.get("body"), 1000),
    }


def mark_replaced(deployments: Iterable[Deployment]) -> None:
    """A deployment ends when the next one of the same service and environment goes live."""
    groups: dict[tuple[str, str], list[Deployment]] = {}
    for each in deployments:
        if each.live_at is not None:
            groups.setdefault(each.group, []).append(each)
    for group in groups.values():
        group.sort(key=lambda each: each.live_at or each.created_at)
        for older, newer in pairwise(group):
            newer.previous = older
            older.replaced_at = newer.live_at


def _first_line(raw: Mapping[str, Any]) -> str:
    message = str((raw.get("commit") or {}).get("message") or "")
    return cut_text(message.partition("\n")[0], 300)


def _login(user: Any) -> str:
    return cut_text(user.get("login"), 100) if isinstance(user, Mapping) else ""
