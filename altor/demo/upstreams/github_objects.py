"""GitHub's objects for the vendor's repository, as they are at a given moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from altor.demo.world.build import World, iso
from altor.demo.world.company import VENDOR_DOMAIN
from altor.demo.world.deployments import Deployment

Json = dict[str, Any]
OWNER: Final = "harborline"
REPO: Final = "platform"
WEB: Final = "https://github.com/harborline/platform"
REPOSITORY_ID: Final = 7_340_118


def _number(text: str) -> int:
    return int(hashlib.blake2s(text.encode(), digest_size=4).hexdigest(), 16) % 9_000_000 + 100_000


class Repository:
    """What the repository looked like at `now`: later deployments and statuses do not exist yet."""

    def __init__(self, world: World, now: datetime, base: str) -> None:
        self._now = now
        self._api = f"{base}/repos/{OWNER}/{REPO}"
        self._base = base
        self._known = [d for d in reversed(world.deployments) if d.merged_at <= now]

    def user(self, login: str, name: str = "", kind: str = "User") -> Json:
        number = _number(login)
        return {
            "login": login, "id": number, "node_id": f"U_{number}", "type": kind, "site_admin": False, "gravatar_id": "",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}", "url": f"{self._base}/users/{login}",
            "html_url": f"https://github.com/{login}", "followers_url": f"{self._base}/users/{login}/followers",
            "following_url": f"{self._base}/users/{login}/following{{/other_user}}", "gists_url": f"{self._base}/users/{login}/gists{{/gist_id}}",
            "starred_url": f"{self._base}/users/{login}/starred{{/owner}}{{/repo}}", "subscriptions_url": f"{self._base}/users/{login}/subscriptions",
            "organizations_url": f"{self._base}/users/{login}/orgs", "repos_url": f"{self._base}/users/{login}/repos",
            "events_url": f"{self._base}/users/{login}/events{{/privacy}}", "received_events_url": f"{self._base}/users/{login}/received_events",
        }  # fmt: skip

    def document(self) -> Json:
        return {
            "id": REPOSITORY_ID, "node_id": f"R_{REPOSITORY_ID}", "name": REPO, "full_name": f"{OWNER}/{REPO}", "private": True,
            "owner": self.user(OWNER, kind="Organization"), "html_url": WEB, "description": "The Harborline platform", "fork": False,
            "url": self._api, "default_branch": "main", "archived": False, "disabled": False, "visibility": "private",
            "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
        }  # fmt: skip

    # ---- deployments
    def deployments(self) -> list[Json]:
        """Newest first."""
        made = [d for d in self._known if d.created_at <= self._now]
        return [self._deployment(d) for d in sorted(made, key=lambda d: d.created_at, reverse=True)]

    def deployment(self, number: str) -> Json | None:
        found = self._find(number)
        return None if found is None else self._deployment(found)

    def _find(self, number: str) -> Deployment | None:
        return next((d for d in self._known if str(d.number) == number and d.created_at <= self._now), None)

    def _deployment(self, d: Deployment) -> Json:
        changed = max(
            at for at in (d.created_at, d.live_at, d.failed_at, d.superseded_at) if at is not None and at <= self._now
        )
        url = f"{self._api}/deployments/{d.number}"
        return {
            "url": url, "id": d.number, "node_id": f"DE_{d.number}", "task": "deploy", "original_environment": d.environment,
            "environment": d.environment, "description": f"deploy {d.service}", "created_at": iso(d.created_at), "updated_at": iso(changed),
            "sha": d.sha, "ref": "main", "payload": {"service": d.service, "version": d.version},
            "creator": self.user("harborline-deploy", kind="Bot"), "statuses_url": f"{url}/statuses", "repository_url": self._api,
            "transient_environment": False, "production_environment": d.environment == "production",
        }  # fmt: skip

    def statuses(self, number: str) -> list[Json]:
        """Newest first."""
        d = self._find(number)
        if d is None:
            return []
        told = [
            ("pending", d.created_at),
            ("in_progress", d.created_at + timedelta(seconds=7)),
            ("success", d.live_at),
            ("failure", d.failed_at),
            ("inactive", d.superseded_at),
        ]
        past = [(state, at) for state, at in told if at is not None and at <= self._now]
        return [self._status(d, index, state, at) for index, (state, at) in reversed(list(enumerate(past)))]

    def _status(self, d: Deployment, index: int, state: str, at: datetime) -> Json:
        url = f"{self._api}/deployments/{d.number}"
        return {
            "url": f"{url}/statuses/{index}", "id": d.number * 8 + index, "node_id": f"DES_{d.number}_{index}", "state": state,
            "creator": self.user("harborline-deploy", kind="Bot"), "description": "", "environment": d.environment, "target_url": "",
            "created_at": iso(at), "updated_at": iso(at), "deployment_url": url, "repository_url": self._api, "environment_url": "",
            "log_url": f"{WEB}/actions/runs/{d.number}",
        }  # fmt: skip

    def environments(self) -> list[Json]:
        started = iso(self._now - timedelta(days=900))
        return [
            {
                "id": index, "node_id": f"EN_{index}", "name": name, "url": f"{self._api}/environments/{name}",
                "html_url": f"{WEB}/deployments/{name}", "created_at": started, "updated_at": started,
            }
            for index, name in enumerate(("production", "staging"), 1)
        ]  # fmt: skip

    # ---- commits and pulls
    def commits(self, params: Mapping[str, str]) -> list[Json]:
        """Newest first, without files, filtered as the API does."""
        out = []
        for d in self._known:
            date = iso(d.merged_at)
            if not params.get("since", "") <= date <= (params.get("until") or "9"):
                continue
            if params.get("path") and not any(name.startswith(params["path"]) for name in d.files):
                continue
            if params.get("author") and d.author[0] != params["author"]:
                continue
            out.append({key: value for key, value in self._commit(d).items() if key not in ("files", "stats")})
        return out

    def commit(self, ref: str) -> Json | None:
        found = self._by_sha(ref)
        return None if found is None else self._commit(found)

    def _by_sha(self, ref: str) -> Deployment | None:
        if ref == "main":
            return self._known[0] if self._known else None
        return next((d for d in self._known if len(ref) >= 7 and d.sha.startswith(ref)), None)

    def _commit(self, d: Deployment) -> Json:
        login, name = d.author
        when = {"name": name, "email": f"{login}@{VENDOR_DOMAIN}", "date": iso(d.merged_at)}
        url = f"{self._api}/commits/{d.sha}"
        return {
            "sha": d.sha, "node_id": f"C_{d.sha[:12]}", "url": url, "html_url": f"{WEB}/commit/{d.sha}", "comments_url": f"{url}/comments",
            "commit": {
                "message": f"{d.title} (#{d.pull_number})", "author": when, "committer": when,
                "tree": {"sha": hashlib.sha256(d.sha.encode()).hexdigest()[:40], "url": f"{self._api}/git/trees/{d.sha}"}, "comment_count": 0,
                "url": f"{self._api}/git/commits/{d.sha}",
                "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None},
            },
            "author": self.user(login), "committer": self.user(login), "parents": [],
            "stats": {"total": 17 * len(d.files), "additions": 12 * len(d.files), "deletions": 5 * len(d.files)},
            "files": [self._file(d, name) for name in d.files],
        }  # fmt: skip

    def _file(self, d: Deployment, name: str) -> Json:
        return {
            "sha": d.sha, "filename": name, "status": "modified", "additions": 12, "deletions": 5, "changes": 17,
            "blob_url": f"{WEB}/blob/{d.sha}/{name}", "raw_url": f"{WEB}/raw/{d.sha}/{name}",
            "contents_url": f"{self._api}/contents/{name}?ref={d.sha}",
        }  # fmt: skip

    def compare(self, base: str, head: str) -> Json | None:
        first, last = self._by_sha(base), self._by_sha(head)
        if first is None or last is None:
            return None
        between = [d for d in reversed(self._known) if first.merged_at < d.merged_at <= last.merged_at]
        status = "identical" if first is last else "ahead" if first.merged_at < last.merged_at else "behind"
        behind = sum(last.merged_at < d.merged_at <= first.merged_at for d in self._known)
        span = f"{first.sha}...{last.sha}"
        return {
            "url": f"{self._api}/compare/{span}", "html_url": f"{WEB}/compare/{span}", "permalink_url": f"{WEB}/compare/{span}",
            "diff_url": f"{WEB}/compare/{span}.diff", "patch_url": f"{WEB}/compare/{span}.patch", "base_commit": self._commit(first),
            "merge_base_commit": self._commit(first if status != "behind" else last), "status": status, "ahead_by": len(between),
            "behind_by": behind, "total_commits": len(between), "commits": [self._commit(d) for d in between],
            "files": [self._file(d, name) for d in between for name in d.files],
        }  # fmt: skip

    def pulls(self, params: Mapping[str, str]) -> list[Json]:
        if params.get("state", "open") == "open":
            return []  # everything known was merged
        found = sorted(self._known, key=lambda d: d.merged_at, reverse=params.get("direction", "desc") == "desc")
        return [self._pull(d) for d in found]

    def pull_of(self, sha: str) -> Json:
        return self._pull(next(d for d in self._known if d.sha == sha))

    def _pull(self, d: Deployment) -> Json:
        number, login = d.pull_number, d.author[0]
        url = f"{self._api}/pulls/{number}"
        label = f"{OWNER}:main"
        repository = self.document()
        side = {"label": label, "user": self.user(OWNER, kind="Organization"), "repo": repository}
        issue = f"{self._api}/issues/{number}"
        return {
            "url": url, "id": 1_000_000 + number, "node_id": f"PR_{number}", "html_url": f"{WEB}/pull/{number}", "number": number,
            "diff_url": f"{WEB}/pull/{number}.diff", "patch_url": f"{WEB}/pull/{number}.patch", "issue_url": issue,
            "commits_url": f"{url}/commits", "review_comments_url": f"{url}/comments", "review_comment_url": f"{url}/comments{{/number}}",
            "comments_url": f"{issue}/comments", "statuses_url": f"{self._api}/statuses/{d.sha}", "state": "closed", "locked": False,
            "title": d.title, "user": self.user(login), "body": f"Touches {', '.join(d.files)}.", "labels": [], "milestone": None,
            "active_lock_reason": None, "created_at": iso(d.merged_at - timedelta(hours=19)), "updated_at": iso(d.merged_at),
            "closed_at": iso(d.merged_at), "merged_at": iso(d.merged_at), "merge_commit_sha": d.sha, "assignee": None, "assignees": [],
            "requested_reviewers": [], "requested_teams": [], "head": {**side, "ref": f"change/{number}", "sha": d.sha},
            "base": {**side, "ref": "main", "sha": d.sha}, "author_association": "MEMBER", "auto_merge": None, "draft": False,
            "_links": {
                name: {"href": href}
                for name, href in (
                    ("self", url), ("html", f"{WEB}/pull/{number}"), ("issue", issue), ("comments", f"{issue}/comments"),
                    ("review_comments", f"{url}/comments"), ("review_comment", f"{url}/comments{{/number}}"), ("commits", f"{url}/commits"),
                    ("statuses", f"{self._api}/statuses/{d.sha}"),
                )
            },
        }  # fmt: skip
