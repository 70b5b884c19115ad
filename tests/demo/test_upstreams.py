"""The demo's upstream servers speak the contracts of the real ones, over a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphql
import jsonschema
import pytest

from altor.demo.credentials import GITHUB_TOKEN, LINEAR_KEY, STRIPE_KEY
from altor.demo.upstreams.stripe import FILTERS

CONTRACTS = Path(__file__).parents[1] / "contracts"
GITHUB = {"Authorization": f"Bearer {GITHUB_TOKEN}"}
STRIPE = {"Authorization": f"Bearer {STRIPE_KEY}"}
REPO = "/github/repos/harborline/platform"


# ---------------------------------------------------------------------------------------------- contracts
def _json_schema(node: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` is a type of its own there. Formats are not checked."""
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: _json_schema(value) for key, value in node.items() if key not in ("nullable", "example", "examples")}
    if node.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


@pytest.fixture(scope="module")
def github_contract() -> dict[str, Any]:
    return _json_schema(json.loads((CONTRACTS / "github-openapi.json").read_text()))


@pytest.fixture(scope="module")
def stripe_contract() -> dict[str, Any]:
    return _json_schema(json.loads((CONTRACTS / "stripe-openapi.json").read_text()))


@pytest.fixture(scope="module")
def linear_schema() -> graphql.GraphQLSchema:
    return graphql.build_schema((CONTRACTS / "linear-schema.graphql").read_text(), assume_valid=True)


def check(contract: dict[str, Any], path: str, body: Any) -> None:
    schema = contract["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    resolver = {"components": contract["components"], "allOf": [schema]}
    problems = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in jsonschema.Draft202012Validator(resolver).iter_errors(body)
    ]
    assert not problems, problems[:8]


