"""What GitHub tells about an incident: what went live, when, and what was in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, Field

from investigations.profile import GitHubProfile
from investigations.sources.base import Operation, Scope, SourceRefused
from investigations.sources.github.client import CONCURRENCY, SOURCE, TITLE, GitHubClient, open_github
from investigations.sources.github.deployments import collect_deployments
from investigations.sources.github.shapes import commit_shape, deployment_shape, pull_shape, release_shape
from investigations.sources.http import (
    CredentialRefused,
    Found,
    HTTPSession,
    HTTPSource,
    Identity,
    Params,
    iso,
    parse_time,
    together,
)

#: Classic scopes that read only; any other classic scope can write.
_READ_ONLY_SCOPES = frozenset(
    {"read:org", "read:user", "user:email", "read:project", "read:packages", "read:enterprise"}
)


class DeploymentsParams(Params):
    since: AwareDatetime
    until: AwareDatetime
    environment: str | None = None  # None: all environments, each deployment tells its own
    limit: int = Field(default=20, ge=1, le=40)


class ReleasesParams(Params):
    since: AwareDatetime
    until: AwareDatetime
    limit: int = Field(default=30, ge=1, le=100)


class PullsParams(Params):
    since: AwareDatetime
    until: AwareDatetime
    base: str | None = None
    limit: int = Field(default=50, ge=1, le=100)


class CommitParams(Params):
    sha: str = Field(pattern=r"^[0-9a-fA-F]{7,40}$")


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="deployments",
            title="Deployments in a window, with what was in them",
            params=DeploymentsParams,
            returns=(
                '{"deployments": [{id, sha, short_sha, ref, environment, service, description, title, message, '
                "created_at, live_at (first success; null = never went live), ended_at (replaced or inactive; "
                "null = still live), "
                'state ("success" | "inactive" = was live | "failed" | "pending" | "unknown"), went_live: bool, '
                "creator, url, previous_sha (the one that was live before, same service and environment; "
                "null = unknown), "
                "is_rollback: bool, files: [path], files_truncated, pulls: [{number, title, url, merged_at, author, "
                "labels, merge_commit_sha}], commits: [{sha, message, author, at, url}] oldest first, commit_count, "
                "compare_url, log_url}]} newest first by created_at; files, pulls and commits are [] for those that "
                "never went live or went to another environment than the profile's, which are listed with their state."
            ),
        ),
        Operation(
            name="releases",
            title="Releases published in a window",
            params=ReleasesParams,
            returns=(
                '{"releases": [{id, tag, name, target, published_at, prerelease, author, url, body}]} newest first; '
                "drafts are left out."
            ),
        ),
        Operation(
            name="pulls_merged",
            title="Pull requests merged in a window",
            params=PullsParams,
            returns=(
                '{"pulls": [{number, title, url, merged_at, author, labels, merge_commit_sha}]} newest merge first.'
            ),
        ),
        Operation(
            name="commit",
            title="One commit and its pull requests",
            params=CommitParams,
            returns='{"commit": {sha, message, author, at, url, files: [path]}, "pulls": [as in pulls_merged]}',
        ),
    )
}


class GitHubSession(HTTPSession[GitHubClient]):
    source, title, operations = SOURCE, TITLE, OPERATIONS

    @property
    def profile(self) -> GitHubProfile:
        return self.context.profile.github

    @property
    def repository(self) -> str:
        if not (self.profile.owner and self.profile.repo):
            raise SourceRefused(SOURCE, "The profile names no GitHub repository")
        return f"repos/{quote(self.profile.owner, safe='')}/{quote(self.profile.repo, safe='')}"

    async def _ask(self, operation: str, params: BaseModel) -> Found:
        if isinstance(params, DeploymentsParams):
            return await self._deployments(params)
        if isinstance(params, ReleasesParams):
            return await self._releases(params)
        if isinstance(params, PullsParams):
            return await self._pulls_merged(params)
        assert isinstance(params, CommitParams)  # noqa: S101  # the operations above are all there are
        return await self._commit(params)

    async def _deployments(self, params: DeploymentsParams) -> Found:
        found = Found(data={}, url=self._page("deployments"))
        until = min(params.until, self.context.as_of)
        chosen, newest = await collect_deployments(
            self.client,
            self.repository,
            since=params.since,
            until=until,
            environment=params.environment,
            limit=params.limit,
            service_key=self.profile.service_payload_key,
            detailed=params.environment or self.profile.environment,
            cut=found.cut,
        )
        found.newest_at = newest
        found.data = {"deployments": [deployment_shape(each) for each in chosen]}
        return found

    async def _releases(self, params: ReleasesParams) -> Found:
        page, following = await self.client.page(f"{self.repository}/releases", {"per_page": 100})
        until = min(params.until, self.context.as_of)
        kept = [r for r in page if not r.get("draft") and _within(r.get("published_at"), params.since, until)]
        found = Found(
            data={"releases": [release_shape(r) for r in kept[: params.limit]]},
            newest_at=max((at for at in (parse_time(r.get("published_at")) for r in page) if at), default=None),
            url=self._page("releases"),
        )
        if len(kept) > params.limit or (following is not None and len(kept) == len(page)):
            found.cut.append(f"only the newest {min(len(kept), params.limit)} releases were read")
        return found

    async def _pulls_merged(self, params: PullsParams) -> Found:
        asked = {"state": "closed", "sort": "updated", "direction": "desc", "per_page": 100}
        if params.base:
            asked["base"] = params.base
        until = min(params.until, self.context.as_of)
        page, following = await self.client.page(f"{self.repository}/pulls", asked)
        raws = list(page)
        # Sorted by update: once a page ends before the window, later pages cannot hold a merge inside it.
        if following and raws and _at_least(raws[-1]["updated_at"], params.since):
            more, following = await self.client.page(following)
            raws += more
        kept = [r for r in raws if _within(r.get("merged_at"), params.since, until)]
        kept.sort(key=lambda r: str(r["merged_at"]), reverse=True)
        found = Found(
            data={"pulls": [pull_shape(r) for r in kept[: params.limit]]}, url=self._page("pulls?q=is%3Amerged")
        )
        found.newest_at = max((at for at in (parse_time(r.get("updated_at")) for r in raws) if at), default=None)
        if len(kept) > params.limit or (
            following is not None and raws and _at_least(raws[-1]["updated_at"], params.since)
        ):
            found.cut.append(f"only {min(len(kept), params.limit)} merged pull requests were read")
        return found

    async def _commit(self, params: CommitParams) -> Found:
        path = f"{self.repository}/commits/{params.sha}"
        raw, pulls = await together(self.client.get(path), self.client.get(f"{path}/pulls", {"per_page": 30}))
        files = [str(each.get("filename")) for each in raw.get("files") or []]
        found = Found(
            data={"commit": {**commit_shape(raw), "files": files[:100]}, "pulls": [pull_shape(each) for each in pulls]},
            url=str(raw.get("html_url") or ""),
        )
        if len(files) > 100:
            found.cut.append("only 100 of the commit's files are listed")
        return found

    async def _identify(self) -> Identity:
        if not (self.profile.owner and self.profile.repo):
            user = await self._user()
            warning = "The profile names no repository yet: choose one, or deployments cannot be read."
            return Identity("The credential works", user, tuple(self._scopes({})), (*self._write_warning({}), warning))
        path = self.repository
        user, repository, deployments = await together(
            self._user(), self.client.get(path), self.client.get(f"{path}/deployments", {"per_page": 1})
        )
        permissions = repository.get("permissions") or {}
        warnings = list(self._write_warning(permissions))
        name = str(repository.get("full_name") or f"{self.profile.owner}/{self.profile.repo}")
        newest = iso(parse_time(deployments[0]["created_at"])) if deployments else None
        if not deployments:
            warnings.append(f"{name} has no deployments: Altor cannot tell what went live when.")
        limits = {key: self.client.headers.get(f"x-ratelimit-{key}", "") for key in ("limit", "remaining")}
        return Identity(
            message=f"Reads {name}" + (f"; newest deployment {newest}" if newest else ""),
            identity=user,
            scopes=tuple(self._scopes(permissions)),
            warnings=tuple(warnings),
            details={"repository": name, "rate_limit": limits, "newest_deployment_at": newest},
        )

    def _scopes(self, permissions: Mapping[str, Any]) -> list[Scope]:
        """Classic scopes from the header of the newest answer, then the token's rights on the repository."""
        granted = [scope.strip() for scope in self.client.headers.get("x-oauth-scopes", "").split(",")]
        scopes = [Scope(name, writes=name not in _READ_ONLY_SCOPES) for name in granted if name]
        rights = [name for name, on in permissions.items() if on]
        return scopes + [Scope(f"repository: {name}", writes=name in ("push", "maintain", "admin")) for name in rights]

    def _write_warning(self, permissions: Mapping[str, Any]) -> tuple[str, ...]:
        writing = ", ".join(scope.name for scope in self._scopes(permissions) if scope.writes)
        if not writing:
            return ()
        return (
            f"This token may also write ({writing}). Altor only reads: use a fine-grained token with read access to "
            "contents, deployments, metadata and pull requests.",
        )

    async def _user(self) -> str:
        try:
            return str((await self.client.get("user")).get("login") or "")
        except CredentialRefused:
            raise
        except SourceRefused:
            return "app installation"  # installation tokens have no user

    def _page(self, path: str) -> str:
        host = self.config.base_url or "https://api.github.com"
        if "api.github.com" in host:
            return f"https://github.com/{self.profile.owner}/{self.profile.repo}/{path}"
        return f"{host.removesuffix('/').removesuffix('/api/v3')}/{self.profile.owner}/{self.profile.repo}/{path}"


class GitHubSource(HTTPSource):
    name, title, concurrency = SOURCE, TITLE, CONCURRENCY
    session = GitHubSession
    client = staticmethod(open_github)


def _within(text: Any, since: datetime, until: datetime) -> bool:
    at = parse_time(text)
    return at is not None and since <= at < until + timedelta(seconds=1)


def _at_least(text: Any, since: datetime) -> bool:
    at = parse_time(text)
    return at is not None and at >= since
