"""The story of deployments, in at most four dependent calls: page, second page, statuses, contents.

GitHub filters deployments by neither date nor state, so pages are read newest first until the window begins. Statuses
tell when each went live; what was in it is the comparison with the one that was live before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from investigations.sources.github.client import GitHubClient
from investigations.sources.github.shapes import Deployment, deployment_of, mark_replaced
from investigations.sources.http import ObjectUnknown, together

#: A deployment may go live this long after it was created.
SLOWEST_ROLLOUT = timedelta(hours=3)
#: Older deployments whose statuses are read to find what was live before, per service and in all.
_OLDER_PER_GROUP, _OLDER_IN_ALL = 2, 12


async def collect_deployments(
    client: GitHubClient,
    repository: str,
    *,
    since: datetime,
    until: datetime,
    environment: str | None,
    limit: int,
    service_key: str,
    detailed: str,
    cut: list[str],
) -> tuple[list[Deployment], datetime | None]:
    """Deployments created in [since - rollout, until], newest first, at most `limit`; and the newest time of all.

    What was in them is read for those of the environment `detailed` ("" = all) that went live. `cut` gains a sentence
    for everything that was left out.
    """
    everything, complete = await _pages(client, repository, since, environment, service_key)
    newest = max((each.created_at for each in everything), default=None)
    known = [each for each in everything if each.created_at <= until]
    inside = [each for each in known if each.created_at >= since - SLOWEST_ROLLOUT]
    chosen, older = inside[:limit], _older(known, inside[:limit])
    if len(inside) > limit:
        cut.append(f"{len(inside)} deployments in the window, only the newest {limit} were read")
    elif not complete:
        cut.append("older deployments of the window were not read")
    await together(*(_read_statuses(client, repository, each, until) for each in [*chosen, *older]))
    mark_replaced([*chosen, *older])
    wanted = [each for each in chosen if each.live_at and detailed in ("", each.raw["environment"])]
    await together(*(_read_contents(client, repository, each) for each in wanted))
    return chosen, newest


async def _pages(
    client: GitHubClient, repository: str, since: datetime, environment: str | None, service_key: str
) -> tuple[list[Deployment], bool]:
    asked: dict[str, Any] = {"per_page": 100}
    if environment:
        asked["environment"] = environment
    page, following = await client.page(f"{repository}/deployments", asked)
    found = [deployment_of(raw, service_key) for raw in page]
    if following and found and found[-1].created_at >= since - SLOWEST_ROLLOUT:
        page, following = await client.page(following)
        found += [deployment_of(raw, service_key) for raw in page]
    found.sort(key=lambda each: each.created_at, reverse=True)
    return found, following is None or not found or found[-1].created_at < since - SLOWEST_ROLLOUT


def _older(known: list[Deployment], chosen: list[Deployment]) -> list[Deployment]:
    """The next older deployments of each service and environment seen in `chosen`, the first ones of `known`."""
    wanted = {each.group: 0 for each in chosen}
    older: list[Deployment] = []
    for each in known[len(chosen) :]:
        if wanted.get(each.group, _OLDER_PER_GROUP) < _OLDER_PER_GROUP and len(older) < _OLDER_IN_ALL:
            wanted[each.group] += 1
            older.append(each)
    return older


async def _read_statuses(client: GitHubClient, repository: str, deployment: Deployment, until: datetime) -> None:
    path = f"{repository}/deployments/{deployment.raw['id']}/statuses"
    statuses = await client.get(path, {"per_page": 30})
    known = [status for status in statuses if _time(status) <= until]
    deployment.statuses = sorted(known, key=lambda status: (_time(status), status["id"]), reverse=True)


def _time(status: Any) -> datetime:
    return datetime.fromisoformat(status["created_at"])


async def _read_contents(client: GitHubClient, repository: str, deployment: Deployment) -> None:
    """What went live with it: comparison with its predecessor, or the commit alone; and the pull requests."""
    sha = quote(deployment.sha, safe="")
    if deployment.previous is not None and deployment.previous.sha != deployment.sha:
        base = quote(deployment.previous.sha, safe="")
        contents = client.get(f"{repository}/compare/{base}...{sha}", {"per_page": 100})
    else:
        contents = client.get(f"{repository}/commits/{sha}")
    pulls = client.get(f"{repository}/commits/{sha}/pulls", {"per_page": 20})
    found, of_commit = await together(_or_nothing(contents), _or_nothing(pulls))
    if isinstance(found, dict):
        if "commits" in found:
            deployment.compare = found
        else:
            deployment.commit = found
    deployment.pulls = of_commit if isinstance(of_commit, list) else []


async def _or_nothing(answer: Any) -> Any:
    """A commit that was rewritten away costs its contents, not the whole answer."""
    try:
        return await answer
    except ObjectUnknown:
        return None
