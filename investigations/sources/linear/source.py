"""What Linear tells about an incident: known bugs, whether someone works on them, what this customer asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from investigations.sources.base import Operation, Scope
from investigations.sources.http import Found, HTTPSession, HTTPSource, Identity, Params, cut_text, iso, parse_time
from investigations.sources.linear.client import CONCURRENCY, SOURCE, TITLE, LinearClient, open_linear
from investigations.sources.linear.queries import CUSTOMER_REQUESTS, IDENTITY, MAX_TERMS, issue_search

_CLOSED = ("completed", "canceled", "duplicate")
#: How far back the "recently updated" part of the search looks when no time is given.
RECENT = timedelta(days=60)
_PER_SEARCH, _RECENT_FIRST = 12, 30


class IssuesParams(Params):
    terms: list[str] = Field(default_factory=list, max_length=20)
    #: Closed issues that were not updated since are left out; so is, from the recent list, every such issue.
    updated_since: AwareDatetime | None = None
    include_closed: bool = True
    limit: int = Field(default=40, ge=1, le=100)


class CustomerRequestsParams(Params):
    customer: str = ""  # our organisation id, kept in Linear as external id
    linear_customer: str = ""
    domain: str = ""
    name: str = ""
    limit: int = Field(default=20, ge=1, le=50)

    @model_validator(mode="after")
    def _some_handle(self) -> CustomerRequestsParams:
        if not (self.customer or self.linear_customer or self.domain or self.name):
            raise ValueError("give the customer's id, Linear id, domain or name")
        return self


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="issues",
            title="Issues that may describe the same problem",
            params=IssuesParams,
            returns=(
                '{"issues": [{id, identifier ("ENG-123"), title, description (redacted, at most 1200 characters), url, '
                'state (name), state_type ("triage" | "backlog" | "unstarted" | "started" | "completed" | "canceled" | '
                '"duplicate"), is_open: bool, priority (0 none, 1 urgent … 4 low), priority_label, labels: [name], '
                "created_at, updated_at, started_at, completed_at, canceled_at, assignee (name or null), "
                'cycle ("Cycle 12" or null), cycle_ends_at, team (key), '
                "customers: [{id, name, domains, external_ids}], attachments: [url], "
                "matched_terms: [terms whose search returned it], contains_terms: [terms that stand "
                "word for word in title or description], is_recent: bool (in the list of recently updated issues)}]} "
                "those that contain a term first, then by number of matched terms, then newest update; created before "
                "the run's clock. At most 6 terms are searched, the rest only compared (contains_terms)."
            ),
        ),
        Operation(
            name="customer_requests",
            title="What this customer has asked for",
            params=CustomerRequestsParams,
            returns=(
                '{"customers": [{id, name, domains, external_ids, url, tier, status, revenue}], "requests": [{id, body '
                "(redacted, at most 600 characters), priority, created_at, updated_at, url, customer (name), issue: "
                "{identifier, title, url, state, state_type, assignee, created_at, updated_at, completed_at} or "
                "null}]} newest update first"
            ),
        ),
    )
}


class LinearSession(HTTPSession[LinearClient]):
    source, title, operations = SOURCE, TITLE, OPERATIONS

    async def _ask(self, operation: str, params: BaseModel) -> Found:
        if isinstance(params, IssuesParams):
            return await self._issues(params)
        assert isinstance(params, CustomerRequestsParams)  # noqa: S101  # the operations above are all there are
        return await self._customer_requests(params)

    async def _issues(self, params: IssuesParams) -> Found:
        terms = list(dict.fromkeys(term.strip() for term in params.terms if term.strip()))
        searched = terms[:MAX_TERMS]
        base = self._issue_filter(params)
        recent = {
            **{key: value for key, value in base.items() if key != "or"},
            "updatedAt": {"gte": iso(params.updated_since or self.context.as_of - RECENT)},
        }
        variables: dict[str, Any] = {"recentFilter": recent, "recentFirst": min(_RECENT_FIRST, params.limit)}
        if searched:
            variables |= {"filter": base, "first": min(_PER_SEARCH, params.limit)}
            variables |= {f"term{n}": term[:200] for n, term in enumerate(searched)}
        data = await self.client.query(issue_search(len(searched)), variables)
        found = Found(data={})
        issues = _merge(data, searched, terms)
        issues.sort(key=lambda issue: str(issue["updated_at"]), reverse=True)
        issues.sort(key=lambda issue: (bool(issue["contains_terms"]), len(issue["matched_terms"])), reverse=True)
        if len(issues) > params.limit:
            found.cut.append(f"only {params.limit} of {len(issues)} found issues are kept")
        if data["recent"]["pageInfo"]["hasNextPage"]:
            found.cut.append("more issues were updated recently than are listed")
        found.newest_at = max((at for at in (parse_time(i["updated_at"]) for i in issues) if at), default=None)
        found.data = {"issues": issues[: params.limit]}
        return found

    def _issue_filter(self, params: IssuesParams) -> dict[str, Any]:
        """Nothing that was written after the run's clock; the profile's team only, where one is named."""
        chosen: dict[str, Any] = {"createdAt": {"lte": iso(self.context.as_of)}}
        if self.context.profile.linear.team_key:
            chosen["team"] = {"key": {"eq": self.context.profile.linear.team_key}}
        is_open = {"state": {"type": {"nin": list(_CLOSED)}}}
        if not params.include_closed:
            chosen |= is_open
        elif params.updated_since is not None:
            # An old bug that nobody touched is still a bug: only closed issues grow stale.
            chosen["or"] = [is_open, {"updatedAt": {"gte": iso(params.updated_since)}}]
        return chosen

    async def _customer_requests(self, params: CustomerRequestsParams) -> Found:
        handles: list[dict[str, Any]] = []
        if params.linear_customer:
            handles.append({"id": {"eq": params.linear_customer}})
        if params.customer:
            handles.append({"externalIds": {"some": {"eq": params.customer}}})
        if params.domain:
            handles.append({"domains": {"some": {"eq": params.domain}}})
        if params.name and not handles:  # names are shared by strangers: the last resort
            handles.append({"name": {"eqIgnoreCase": params.name}})
        needs = {"customer": {"or": handles}, "createdAt": {"lte": iso(self.context.as_of)}}
        data = await self.client.query(
            CUSTOMER_REQUESTS, {"customers": {"or": handles}, "needs": needs, "first": params.limit}
        )
        requests = [_request(node) for node in data["customerNeeds"]["nodes"]]
        found = Found(data={"customers": [_customer(n) for n in data["customers"]["nodes"]], "requests": requests})
        found.newest_at = max((at for at in (parse_time(r["updated_at"]) for r in requests) if at), default=None)
        if data["customerNeeds"]["pageInfo"]["hasNextPage"]:
            found.cut.append(f"only the newest {params.limit} requests were read")
        return found

    async def _identify(self) -> Identity:
        data = await self.client.query(IDENTITY, {})
        viewer, organization = data["viewer"] or {}, data["organization"] or {}
        teams = [str(team["key"]) for team in data["teams"]["nodes"]]
        wanted = self.context.profile.linear.team_key
        warnings = []
        if wanted and wanted not in teams:
            warnings.append(f"This key cannot see team {wanted}; it sees {', '.join(teams[:10]) or 'no team'}.")
        status = data.get("rateLimitStatus") or {}
        if status.get("kind") == "apiKey" or not self.config.secret.startswith("lin_oauth_"):
            warnings.append(
                "Linear does not tell a key's rights: create the key with the permission “Read” only. Altor sends "
                "queries only."
            )
        if viewer.get("admin"):
            warnings.append("This key belongs to a workspace admin: use a member's or guest's account instead.")
        return Identity(
            message=f"Reads {cut_text(organization.get('name'), 100)}",
            identity=cut_text(viewer.get("name"), 100),
            scopes=(Scope("read (as its account)"),),
            warnings=tuple(warnings),
            details={"teams": teams, "rate_limits": status.get("limits") or [], "organization": organization},
        )


def _merge(data: Mapping[str, Any], searched: list[str], terms: list[str]) -> list[dict[str, Any]]:
    """Each issue once, with the searches that returned it and the terms it really contains."""
    found: dict[str, dict[str, Any]] = {}
    for n, term in enumerate(searched):
        for node in data[f"search{n}"]["nodes"]:
            found.setdefault(node["id"], _issue(node, terms))["matched_terms"].append(term)
    for node in data["recent"]["nodes"]:
        found.setdefault(node["id"], _issue(node, terms))["is_recent"] = True
    return list(found.values())


def _issue(node: Mapping[str, Any], terms: list[str]) -> dict[str, Any]:
    state = node.get("state") or {}
    cycle = node.get("cycle") or {}
    text = f"{node['identifier']} {node['title']}\n{node.get('description') or ''}".lower()
    customers = [need.get("customer") for need in (node.get("needs") or {}).get("nodes") or []]
    attachments = (node.get("attachments") or {}).get("nodes") or []
    return {
        "id": node["id"],
        "identifier": node["identifier"],
        "title": cut_text(node["title"], 300),
        "description": cut_text(node.get("description"), 1200),
        "url": node.get("url") or "",
        "state": state.get("name") or "",
        "state_type": state.get("type") or "",
        "is_open": state.get("type") not in _CLOSED,
        "priority": int(node.get("priority") or 0),
        "priority_label": node.get("priorityLabel") or "",
        "labels": [label["name"] for label in (node.get("labels") or {}).get("nodes") or []],
        "created_at": _time(node.get("createdAt")),
        "updated_at": _time(node.get("updatedAt")),
        "started_at": _time(node.get("startedAt")),
        "completed_at": _time(node.get("completedAt")),
        "canceled_at": _time(node.get("canceledAt")),
        "assignee": (node.get("assignee") or {}).get("name"),
        "cycle": (cycle.get("name") or f"Cycle {cycle.get('number')}") if cycle else None,
        "cycle_ends_at": _time(cycle.get("endsAt")),
        "team": (node.get("team") or {}).get("key") or "",
        "customers": [
            {
                "id": each["id"],
                "name": cut_text(each.get("name"), 200),
                "domains": list(each.get("domains") or []),
                "external_ids": list(each.get("externalIds") or []),
            }
            for each in customers
            if each
        ],
        "attachments": [cut_text(each["url"], 500) for each in attachments if each.get("url")],
        "matched_terms": [],
        "contains_terms": [term for term in terms if term.lower() in text],
        "is_recent": False,
    }


def _customer(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": node["id"],
        "name": cut_text(node.get("name"), 200),
        "domains": list(node.get("domains") or []),
        "external_ids": list(node.get("externalIds") or []),
        "url": node.get("url") or "",
        "tier": (node.get("tier") or {}).get("name"),
        "status": (node.get("status") or {}).get("name"),
        "revenue": node.get("revenue"),
    }


def _request(node: Mapping[str, Any]) -> dict[str, Any]:
    issue = node.get("issue")
    state = (issue or {}).get("state") or {}
    return {
        "id": node["id"],
        "body": cut_text(node.get("body"), 600),
        "priority": node.get("priority"),
        "created_at": _time(node.get("createdAt")),
        "updated_at": _time(node.get("updatedAt") or node.get("createdAt")),
        "url": node.get("url") or "",
        "customer": (node.get("customer") or {}).get("name"),
        "issue": None
        if not issue
        else {
            "identifier": issue["identifier"],
            "title": cut_text(issue.get("title"), 300),
            "url": issue.get("url") or "",
            "state": state.get("name") or "",
            "state_type": state.get("type") or "",
            "assignee": (issue.get("assignee") or {}).get("name"),
            "created_at": _time(issue.get("createdAt")),
            "updated_at": _time(issue.get("updatedAt")),
            "completed_at": _time(issue.get("completedAt")),
        },
    }


def _time(text: Any) -> str | None:
    return iso(parse_time(text))


class LinearSource(HTTPSource):
    name, title, concurrency = SOURCE, TITLE, CONCURRENCY
    session = LinearSession
    client = staticmethod(open_linear)
