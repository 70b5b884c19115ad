"""Where an issue goes: names of a team, labels, a project and a person, as Linear's ids."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from escalations.linear.client import LinearWriter
from escalations.linear.documents import place
from escalations.models import TrackedIssue
from investigations.sources.http import ObjectUnknown
from investigations.sources.linear.answers import SOURCE


@dataclass(slots=True)
class Place:
    """Ids; "" for what is not wanted or not there. `notes` say what is not there: the issue is filed without it."""

    team: str = ""
    labels: list[str] = field(default_factory=list)
    project: str = ""
    assignee: str = ""
    notes: list[str] = field(default_factory=list)


async def find_place(writer: LinearWriter, wanted: TrackedIssue) -> Place:
    """One request, or none when all are ids already. ObjectUnknown when the team is not there: nobody would find the
    issue.
    """
    if not wanted.team:
        raise ObjectUnknown(SOURCE, "No team is named, and the connection has none: set one")
    names = [label for label in wanted.labels if not _is_id(label)]
    project = "" if _is_id(wanted.project) else wanted.project
    assignee = "" if _is_id(wanted.assignee) else wanted.assignee
    found = Place(
        team=wanted.team if _is_id(wanted.team) else "",
        labels=[label for label in wanted.labels if _is_id(label)],
        project=wanted.project if _is_id(wanted.project) else "",
        assignee=wanted.assignee if _is_id(wanted.assignee) else "",
    )
    if found.team and not (names or project or assignee):
        return found
    variables: dict[str, Any] = {"team": _team(wanted.team)}
    if names:
        variables["labels"] = {"or": [{"name": {"eqIgnoreCase": name}} for name in names]}
    if project:
        variables["project"] = {"name": {"eqIgnoreCase": project}}
    if assignee:
        keys = ("email", "displayName", "name")
        variables["assignee"] = {"or": [{key: {"eqIgnoreCase": assignee}} for key in keys]}
    document = place(labels=bool(names), project=bool(project), assignee=bool(assignee))
    data = await writer.send(document, variables)
    found.team = found.team or _the_team(data, wanted.team)
    if names:
        _labels(data["issueLabels"]["nodes"], names, found)
    if project:
        found.project = _only(data["projects"]["nodes"], f"project {project}", found)
    if assignee:
        found.assignee = _only(data["users"]["nodes"], f"person {assignee}", found)
    return found


def _team(wanted: str) -> Mapping[str, Any]:
    if _is_id(wanted):
        return {"id": {"eq": wanted}}
    return {"or": [{"key": {"eqIgnoreCase": wanted}}, {"name": {"eqIgnoreCase": wanted}}]}


def _the_team(data: Mapping[str, Any], wanted: str) -> str:
    """A key counts more than a name: two teams may have what is one's key as the other's name."""
    nodes = data["teams"]["nodes"]
    if not nodes:
        raise ObjectUnknown(SOURCE, f"Linear has no team {wanted} that this key can see")
    by_key = [team for team in nodes if str(team["key"]).lower() == wanted.lower()]
    return str((by_key or nodes)[0]["id"])


def _labels(nodes: list[Mapping[str, Any]], names: list[str], found: Place) -> None:
    """A label of the workspace or of the team; another team's label of the same name does not fit."""
    for name in names:
        same = [label for label in nodes if str(label["name"]).lower() == name.lower()]
        fitting = [label for label in same if (label.get("team") or {}).get("id") in (None, found.team)]
        if fitting:
            found.labels.append(str(fitting[0]["id"]))
        else:
            found.notes.append(f"Linear has no label {name} for this team: filed without it")


def _only(nodes: list[Mapping[str, Any]], what: str, found: Place) -> str:
    if len(nodes) == 1:
        return str(nodes[0]["id"])
    found.notes.append(
        f"Linear has more than one {what}: filed without it" if nodes else f"Linear has no {what}: filed without it"
    )
    return ""


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
