"""How far a fix is, asked of GitHub: the state of linked pull requests, and whether a deployment brought them.

The read-only connection of the evidence sources is used. Without it only what Linear tells of pull requests is known,
and nothing of shipping.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from django.db.models import Exists, OuterRef, Q

from altor.outbound import OutboundError, call_scope
from altor.queue import enqueue
from escalations.linear.fixes import DeploymentFact, Fix, FixState, PullFact, fix_state
from escalations.linear.following import Source, apply_fix
from escalations.models import IssuePull, TrackedIssue
from investigations.engine.work import run_bounded
from investigations.helpdesks.reading import moment, text
from investigations.models import InstallationProfile
from investigations.profile import Profile
from investigations.services.connections import active_connections
from investigations.sources.base import ConnectionConfig, RunContext, SourceError
from investigations.sources.github.client import GitHubClient, open_github
from investigations.sources.github.source import GitHubSession
from investigations.sources.http import ObjectUnknown, cut_text

log = logging.getLogger(__name__)
TASK: Final = "escalations.linear.tasks.check_pulls"
State = IssuePull.State
CALL_SECONDS: Final = 30.0
#: How often GitHub is asked while a fix is under way, and after it has shipped (it may be rolled back).
_EVERY: Final = timedelta(minutes=5)
_EVERY_SHIPPED: Final = timedelta(hours=1)
#: Comparisons of one pull request with deployments, each a request.
_MOST_COMPARED: Final = 6
_MOST_PULLS: Final = 10


@dataclass(slots=True)
class _Known:
    pulls: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # row's key -> GitHub's object
    facts: list[PullFact] = field(default_factory=list)
    deployments: list[DeploymentFact] = field(default_factory=list)


def take(row: IssuePull, said: Mapping[str, Any], *, now: datetime) -> None:
    """Keep a pull request as GitHub describes it, in an answer or an event."""
    merged = moment(said.get("merged_at"))
    if merged is not None:
        row.state = State.MERGED
    elif said.get("state") == "closed":
        row.state = State.CLOSED
    else:
        row.state = State.DRAFT if said.get("draft") is True else State.OPEN
    row.title = cut_text(text(said.get("title")), 300) or row.title
    row.merged_at, row.merge_sha = merged, text(said.get("merge_commit_sha"))[:40] if merged else ""
    row.changed_at, row.seen_at = moment(said.get("updated_at")) or row.changed_at, now
    row.save(update_fields=["state", "title", "merged_at", "merge_sha", "changed_at", "seen_at"])


def check(issue_id: int, *, now: datetime) -> FixState | None:
    """Ask GitHub, and keep how far the fix is. None when the issue has no pull request, or GitHub did not answer."""
    issue = TrackedIssue.objects.filter(pk=issue_id).first()
    rows = list(issue.pulls.order_by("-pk")[:_MOST_PULLS]) if issue is not None else []
    if issue is None or not rows:
        return None
    TrackedIssue.objects.filter(pk=issue_id).update(pulls_checked_at=now)
    github = active_connections().get("github")
    known = _Known(facts=[_fact(row) for row in rows])
    source = Source.POLL
    if github is not None:
        try:
            run_bounded(_ask(github, rows, known, _profile(), now))
        except (SourceError, OutboundError) as error:
            log.warning("github could not be asked for a fix", extra={"issue": issue_id, "reason": error.message})
            return None
        source = Source.GITHUB
    for row in rows:
        if row.pk in known.pulls:
            take(row, known.pulls[row.pk], now=now)
    found = fix_state(known.facts, known.deployments)
    for row in rows:
        brought = found.shipped.get(row.url)
        at, url = (brought.live_at, brought.url) if brought else (None, "")
        if github is not None and (row.shipped_at, row.shipped_url) != (at, url):
            row.shipped_at, row.shipped_url = at, url[:500]
            row.save(update_fields=["shipped_at", "shipped_url"])
    apply_fix(issue, found, source=source, now=now)
    return found


def _fact(row: IssuePull) -> PullFact:
    return PullFact(row.url, f"{row.owner}/{row.repo}".lower(), row.number, row.state, row.merged_at, row.merge_sha)


async def _ask(
    github: ConnectionConfig, rows: Sequence[IssuePull], known: _Known, profile: Profile, now: datetime
) -> None:
    with call_scope(CALL_SECONDS) as scope:
        async with open_github(github) as client:
            for row in rows:
                if row.state == State.MERGED and row.merge_sha and row.seen_at is not None:
                    continue  # nothing about it can change any more
                try:
                    known.pulls[row.pk] = await client.get(f"{_repository(row.owner, row.repo)}/pulls/{row.number}")
                except ObjectUnknown:
                    continue  # another repository than the token may read
            known.facts = [_told(row, known.pulls.get(row.pk)) for row in rows]
            merged = [fact for fact in known.facts if fact.state == State.MERGED and fact.merged_at is not None]
            for repository in sorted({fact.repo for fact in merged}):
                inside = [fact for fact in merged if fact.repo == repository]
                context = RunContext(as_of=now, profile=_of_repository(profile, repository), deadline=scope.deadline)
                session = GitHubSession(github, context, client)
                known.deployments += await _deployments(session, repository, inside, now)


def _told(row: IssuePull, said: Mapping[str, Any] | None) -> PullFact:
    if said is None:
        return _fact(row)
    merged = moment(said.get("merged_at"))
    state = State.CLOSED if said.get("state") == "closed" else State.DRAFT if said.get("draft") is True else State.OPEN
    return PullFact(
        row.url,
        f"{row.owner}/{row.repo}".lower(),
        row.number,
        State.MERGED if merged else state,
        merged,
        text(said.get("merge_commit_sha"))[:40] if merged else "",
    )


def _profile() -> Profile:
    newest = InstallationProfile.objects.first()
    return Profile.model_validate(newest.data) if newest is not None else Profile()


def _of_repository(profile: Profile, repository: str) -> Profile:
    owner, _, repo = repository.partition("/")
    return profile.model_copy(update={"github": profile.github.model_copy(update={"owner": owner, "repo": repo})})


async def _deployments(
    session: GitHubSession, repository: str, pulls: Sequence[PullFact], now: datetime
) -> list[DeploymentFact]:
    """Those that went live since the first of the pull requests was merged, with which of them they hold."""
    since = min(pull.merged_at for pull in pulls if pull.merged_at is not None)
    asked: dict[str, Any] = {"since": since, "until": now, "limit": 40}
    if session.profile.environment:
        asked["environment"] = session.profile.environment
    answer = await session.call("deployments", asked, timeout_s=CALL_SECONDS / 2)
    live = [each for each in answer.data["deployments"] if each["live_at"]]
    facts = [_deployment(each, repository) for each in sorted(live, key=lambda each: str(each["live_at"]))]
    for pull in pulls:
        facts = await _compared(session.client, repository, pull, facts)
    return facts


def _deployment(said: Mapping[str, Any], repository: str) -> DeploymentFact:
    at = moment(said["live_at"])
    assert at is not None  # noqa: S101  # only those that went live come here
    return DeploymentFact(
        sha=said["sha"],
        live_at=at,
        repo=repository,
        url=said["url"],
        shas=frozenset(each["sha"] for each in said["commits"]),
        pulls=frozenset(each["number"] for each in said["pulls"]),
        group=(said["service"], said["environment"]),
        is_rollback=said["is_rollback"],
    )


async def _compared(
    client: GitHubClient, repository: str, pull: PullFact, facts: list[DeploymentFact]
) -> list[DeploymentFact]:
    """The deployments with this pull request's commit added where GitHub says that they contain it: lists of commits
    are cut, and a rollback lists none.
    """
    found, compared = [], 0
    is_brought = False
    for each in facts:
        unsure = bool(pull.merge_sha) and (not is_brought or each.is_rollback)
        after = pull.merged_at is None or each.live_at >= pull.merged_at
        holds = pull.merge_sha in each.shas or pull.merge_sha == each.sha or pull.number in each.pulls
        if unsure and after and not holds and compared < _MOST_COMPARED:
            compared += 1
            holds = await _contains(client, repository, pull.merge_sha, each.sha)
        is_brought = is_brought or (holds and after)
        found.append(replace(each, shas=each.shas | {pull.merge_sha}) if holds else each)
    return found


async def _contains(client: GitHubClient, repository: str, older: str, newer: str) -> bool:
    owner, _, repo = repository.partition("/")
    path = f"{_repository(owner, repo)}/compare/{quote(older, safe='')}...{quote(newer, safe='')}"
    try:
        answer = await client.get(path, {"per_page": 1})
    except ObjectUnknown:
        return False
    return answer.get("status") in ("ahead", "identical")


def _repository(owner: str, repo: str) -> str:
    return f"repos/{quote(owner, safe='')}/{quote(repo, safe='')}"


def sweep(*, now: datetime, at_most: int = 50) -> int:
    """Queue issues whose fix is to be looked at again; how many."""
    linked = IssuePull.objects.filter(issue=OuterRef("pk"))
    every = Q(pulls_checked_at=None) | Q(pulls_checked_at__lte=now - _EVERY)
    shipped = Q(fix=Fix.SHIPPED.value, pulls_checked_at__gt=now - _EVERY_SHIPPED)
    due = TrackedIssue.objects.followed(now).filter(every, Exists(linked)).exclude(shipped)
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:at_most])
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)
