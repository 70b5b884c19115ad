"""The culprit with all that the run's steps know of it, and what else was deployed or reported around the onset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from altor.words import duration
from escalations.packets.format import Change, Link, Owner, Related
from escalations.packets.material import Material, link, moment
from investigations.diagnosis.texts import lead

#: Files of a change that are named.
_FILES: Final = 20
_ISSUES: Final = 6


def deployments(material: Material) -> Iterator[tuple[str, Mapping[str, Any], list[str]]]:
    """(how it stands to the onset: candidate, after, failed, elsewhere; the deployment; its step's evidence).

    Each sha once; GitHub's account of it before that of the telemetry.
    """
    seen: set[str] = set()
    for source in ("github", "clickhouse"):
        for step, facts in material.facts(source):
            for name in ("candidates", "after", "failed", "elsewhere"):
                for item in _rows(facts.get(name)):
                    short = str(item.get("short_sha") or item.get("sha") or "")[:7]
                    if short and short not in seen and item.get("service"):
                        seen.add(short)
                        yield name.removesuffix("s"), item, material.of_step(step)


def issues(material: Material) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """(an issue that fits, its step's evidence), best first; each once."""
    seen: set[str] = set()
    for step, facts in material.facts("linear"):
        for item in _rows(facts.get("matches")):
            if (name := str(item.get("identifier") or "")) and name not in seen:
                seen.add(name)
                yield item, material.of_step(step)


def incidents(material: Material) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """(an incident of a status page that fits in time, its step's evidence)."""
    seen: set[str] = set()
    for step, facts in material.facts("statuspage"):
        for item in [*_rows(facts.get("fits")), *_rows(facts.get("elsewhere"))]:
            if (name := str(item.get("id") or item.get("name") or "")) and name not in seen:
                seen.add(name)
                yield item, material.of_step(step)


def change_of(material: Material) -> Change | None:
    culprit = material.diagnosis.get("culprit") or {}
    kind, name = str(culprit.get("kind") or ""), str(culprit.get("id") or "")
    if not name or kind in ("", "none"):
        return None
    told = {"kind": kind, "id": name, "title": str(culprit.get("title") or name), "url": link(culprit.get("url"))}
    if kind == "deployment":
        for _, item, _ in deployments(material):
            if is_same(name, str(item.get("sha") or "")):
                return Change(**told, **_deployed(item))
    if kind == "linear_issue":
        for item, _ in issues(material):
            if item.get("identifier") == name:
                told |= {"title": str(item.get("title") or name), "url": told["url"] or link(item.get("url"))}
                return Change(**told, state=str(item.get("state") or ""), author=str(item.get("assignee") or ""))
    return Change(**told)


def owner_of(material: Material, change: Change | None) -> Owner | None:
    """Whom the evidence names: the one who has the issue, who made the change, else the service it went live on."""
    if change is None:
        return None
    if change.kind == "linear_issue" and change.author:
        return Owner(name=change.author, why=f"Has {change.id}, which is {change.state or 'open'}.")
    if change.author:
        where = f" of {change.service}" if change.service else ""
        return Owner(name=change.author, why=f"Made the change{where} that went live {change.lead} the onset.")
    if change.service:
        return Owner(name=f"The team of {change.service}", why="It runs what changed at the onset.")
    return None


def related_of(material: Material, change: Change | None) -> list[Related]:
    """Issues that fit, pull requests of the change, and incidents of status pages."""
    found = []
    for item, _ in issues(material):
        name = str(item["identifier"])
        exact = [str(term) for term in item.get("exact") or ()]
        found.append(
            Related(
                kind="issue", ref=name, title=str(item.get("title") or ""), state=str(item.get("state") or ""),
                who=str(item.get("assignee") or ""), url=link(item.get("url")),
                why=f"Names {', '.join(exact)}" if exact else "Fits in its words",
            )
        )  # fmt: skip
    found = found[:_ISSUES]
    for pull in change.pulls if change else ():
        number = pull.url.rstrip("/").rpartition("/")[2]
        found.append(Related(kind="pull", ref=f"#{number}", title=pull.title, url=pull.url, why="Of the change"))
    for item, _ in incidents(material):
        found.append(
            Related(
                kind="incident", ref=str(item.get("page") or "Status page"), title=str(item.get("name") or ""),
                state=str(item.get("status") or ""), url=link(item.get("url")), why="Near the onset in time",
            )
        )  # fmt: skip
    return found


def standing(item: Mapping[str, Any], how: str) -> str:
    """How a deployment stands to the onset, as people say it; "" where that is not known."""
    if how == "failed":
        return "never went live"
    if how == "elsewhere":
        return f"went to {item.get('environment') or 'another environment'}"
    if how == "after":
        # Later than the onset may be unsure: what is listed here began too late for certain.
        minutes = item.get("minutes_after")
        told = duration(minutes * 60) if isinstance(minutes, int | float) else "only"
        return f"went live {told} after the onset"
    minutes = item.get("minutes_before")
    return f"{lead(minutes)} the onset" if isinstance(minutes, int | float) else ""


def is_same(one: str, other: str) -> bool:
    """Whether two names of a commit, of seven characters or more, are the same."""
    return min(len(one), len(other)) >= 7 and (one.startswith(other) or other.startswith(one))


def _deployed(item: Mapping[str, Any]) -> dict[str, Any]:
    pulls = [one for one in _rows(item.get("pulls")) if link(one.get("url"))]
    minutes = item.get("minutes_before")
    return {
        "service": str(item.get("service") or ""),
        "live_at": moment(item.get("live_at")),
        "lead": lead(minutes) if isinstance(minutes, int | float) else "",
        "files": [str(one) for one in (item.get("files") or [])[:_FILES]],
        "pulls": [Link(title=str(one.get("title") or one["url"]), url=link(one["url"])) for one in pulls],
        "author": str(pulls[0].get("author") or "") if pulls else "",
        "state": str(item.get("state") or ""),
    }


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
