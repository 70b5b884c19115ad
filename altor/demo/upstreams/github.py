"""GitHub's REST API, reading only: deployments, statuses, commits, comparisons, pulls, search, rate limit, ETags."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from altor.demo.credentials import GITHUB_TOKEN
from altor.demo.upstreams.github_objects import OWNER, REPO, Repository
from altor.demo.upstreams.server import Reply, Request, is_credential
from altor.demo.world.build import World

Json = dict[str, Any]
DOCS: Final = "https://docs.github.com/rest"
CORE_LIMIT: Final = 5000
SEARCH_LIMIT: Final = 30


class GitHubError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GitHub:
    def __init__(self, world: World, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._clock = clock
        self._used = {"core": 0, "search": 0}

    def __call__(self, request: Request) -> Reply:
        resource = "search" if "/search/" in request.path else "core"
        try:
            body, link = self._route(request)
        except GitHubError as error:
            body = {"message": error.message, "documentation_url": DOCS, "status": str(error.status)}
            return Reply(error.status, body, self._headers(resource))
        headers = self._headers(resource)
        etag = 'W/"' + hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:64] + '"'
        headers |= {"ETag": etag, "Cache-Control": "private, max-age=60, s-maxage=60"}
        if link:
            headers["Link"] = link
        if request.headers.get("If-None-Match") == etag:
            return Reply(304, None, headers)  # free of the primary limit
        if not request.path.endswith("/rate_limit"):
            self._used[resource] += 1
        return Reply(200, body, self._headers(resource) | headers)

    def _headers(self, resource: str) -> dict[str, str]:
        limit = CORE_LIMIT if resource == "core" else SEARCH_LIMIT
        used = self._used[resource] % limit
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - used),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(self._reset()),
            "X-RateLimit-Resource": resource,
            "X-GitHub-Request-Id": uuid4().hex[:16].upper(),
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Api-Version-Selected": "2022-11-28",
        }

    def _reset(self) -> int:
        return (int(time.time()) // 3600 + 1) * 3600

    def _route(self, request: Request) -> tuple[Any, str]:
        if not request.headers.get("User-Agent"):
            raise GitHubError(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
            )
        if not is_credential(request, GITHUB_TOKEN):
            raise GitHubError(
                401, "Bad credentials" if "Authorization" in request.headers else "Requires authentication"
            )
        if request.method not in ("GET", "HEAD"):
            raise GitHubError(403, "Resource not accessible by personal access token")
        params = dict(parse_qsl(request.query, keep_blank_values=True))
        repository = Repository(self._world, self._clock(), request.base)
        parts = [part for part in request.path.split("/") if part]
        if parts[:2] == ["api", "v3"]:
            parts = parts[2:]
        match parts:
            case []:
                return {"current_user_url": f"{request.base}/user", "rate_limit_url": f"{request.base}/rate_limit"}, ""
            case ["rate_limit"]:
                return self._rate_limit(), ""
            case ["user"]:
                return repository.user("altor-reader", "Altor Reader") | {"name": "Altor Reader"}, ""
            case ["search", "issues"]:
                return self._search(repository, params, request)
            case ["repos", owner, name, *rest] if (owner.lower(), name.lower()) == (OWNER, REPO):
                return self._repository(repository, rest, params, request)
        raise GitHubError(404, "Not Found")

    def _rate_limit(self) -> Json:
        def bucket(limit: int, used: int) -> Json:
            return {"limit": limit, "used": used % limit, "remaining": limit - used % limit, "reset": self._reset()}

        core = bucket(CORE_LIMIT, self._used["core"])
        return {"resources": {"core": core, "search": bucket(SEARCH_LIMIT, self._used["search"])}, "rate": core}

    def _repository(
        self, repository: Repository, rest: Sequence[str], params: Mapping[str, str], request: Request
    ) -> tuple[Any, str]:
        match rest:
            case []:
                return repository.document(), ""
            case ["deployments"]:
                wanted = {key: params[key] for key in ("sha", "ref", "task", "environment") if key in params}
                found = [d for d in repository.deployments() if all(d[key] == value for key, value in wanted.items())]
                return _page(found, params, request)
            case ["deployments", number, *more] if more in ([], ["statuses"]):
                deployment = repository.deployment(number)
                if deployment is None:
                    raise GitHubError(404, "Not Found")
                return (deployment, "") if not more else _page(repository.statuses(number), params, request)
            case ["environments"]:
                names = repository.environments()
                return {"total_count": len(names), "environments": names}, ""
            case ["commits"]:
                return _page(repository.commits(params), params, request)
            case ["commits", ref, *more] if more in ([], ["pulls"]):
                commit = repository.commit(ref)
                if commit is None:
                    raise GitHubError(422, f"No commit found for SHA: {ref}")
                return (commit, "") if not more else ([repository.pull_of(commit["sha"])], "")
            case ["compare", span] if "..." in span:
                compared = repository.compare(*span.split("...", 1))
                if compared is None:
                    raise GitHubError(404, "Not Found")
                return compared, ""
            case ["pulls"]:
                return _page(repository.pulls(params), params, request)
            case ["pulls", number]:
                pull = next((p for p in repository.pulls({"state": "all"}) if str(p["number"]) == number), None)
                if pull is not None:
                    return pull, ""
            case ["releases"] | ["tags"]:
                return [], ""
            case ["actions", "runs"]:
                return {"total_count": 0, "workflow_runs": []}, ""
        raise GitHubError(404, "Not Found")

    def _search(self, repository: Repository, params: Mapping[str, str], request: Request) -> tuple[Any, str]:
        found = [p for p in repository.pulls({"state": "all"}) if _search_matches(p, params.get("q", ""))]
        items = [
            {
                **p,
                "pull_request": {"merged_at": p["merged_at"], "html_url": p["html_url"], "url": p["url"]},
                "score": 1.0,
            }
            for p in found
        ]
        page, link = _page(items, params, request)
        return {"total_count": len(items), "incomplete_results": False, "items": page}, link


def _page(items: Sequence[Json], params: Mapping[str, str], request: Request) -> tuple[list[Json], str]:
    """One page and its Link header."""
    size = min(100, max(1, int(params.get("per_page") or 30)))
    page = max(1, int(params.get("page") or 1))
    last = max(1, -(-len(items) // size))

    def url(number: int, rel: str) -> str:
        return f'<{request.base}{request.path}?{urlencode({**params, "page": number})}>; rel="{rel}"'

    links = [url(page - 1, "prev")] if page > 1 else []
    if page < last:
        links += [url(page + 1, "next"), url(last, "last")]
    if page > 1:
        links.append(url(1, "first"))
    return list(items[(page - 1) * size : page * size]), ", ".join(links)


def _search_matches(pull: Json, query: str) -> bool:
    """Qualifiers of the issue search that matter for merged pull requests; other words must occur in the title."""
    for term in re.findall(r'[\w-]+:"[^"]*"|[\w-]+:\S+|"[^"]*"|\S+', query):
        name, colon, value = term.partition(":")
        value = value.strip('"')
        if colon and name in ("merged", "created", "updated", "closed"):
            if not _in_dates(pull.get(f"{name}_at") or "", value):
                return False
        elif colon and name == "is":
            if value in ("issue", "open"):
                return False
        elif not colon and term.strip('"').lower() not in pull["title"].lower():
            return False
    return True


def _in_dates(have: str, spec: str) -> bool:
    if not have:
        return False
    low, dots, high = spec.partition("..")
    if dots:
        return (low in ("", "*") or low <= have) and (high in ("", "*") or have[: len(high)] <= high)
    for operator in (">=", "<=", ">", "<"):
        if spec.startswith(operator):
            bound = spec.removeprefix(operator)
            return have[: len(bound)] >= bound if operator[0] == ">" else have[: len(bound)] <= bound
    return have.startswith(spec)
