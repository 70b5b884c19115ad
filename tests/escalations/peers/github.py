"""One repository of GitHub: pull requests that are opened and merged, deployments that go live, comparisons.

Commit `n` is `sha(n)` and follows commit `n - 1`; a pull request's merge commit has its number.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.loopback import Answer, Asked

Json = dict[str, Any]


def sha(number: int) -> str:
    return f"{number:040x}"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class GitHub:
    def __init__(self) -> None:
        self.pulls: dict[int, Json] = {}
        self.deployments: list[Json] = []
        self.statuses: dict[int, Json] = {}
        self.is_down = False
        self._at = datetime.now(UTC) - timedelta(hours=1)

    def _now(self) -> str:
        self._at += timedelta(seconds=10)
        return stamp(self._at)

    # ----------------------------------------------------------------------------------------------------- what happens
    def open(self, number: int, *, draft: bool = False) -> None:
        self.pulls[number] = {
            "number": number, "title": f"Fix {number}", "state": "open", "draft": draft, "merged": False,
            "merged_at": None, "merge_commit_sha": None, "updated_at": self._now(), "user": {"login": "priya"},
            "html_url": f"https://github.com/acme/platform/pull/{number}", "labels": [],
        }  # fmt: skip

    def merge(self, number: int) -> None:
        at = self._now()
        self.pulls[number] = {
            **self.pulls[number], "state": "closed", "merged": True, "merged_at": at, "updated_at": at,
            "merge_commit_sha": sha(number),
        }  # fmt: skip

    def deploy(self, number: int) -> None:
        """Commit `number` goes live in production."""
        deployment_id, at = len(self.deployments) + 1, self._now()
        self.deployments.insert(0, {
            "id": deployment_id, "sha": sha(number), "ref": "main", "task": "deploy", "environment": "production",
            "description": "deploy", "created_at": at, "updated_at": at, "creator": {"login": "release-bot"},
            "payload": {},
        })  # fmt: skip
        self.statuses[deployment_id] = {"id": deployment_id, "state": "success", "created_at": self._now()}

    # ------------------------------------------------------------------------------------------------------- over HTTP
    def __call__(self, asked: Asked) -> Answer:
        if self.is_down:
            return Answer(503, {"message": "Unavailable"})
        kind, *rest = asked.path.strip("/").split("/")[3:]
        match kind, rest:
            case "pulls", [number]:
                found = self.pulls.get(int(number))
                return Answer(200, found) if found else Answer(404, {"message": "Not Found"})
            case "deployments", []:
                return Answer(200, self.deployments)
            case "deployments", [deployment_id, "statuses"]:
                return Answer(200, [self.statuses[int(deployment_id)]])
            case "compare", [both]:
                return Answer(200, self._compare(*(int(each, 16) for each in both.split("..."))))
            case "commits", [commit, "pulls"]:
                found = self.pulls.get(int(commit, 16))
                return Answer(200, [found] if found else [])
            case "commits", [commit]:
                return Answer(200, {**self._commit(int(commit, 16)), "files": []})
        return Answer(404, {"message": "Not Found"})

    def _compare(self, base: int, head: int) -> Json:
        commits = [self._commit(number) for number in range(base + 1, head + 1)]
        status = "identical" if base == head else "ahead" if base < head else "behind"
        return {
            "status": status,
            "total_commits": len(commits),
            "commits": commits,
            "files": [],
            "html_url": "https://github.com/c",
        }

    def _commit(self, number: int) -> Json:
        body = {"message": f"Change {number}", "author": {"name": "Priya", "date": stamp(self._at)}}
        return {"sha": sha(number), "html_url": f"https://github.com/c/{number}", "commit": body}
