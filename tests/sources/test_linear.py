"""Linear: documents that hold to the schema, one round trip, error classes before status codes."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationType, build_schema, get_variable_values, parse, validate
from graphql.language import OperationDefinitionNode

from altor.outbound import Reply
from investigations.profile import LinearProfile, Profile
from investigations.sources.base import (
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.linear.client import authorization, limit_of
from investigations.sources.linear.queries import DOCUMENTS
from tests.loopback import Answer, Asked, serving
from tests.sources.asking import AS_OF, ask, check

CONTRACTS = Path(__file__).parents[1] / "contracts"


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    return build_schema((CONTRACTS / "linear-schema.graphql").read_text())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_holds_to_the_schema_and_only_reads(name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert validate(schema(), document) == []
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    assert [each.operation for each in operations] == [OperationType.QUERY]


def issue(number: int, title: str = "A bug", **changes: Any) -> dict[str, Any]:
    created = (AS_OF - timedelta(days=3)).isoformat()
    return {
        "id": f"uuid-{number}",
        "identifier": f"ENG-{number}",
        "title": title,
        "description": "",
        "url": f"https://linear.app/acme/issue/ENG-{number}",
        "priority": 2,
        "priorityLabel": "High",
        "createdAt": created,
        "updatedAt": created,
        "startedAt": None,
        "completedAt": None,
        "canceledAt": None,
        "state": {"id": "s", "name": "In Progress", "type": "started"},
        "assignee": {"id": "u", "name": "Priya", "displayName": "priya"},
        "team": {"id": "t", "key": "ENG", "name": "Engineering"},
        "cycle": {"id": "c", "number": 12, "name": None, "startsAt": created, "endsAt": created},
        "labels": {"nodes": [{"id": "l", "name": "bug"}]},
        "attachments": {"nodes": [{"id": "a", "title": "Ticket", "url": "https://desk.example/1", "sourceType": "x"}]},
        "needs": {"nodes": [{"id": "n", "customer": {"id": "cu", "name": "Acme", "domains": [], "externalIds": []}}]},
        **changes,
    }


def linear(searches: dict[str, list[dict[str, Any]]], recent: list[dict[str, Any]]) -> Any:
    """A server that checks every document and its variables against the schema before it answers."""

    def answer(asked: Asked) -> Answer:
        body = asked.json()
        document = parse(body["query"])
        assert validate(schema(), document) == []
        operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
        coerced = get_variable_values(schema(), operation.variable_definitions or [], body["variables"])
        assert not isinstance(coerced, list), coerced  # a list holds errors
        variables = body["variables"]
        data: dict[str, Any] = {"recent": {"pageInfo": {"hasNextPage": False}, "nodes": recent}}
        for n in range(sum(key.startswith("term") for key in variables)):
            found = searches.get(variables[f"term{n}"], [])
            data[f"search{n}"] = {"totalCount": len(found), "pageInfo": {"hasNextPage": False}, "nodes": found}
        return Answer(200, {"data": data})

    return answer


def test_several_terms_and_the_recent_issues_cost_one_round_trip() -> None:
    first, second, third = issue(1, "Timeout in GET /v2/orders"), issue(2, "Other"), issue(3, "Recent")
    with serving(linear({"GET /v2/orders": [first, second], "timeout": [first]}, [third])) as server:
        answer = ask("linear", server.url, "issues", {"terms": ["GET /v2/orders", "timeout"]})
        assert len(server.asked) == 1
    found = answer.data["issues"]
    assert [each["identifier"] for each in found] == ["ENG-1", "ENG-2", "ENG-3"]
    assert found[0]["matched_terms"] == ["GET /v2/orders", "timeout"]
    assert found[0]["contains_terms"] == ["GET /v2/orders", "timeout"]
    assert found[1]["contains_terms"] == []
    assert found[2]["is_recent"]
    assert found[0]["cycle"] == "Cycle 12"
    assert found[0]["customers"][0]["name"] == "Acme"
    assert answer.requests[0].target == "query AltorIssues"
    assert answer.requests[0].params["term0"] == "GET /v2/orders"


def test_no_terms_still_ask_for_the_recent_issues() -> None:
    with serving(linear({}, [issue(1)])) as server:
        assert len(ask("linear", server.url, "issues").data["issues"]) == 1


def test_more_terms_than_are_searched_are_compared() -> None:
    terms = [f"term{n}" for n in range(9)]
    with serving(linear({}, [issue(1, "about term8")])) as server:
        answer = ask("linear", server.url, "issues", {"terms": terms})
        assert sum(key.startswith("term") for key in server.asked[0].json()["variables"]) == 6
    assert answer.data["issues"][0]["contains_terms"] == ["term8"]


def test_the_clock_of_the_run_and_the_team_bound_the_search() -> None:
    with serving(linear({}, [])) as server:
        ask("linear", server.url, "issues", {"terms": ["x"], "include_closed": False})
        variables = server.asked[0].json()["variables"]
    assert variables["filter"]["createdAt"] == {"lte": "2026-05-02T12:00:00Z"}
    assert variables["filter"]["team"] == {"key": {"eq": "ENG"}}
    assert "completed" in variables["filter"]["state"]["type"]["nin"]


def test_an_open_issue_is_found_however_old_it_is() -> None:
    with serving(linear({}, [])) as server:
        ask("linear", server.url, "issues", {"terms": ["x"], "updated_since": AS_OF - timedelta(days=14)})
        variables = server.asked[0].json()["variables"]
    assert {"updatedAt": {"gte": "2026-04-18T12:00:00Z"}} in variables["filter"]["or"]
    assert any("state" in each for each in variables["filter"]["or"])
    assert variables["recentFilter"]["updatedAt"] == {"gte": "2026-04-18T12:00:00Z"}
    assert "or" not in variables["recentFilter"]


def test_text_of_an_issue_is_redacted_and_cut() -> None:
    secret = issue(1, "Mail jo@acme.com", description="card 4242 4242 4242 4242 " + "x" * 5000)
    with serving(linear({}, [secret])) as server:
        found = ask("linear", server.url, "issues").data["issues"][0]
    assert found["title"] == "Mail [email]@acme.com"
    assert "[card visa 4242]" in found["description"]
    assert len(found["description"]) <= 1200


def test_a_long_list_says_that_it_was_cut() -> None:
    with serving(linear({}, [issue(n) for n in range(30)])) as server:
        answer = ask("linear", server.url, "issues", {"limit": 10})
    assert len(answer.data["issues"]) == 10
    assert answer.truncated


def test_requests_of_a_customer_are_found_by_any_handle() -> None:
    node = {
        "id": "n1",
        "body": "Please fix",
        "priority": 1,
        "createdAt": "2026-05-01T00:00:00Z",
        "updatedAt": "2026-05-01T00:00:00Z",
        "url": "https://linear.app/x",
        "customer": {"id": "c", "name": "Acme"},
        "issue": issue(4),
    }
    customer = {"id": "c", "name": "Acme", "domains": ["acme.com"], "externalIds": ["org_1"], "url": "u"}

    def answer(asked: Asked) -> Answer:
        body = asked.json()
        assert validate(schema(), parse(body["query"])) == []
        handles = body["variables"]["customers"]["or"]
        assert {"externalIds": {"some": {"eq": "org_1"}}} in handles
        data = {
            "customers": {"nodes": [customer]},
            "customerNeeds": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [node]},
        }
        return Answer(200, {"data": data})

    with serving(answer) as server:
        found = ask("linear", server.url, "customer_requests", {"customer": "org_1", "domain": "acme.com"})
    assert found.data["requests"][0]["issue"]["identifier"] == "ENG-4"
    assert found.data["customers"][0]["external_ids"] == ["org_1"]


def test_a_customer_without_any_handle_is_a_wrong_question() -> None:
    with serving(linear({}, [])) as server, pytest.raises(SourceAnswerInvalid, match="give the customer"):
        ask("linear", server.url, "customer_requests", {})


@pytest.mark.parametrize(
    ("status", "code", "type_", "kind"),
    [
        (400, "RATELIMITED", "ratelimited", SourceLimited),
        (200, "RATELIMITED", "ratelimited", SourceLimited),
        (400, "AUTHENTICATION_ERROR", "authentication error", SourceRefused),
        (200, "FORBIDDEN", "forbidden", SourceRefused),
        (400, "GRAPHQL_VALIDATION_FAILED", "graphql error", SourceAnswerInvalid),
        (200, "INPUT_ERROR", "invalid input", SourceAnswerInvalid),
        (200, "INTERNAL_SERVER_ERROR", "internal error", SourceUnavailable),
        (500, "", "other", SourceUnavailable),
    ],
)
def test_the_error_code_decides_before_the_status(status: int, code: str, type_: str, kind: type[SourceError]) -> None:
    body = {"data": None, "errors": [{"message": "No", "extensions": {"code": code, "type": type_}}]}
    with serving(lambda asked: Answer(status, body)) as server, pytest.raises(kind):
        ask("linear", server.url, "issues", {"terms": ["x"]})


def test_half_an_answer_is_not_taken_for_a_whole_one() -> None:
    body = {"data": {"recent": {"nodes": []}}, "errors": [{"message": "one part failed", "extensions": {}}]}
    with serving(lambda asked: Answer(200, body)) as server, pytest.raises(SourceAnswerInvalid):
        ask("linear", server.url, "issues")


def test_the_reset_header_says_how_long_to_wait() -> None:
    headers = {
        "x-ratelimit-requests-remaining": "0",
        "x-ratelimit-requests-reset": str(int((time.time() + 20) * 1000)),
    }
    body = b'{"errors": [{"extensions": {"code": "RATELIMITED"}}]}'
    limit = limit_of(Reply(400, headers, body))
    assert limit is not None
    assert limit.retry_after_s == pytest.approx(20, abs=2)
    assert limit_of(Reply(400, headers, b'{"errors": [{"extensions": {"code": "INPUT_ERROR"}}]}')) is None


@pytest.mark.parametrize(
    ("secret", "options", "header"),
    [
        ("lin_api_x", {}, "lin_api_x"),
        ("lin_oauth_x", {}, "Bearer lin_oauth_x"),
        ("x", {"auth": "oauth"}, "Bearer x"),
        ("Bearer x", {}, "Bearer x"),
    ],
)
def test_a_personal_key_goes_without_bearer(secret: str, options: dict[str, str], header: str) -> None:
    assert authorization(secret, options) == header


def test_the_connection_test_names_account_and_missing_team() -> None:
    data = {
        "viewer": {"id": "u", "name": "Ana", "email": "ana@acme.com", "admin": True},
        "organization": {"id": "o", "name": "Acme", "urlKey": "acme"},
        "teams": {"nodes": [{"id": "t", "key": "OPS", "name": "Ops"}]},
        "rateLimitStatus": {"identifier": "user", "kind": "apiKey", "limits": []},
    }
    with serving(lambda asked: Answer(200, {"data": data})) as server:
        report = check("linear", server.url, profile=Profile(linear=LinearProfile(team_key="ENG")))
    assert report.ok
    assert report.identity == "Ana"
    assert any("cannot see team ENG" in each for each in report.warnings)
    assert any("admin" in each for each in report.warnings)