# ---------------------------------------------------------------------------------------------- GitHub
@pytest.mark.parametrize(
    ("path", "contract_path"),
    [
        ("?", "/repos/{owner}/{repo}/deployments"),
        ("environment", "/repos/{owner}/{repo}/environments"),
        ("commits", "/repos/{owner}/{repo}/commits"),
        ("commit", "/repos/{owner}/{repo}/commits/{ref}"),
        ("deployment", "/repos/{owner}/{repo}/deployments/{deployment_id}"),
        ("statuses", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"),
        ("compare", "/repos/{owner}/{repo}/compare/{basehead}"),
    ],
)
def test_github_answers_have_the_contract_s_shape(upstreams, github_contract, world, path, contract_path):
    known = [d for d in world.deployments if d.created_at <= world.anchor]
    url = {
        "?": f"{REPO}/deployments?per_page=100&environment=production",
        "environment": f"{REPO}/environments",
        "commits": f"{REPO}/commits?per_page=100",
        "commit": f"{REPO}/commits/{known[-1].sha}",
        "deployment": f"{REPO}/deployments/{known[-1].number}",
        "statuses": f"{REPO}/deployments/{known[-1].number}/statuses",
        "compare": f"{REPO}/compare/{known[-9].sha}...{known[-1].sha}",
    }[path]
    answer = upstreams.get(url, headers=GITHUB)
    assert answer.status_code == 200
    check(github_contract, contract_path, answer.json())


def test_github_lists_deployments_newest_first_in_pages(upstreams):
    seen: list[str] = []
    url: str | None = f"{REPO}/deployments?per_page=20"
    while url:
        answer = upstreams.get(url, headers=GITHUB)
        seen += [item["created_at"] for item in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert len(seen) > 40
    assert seen == sorted(seen, reverse=True)


def test_github_shows_only_what_has_happened(upstreams, world):
    answer = upstreams.get(f"{REPO}/deployments?per_page=100", headers=GITHUB)
    assert max(item["created_at"] for item in answer.json()) <= "2026-05-20T14:10:00Z"
    later = next(d for d in world.deployments if d.created_at > world.at(1))
    assert upstreams.get(f"{REPO}/commits/{later.sha}", headers=GITHUB).status_code == 422


def test_github_failed_deployment_has_no_success(upstreams, world):
    failed = next(d for d in world.deployments if d.failed_at and d.created_at < world.anchor)
    states = [s["state"] for s in upstreams.get(f"{REPO}/deployments/{failed.number}/statuses", headers=GITHUB).json()]
    assert states[0] == "failure" and "success" not in states


def test_github_repeats_an_unchanged_answer_as_304(upstreams):
    first = upstreams.get(f"{REPO}/environments", headers=GITHUB)
    again = upstreams.get(f"{REPO}/environments", headers=GITHUB | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    assert int(first.headers["X-RateLimit-Remaining"]) <= 5000


def test_github_search_finds_merged_pull_requests(upstreams):
    query = 'repo:harborline/platform is:pr is:merged merged:2026-05-15..2026-05-17 "limiter"'
    body = upstreams.get("/github/search/issues", params={"q": query}, headers=GITHUB).json()
    assert body["total_count"] == len(body["items"]) >= 1
    assert all("imiter" in item["title"] for item in body["items"])


def test_github_compare_backwards_says_behind(upstreams, world):
    known = [d for d in world.deployments if d.created_at <= world.anchor]
    body = upstreams.get(f"{REPO}/compare/{known[-1].sha}...{known[-5].sha}", headers=GITHUB).json()
    assert (body["status"], body["ahead_by"]) == ("behind", 0)


# ---------------------------------------------------------------------------------------------- Stripe
@pytest.mark.parametrize("resource", sorted(FILTERS))
def test_stripe_lists_have_the_contract_s_shape(upstreams, stripe_contract, resource):
    answer = upstreams.get(f"/stripe/v1/{resource}?limit=100", headers=STRIPE)
    assert answer.status_code == 200
    if f"/v1/{resource}" in stripe_contract["paths"]:
        check(stripe_contract, f"/v1/{resource}", answer.json())


def test_stripe_pages_through_a_list_without_gap(upstreams, world):
    seen: list[str] = []
    while True:
        after = {"starting_after": seen[-1]} if seen else {}
        body = upstreams.get("/stripe/v1/charges", params={"limit": 50, **after}, headers=STRIPE).json()
        seen += [item["id"] for item in body["data"]]
        if not body["has_more"]:
            break
    past = [c for c in world.billing.lists["charges"] if c["created"] <= world.at(0.1).timestamp()]
    assert len(seen) == len(set(seen)) == len(past)


def test_stripe_finds_a_customer_by_metadata(upstreams, world):
    customer = world.customers[3]
    answer = upstreams.get(
        "/stripe/v1/customers/search", params={"query": f"metadata['org_id']:'{customer.org_id}'"}, headers=STRIPE
    )
    assert [item["id"] for item in answer.json()["data"]] == [customer.stripe_id]


def test_stripe_expands_payments_down_to_the_decline(upstreams, world):
    customer = world.by_slug["oldmill"]
    body = upstreams.get(
        "/stripe/v1/invoices",
        params={
            "customer": customer.stripe_id,
            "status": "open",
            "expand[]": "data.payments.data.payment.payment_intent",
        },
        headers=STRIPE,
    ).json()
    intent = body["data"][0]["payments"]["data"][0]["payment"]["payment_intent"]
    assert intent["last_payment_error"]["decline_code"] in ("insufficient_funds", "expired_card")


def test_stripe_charge_twice_for_one_order(upstreams, world):
    customer = world.by_slug["granitepeak"]
    charges = upstreams.get("/stripe/v1/charges", params={"customer": customer.stripe_id}, headers=STRIPE).json()[
        "data"
    ]
    twice = [c for c in charges if c["metadata"].get("order_id")]
    assert len(twice) == 2
    assert (
        len(
            {
                (c["amount"], c["payment_method_details"]["card"]["fingerprint"], c["metadata"]["order_id"])
                for c in twice
            }
        )
        == 1
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("customers/cus_unknown", 404, "resource_missing"),
        ("unknown_things", 404, "resource_missing"),
        ("charges?colour=red", 400, "parameter_unknown"),
        ("charges?limit=1000", 400, "parameter_invalid_integer"),
        ("customers/search", 400, "parameter_missing"),
        ("refunds/search?query=a:'b'", 404, "resource_missing"),
    ],
)
def test_stripe_refuses_as_stripe_does(upstreams, path, status, code):
    answer = upstreams.get(f"/stripe/v1/{path}", headers=STRIPE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["Request-Id"].startswith("req_")


# ---------------------------------------------------------------------------------------------- Linear
SEARCH = """
query Search($term: String!, $first: Int!, $after: String, $filter: IssueFilter) {
  searchIssues(term: $term, first: $first, after: $after, filter: $filter, includeComments: true) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { ...Parts }
  }
}
fragment Parts on IssueSearchResult {
  id identifier title url priority priorityLabel createdAt updatedAt startedAt completedAt canceledAt
  state { id name type } assignee { id name displayName } team { id key name } labels(first: 10) { nodes { id name } }
}
"""
LIST = """
query List($filter: IssueFilter, $first: Int!) {
  issues(filter: $filter, first: $first, orderBy: updatedAt) {
    pageInfo { hasNextPage endCursor }
    nodes { identifier title updatedAt completedAt state { name type } labels(first: 10) { nodes { name } } }
  }
}
"""
TEAMS = """
{ viewer { id name email } organization { id name urlKey }
  teams(first: 50) { nodes { id key name
    states(first: 30) { nodes { id name type position } } labels(first: 50) { nodes { id name } } } } }
"""
DETAIL = """
query Detail($id: String!) {
  issue(id: $id) {
    identifier title description url state { name type }
    comments(first: 20) { nodes { id body createdAt user { name } } }
    attachments(first: 20) { nodes { id title url } } releases(first: 5) { nodes { id name } }
  }
}
"""


def ask(upstreams, query, variables=None, key=LINEAR_KEY):
    return upstreams.post(
        "/linear/graphql", json={"query": query, "variables": variables or {}}, headers={"Authorization": key}
    )


def fits(
    schema: graphql.GraphQLSchema, kind: Any, value: Any, selection: graphql.SelectionSetNode | None, fragments, path=""
) -> None:
    """The value is what the schema allows for the selected fields, down to its scalars."""
    if isinstance(kind, graphql.GraphQLNonNull):
        assert value is not None, f"{path} is null"
        return fits(schema, kind.of_type, value, selection, fragments, path)
    if value is None:
        return None
    if isinstance(kind, graphql.GraphQLList):
        assert isinstance(value, list), path
        for index, item in enumerate(value):
            fits(schema, kind.of_type, item, selection, fragments, f"{path}[{index}]")
        return None
    if not graphql.is_composite_type(kind):
        if kind.name in ("Float", "Int"):
            assert isinstance(value, (int, float)) and not isinstance(value, bool), path
        elif kind.name in ("String", "ID", "DateTime"):
            assert isinstance(value, str), path
        elif kind.name == "Boolean":
            assert isinstance(value, bool), path
        return None
    for node in selection.selections:
        if isinstance(node, graphql.FragmentSpreadNode):
            fits(schema, kind, value, fragments[node.name.value], fragments, path)
        elif isinstance(node, graphql.FieldNode):
            name = node.name.value
            answer = (node.alias or node.name).value
            assert answer in value, f"{path}.{answer} is missing"
            fits(schema, kind.fields[name].type, value[answer], node.selection_set, fragments, f"{path}.{name}")
    return None


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (SEARCH, {"term": "webhook deliveries", "first": 5}),
        (
            LIST,
            {
                "first": 10,
                "filter": {"state": {"type": {"nin": ["completed", "canceled"]}}, "updatedAt": {"gte": "-P90D"}},
            },
        ),
        (TEAMS, {}),
    ],
)
def test_linear_answers_valid_documents_in_the_schema_s_types(upstreams, linear_schema, query, variables):
    document = graphql.parse(query)
    assert graphql.validate(linear_schema, document) == []
    answer = ask(upstreams, query, variables)
    assert answer.status_code == 200, answer.text
    operation = next(d for d in document.definitions if isinstance(d, graphql.OperationDefinitionNode))
    fragments = {
        d.name.value: d.selection_set for d in document.definitions if isinstance(d, graphql.FragmentDefinitionNode)
    }
    fits(linear_schema, linear_schema.query_type, answer.json()["data"], operation.selection_set, fragments)


def test_linear_filters_and_pages(upstreams):
    wanted = {
        "labels": {"some": {"name": {"eqIgnoreCase": "BUG"}}},
        "or": [{"title": {"containsIgnoreCase": "webhook"}}, {"number": {"gt": 1}}],
    }
    nodes = ask(upstreams, LIST, {"first": 3, "filter": wanted}).json()["data"]["issues"]
    assert nodes["pageInfo"]["hasNextPage"] and len(nodes["nodes"]) == 3
    assert all(node["labels"]["nodes"] == [{"name": "bug"}] for node in nodes["nodes"])
    assert [n["updatedAt"] for n in nodes["nodes"]] == sorted((n["updatedAt"] for n in nodes["nodes"]), reverse=True)


def test_linear_finds_an_issue_by_its_identifier(upstreams, linear_schema):
    first = ask(upstreams, LIST, {"first": 1}).json()["data"]["issues"]["nodes"][0]["identifier"]
    answer = ask(upstreams, DETAIL, {"id": first})
    assert answer.json()["data"]["issue"]["identifier"] == first
    assert ask(upstreams, DETAIL, {"id": "ENG-0"}).json()["errors"][0]["extensions"]["type"] == "invalid input"


@pytest.mark.parametrize(
    "query",
    ["{ viewer { id ", "{ rocket { id } }", "query A($x: Int!) { issues(first: $x) { nodes { id } } }", "}{", "{" * 60],
)
def test_linear_refuses_what_it_cannot_read(upstreams, query):
    answer = ask(upstreams, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["type"] == "graphql error"


def test_linear_key_may_only_read(upstreams):
    mutation = 'mutation { issueCreate(input: {title: "x", teamId: "y"}) { success } }'
    answer = ask(upstreams, mutation)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["type"] == "forbidden"


# ---------------------------------------------------------------------------------------------- status pages and doors
def test_status_page_tells_past_incidents_with_their_updates(upstreams):
    body = upstreams.get("/statuspage/parcelquote/api/v2/incidents.json").json()
    incident = body["incidents"][0]
    assert incident["status"] == "resolved"
    assert [u["status"] for u in incident["incident_updates"]] == ["resolved", "identified", "investigating"]
    summary = upstreams.get("/statuspage/harborline/api/v2/summary.json").json()
    assert set(summary) == {"page", "components", "incidents", "scheduled_maintenances", "status"}
    assert summary["status"]["indicator"] == "none"


@pytest.mark.parametrize(
    "path", ["/statuspage/unknown/api/v2/status.json", "/statuspage/harborline/api/v2/x.json", "/nothing", "/"]
)
def test_unknown_paths_are_not_found(upstreams, path):
    assert upstreams.get(path).status_code == 404


@pytest.mark.parametrize(("path", "status"), [(f"{REPO}/deployments", 401), ("/stripe/v1/customers", 401)])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk_of_somebody_else"}])
def test_another_credential_is_refused(upstreams, path, status, headers):
    assert upstreams.get(path, headers=headers).status_code == status


def test_linear_refuses_another_key(upstreams):
    answer = ask(upstreams, "{ viewer { id } }", key="lin_api_of_somebody_else")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["type"] == "authentication error"


@pytest.mark.parametrize(("path", "headers"), [(f"{REPO}/deployments", GITHUB), ("/stripe/v1/customers", STRIPE)])
def test_writing_is_refused(upstreams, path, headers):
    assert upstreams.post(path, headers=headers, content=b"{}").status_code == 403
