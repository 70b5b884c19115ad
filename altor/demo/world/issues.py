"""The engineering tracker: teams, people, customers and issues in Linear's shapes. All bugs here are innocent."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from altor.demo.world.company import VENDOR, VENDOR_DOMAIN

if TYPE_CHECKING:
    from altor.demo.world.build import World

Json = dict[str, Any]
TEAM_KEY: Final = "ENG"
_STATES: Final = (
    ("Triage", "triage"),
    ("Backlog", "backlog"),
    ("Todo", "unstarted"),
    ("In Progress", "started"),
    ("Done", "completed"),
    ("Canceled", "canceled"),
)
_LABELS: Final = ("bug", "improvement", "customer-reported", "incident")
_PEOPLE: Final = ("Amira Bakker", "Petr Zeman", "Julia Ortiz", "Haru Saito", "Dorota Kowal")
# title, description, state, priority (2 high, 3 medium, 4 low), label, hours before the anchor it was opened
_ISSUES: Final = (
    (
        "Label preview is cut off on A6 paper",
        "CSS of the print view; labels themselves are right.",
        "backlog",
        4,
        "bug",
        2050,
    ),
    (
        "Tracking page shows times in the browser's zone",
        "Web page only, the API answers UTC.",
        "unstarted",
        3,
        "bug",
        1730,
    ),
    (
        "Improve error text for an invalid API key",
        "Says only 'unauthorized' today.",
        "unstarted",
        3,
        "improvement",
        1610,
    ),
    (
        "Clarify the rate limit pages in the docs",
        "They do not mention that limits count per key.",
        "backlog",
        4,
        "improvement",
        1490,
    ),
    (
        "Webhook test button does nothing in Safari",
        "Dashboard only; deliveries are not affected.",
        "backlog",
        4,
        "bug",
        1405,
    ),
    (
        "Report builder: typing is slow with many columns",
        "Browser side, memoise the column list.",
        "started",
        3,
        "bug",
        1212,
    ),
    (
        "Invoice PDF shows the wrong logo for resellers",
        "Branding look-up uses the parent account.",
        "started",
        3,
        "bug",
        1130,
    ),
    ("Search suggestions ignore accents", "Normalise before indexing.", "backlog", 3, "bug", 980),
    ("Carrier list: two carriers share one icon", "Cosmetic.", "completed", 4, "bug", 910),
    ("VAT number field rejects CH numbers", "Validation on the settings page.", "completed", 3, "bug", 850),
    ("Audit log export repeats the last row", "Off by one on the last page.", "completed", 3, "bug", 742),
    (
        "Report scheduler skips the hour of the clock change",
        "Reports at 02:30 local time are skipped.",
        "completed",
        3,
        "bug",
        640,
    ),
    ("Support bulk archive of shipments", "Asked for by three customers.", "backlog", 4, "improvement", 602),
    ("Dark mode flickers on the settings page", "Cosmetic, Firefox only.", "backlog", 4, "bug", 515),
    (
        "Address suggestions miss new postcodes",
        "Data set of June; the verify endpoint is right.",
        "started",
        3,
        "bug",
        430,
    ),
    ("Add SSO enforcement toggle", "Enterprise request, see the specification.", "started", 3, "improvement", 390),
    (
        "Batch endpoint: say which line failed validation",
        "The answer names only the first one.",
        "unstarted",
        3,
        "improvement",
        300,
    ),
    ("Mobile push tokens expire early", "Not related to the API.", "canceled", 4, "bug", 260),
    ("Dashboard chart drops the current hour", "Rounding in the chart component.", "started", 4, "bug", 170),
    (
        "Rates: rounding differs by one cent from the invoice",
        "Half-even versus half-up; fixed by the surcharge change.",
        "completed",
        3,
        "bug",
        140,
    ),
    ("Webhook documentation lacks the retry table", "Docs only.", "started", 4, "improvement", 96),
    ("Reports e-mail goes to deactivated users", "They get the mail but cannot open it.", "triage", 3, "bug", 34),
)


def _id(world: World, text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"harborline:{world.seed}:{text}"))


def build_tracker(world: World) -> Json:
    """{viewer, organization, users, teams, customers, issues (newest first)}."""
    states = [
        {"id": _id(world, f"state {name}"), "name": name, "type": kind, "position": float(i), "color": "#5e6ad2"}
        for i, (name, kind) in enumerate(_STATES)
    ]
    labels = [{"id": _id(world, f"label {name}"), "name": name, "color": "#5e6ad2"} for name in _LABELS]
    users = [
        {
            "id": _id(world, name),
            "name": name,
            "displayName": name.split()[0].lower(),
            "email": f"{name.split()[0].lower()}@{VENDOR_DOMAIN}",
        }
        for name in _PEOPLE
    ]
    team = {"id": _id(world, "team"), "key": TEAM_KEY, "name": "Engineering"}
    issues = [_issue(world, index, row, team, states, labels, users) for index, row in enumerate(_ISSUES)]
    customers = [
        {
            "id": _id(world, f"customer {c.org_id}"), "name": c.name, "domains": [c.domain], "externalIds": [c.org_id], "revenue": None,
            "size": None, "url": f"https://linear.app/harborline/customer/{c.slug}", "approximateNeedCount": 0.0,
            "status": {"name": "Active"}, "tier": {"name": c.plan},
        }
        for c in world.customers
    ]  # fmt: skip
    return {
        "viewer": {**users[0], "__typename": "User"},
        "organization": {"id": _id(world, "organization"), "name": VENDOR, "urlKey": "harborline"},
        "users": users,
        "teams": [{**team, "states": {"nodes": states}, "labels": {"nodes": labels}, "activeCycle": None}],
        "customers": customers,
        "issues": sorted(issues, key=lambda issue: str(issue["createdAt"]), reverse=True),
    }


def _issue(
    world: World,
    index: int,
    row: tuple[str, str, str, int, str, int],
    team: Json,
    states: list[Json],
    labels: list[Json],
    users: list[Json],
) -> Json:
    title, description, state, priority, label, age_h = row
    rng = np.random.default_rng([world.seed, 91, index])
    number = 2400 - age_h + index
    created = world.at(-age_h - float(rng.random()))
    updated = min(created + timedelta(hours=float(rng.uniform(5, age_h))), world.at(-1.0))
    done = state == "completed"
    slug = "-".join("".join(ch if ch.isalnum() else " " for ch in title.lower()).split()[:8])
    return {
        "__typename": "Issue", "id": _id(world, title), "identifier": f"{TEAM_KEY}-{number}", "number": float(number), "title": title,
        "description": description, "priority": float(priority), "priorityLabel": {2: "High", 3: "Medium", 4: "Low"}[priority],
        "url": f"https://linear.app/harborline/issue/{TEAM_KEY}-{number}/{slug}", "createdAt": _stamp(created), "updatedAt": _stamp(updated),
        "startedAt": _stamp(created + timedelta(hours=3)) if state in ("started", "completed") else None,
        "completedAt": _stamp(updated) if done else None, "canceledAt": _stamp(updated) if state == "canceled" else None, "slaBreachesAt": None,
        "state": next(s for s in states if s["type"] == state), "assignee": users[index % len(users)] if state in ("started", "completed") else None,
        "team": team, "cycle": None, "project": None, "labels": {"nodes": [item for item in labels if item["name"] == label]},
        "comments": {"nodes": []}, "attachments": {"nodes": []}, "needs": {"nodes": []}, "releases": {"nodes": []},
    }  # fmt: skip


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
