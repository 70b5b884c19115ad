"""How far a fix is: from pull requests and deployments to one word. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from escalations.models import IssuePull

State = IssuePull.State


class Fix(StrEnum):
    """In the order in which a fix gets on. NONE also when every pull request was closed without a merge."""

    NONE = ""
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    MERGED = "merged"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class PullFact:
    url: str
    repo: str  # owner/name
    number: int
    state: str  # IssuePull.State
    merged_at: datetime | None = None
    merge_sha: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentFact:
    """A deployment that went live. `shas` and `pulls` are what is known to be in it: what it brought, or what was
    looked for and found. `group` is what replaces one another: service and environment.
    """

    sha: str
    live_at: datetime
    repo: str = ""
    url: str = ""
    shas: frozenset[str] = frozenset()
    pulls: frozenset[int] = frozenset()
    group: tuple[str, str] = ("", "")
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class FixState:
    """`at`: since when. `shipped`: address of a pull request -> the deployment that brought it."""

    fix: Fix
    at: datetime | None = None
    shipped: dict[str, DeploymentFact] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return _WORDS[self.fix]


_WORDS = {
    Fix.NONE: "No fix is under way that Altor can see",
    Fix.DRAFT: "A fix is being written",
    Fix.IN_REVIEW: "A fix is in review",
    Fix.MERGED: "The fix is merged and not shipped yet",
    Fix.SHIPPED: "The fix has shipped",
}


def fix_state(pulls: Sequence[PullFact], deployments: Iterable[DeploymentFact]) -> FixState:
    """The state of the slowest pull request: a fix in two parts has shipped when both have.

    Pull requests that were closed without a merge, and such of which nothing is known, say nothing.
    """
    told = [pull for pull in pulls if pull.state not in (State.CLOSED, State.UNKNOWN)]
    if not told:
        return FixState(Fix.NONE)
    live = sorted(deployments, key=lambda each: each.live_at)
    shipped = {pull.url: found for pull in told if (found := _brought(pull, live)) is not None}
    if any(pull.state == State.OPEN for pull in told):
        return FixState(Fix.IN_REVIEW, shipped=shipped)
    if any(pull.state == State.DRAFT for pull in told):
        return FixState(Fix.DRAFT, shipped=shipped)
    if len(shipped) == len(told):
        return FixState(Fix.SHIPPED, max(each.live_at for each in shipped.values()), shipped)
    return FixState(Fix.MERGED, max((pull.merged_at for pull in told if pull.merged_at), default=None), shipped)


def _brought(pull: PullFact, live: Sequence[DeploymentFact]) -> DeploymentFact | None:
    """The deployment with which a merged pull request is live. One that was rolled back has to come again."""
    if pull.state != State.MERGED:
        return None
    found: DeploymentFact | None = None
    for each in live:
        if pull.merged_at is not None and each.live_at < pull.merged_at:
            continue
        if found is None and _holds(each, pull):
            found = each
        elif found is not None and each.is_rollback and each.group == found.group and not _holds(each, pull):
            found = None
    return found


def _holds(deployment: DeploymentFact, pull: PullFact) -> bool:
    if pull.merge_sha and (pull.merge_sha == deployment.sha or pull.merge_sha in deployment.shas):
        return True
    return pull.repo == deployment.repo and pull.number in deployment.pulls
