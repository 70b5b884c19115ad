"""GitHub: deployments and what was in them, paging, limits, conditional requests."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from altor.outbound import Reply
from investigations.profile import GitHubProfile, Profile
from investigations.sources.base import SourceAnswer, SourceAnswerInvalid, SourceLimited, SourceRefused
from investigations.sources.github import etags
from investigations.sources.github.client import GitHubClient, limit_of
from investigations.sources.github.shapes import service_of
from tests.loopback import Answer, Asked, serving
from tests.sources.asking import AS_OF, WINDOW, ask, check, longest_chain

CONTRACTS = Path(__file__).parents[1] / "contracts"


def at(hours_ago: float) -> str:
    return (AS_OF - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number: int) -> str:
    return f"{number:040x}"


class FakeGitHub:
    """One repository. `releases` maps a deployment's number to (hours ago, environment, service, outcome)."""

    def __init__(self, deployments: list[tuple[float, str, str, str]]) -> None:
        self.deployments = [
            {
                "id": number,
                "sha": sha(number),
                "ref": "main",
                "task": "deploy",
                "environment": environment,
                "description": f"deploy {service}",
                "created_at": at(hours),
                "updated_at": at(hours),
                "creator": {"login": "release-bot"},
                "payload": {"service": service},
            }
            for number, (hours, environment, service, _) in enumerate(deployments, start=1)
        ]
        self.outcomes = {number: (hours, outcome) for number, (hours, _, _, outcome) in enumerate(deployments, start=1)}
        self.fail_on = ""

    def __call__(self, asked: Asked) -> Answer:
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            return Answer(401, {"message": "Requires authentication"})
        parts = asked.path.strip("/").split("/")[3:]
        if self.fail_on and self.fail_on in asked.path:
            return Answer(404, {"message": "Not Found"})
        if parts == ["deployments"]:
            return self._page(asked)
        if parts[:1] == ["deployments"]:
            return Answer(200, self._statuses(int(parts[1])))
        if parts[:1] == ["compare"]:
            base, head = parts[1].split("...")
            commits = [self._commit(n) for n in range(min(int(base, 16), int(head, 16)) + 1, int(head, 16) + 1)]
            behind = int(base, 16) > int(head, 16)
            files = [{"filename": f"src/{c['sha'][-2:]}.py"} for c in commits]
            body = {
                "status": "behind" if behind else "ahead",
                "total_commits": len(commits),
                "commits": commits,
                "files": files,
                "html_url": f"https://github.com/acme/platform/compare/{parts[1]}",
            }
            return Answer(200, body)
        if parts[0] == "commits" and parts[-1] == "pulls":
            number = int(parts[1], 16)
            pull = {
                "number": number,
                "title": f"Pull {number} by jo@acme.com",
                "html_url": f"https://github.com/acme/platform/pull/{number}",
                "merged_at": at(1),
                "user": {"login": "jo"},
                "labels": [],
            }
            return Answer(200, [pull])
        if parts[0] == "commits":
            return Answer(200, {**self._commit(int(parts[1], 16)), "files": [{"filename": "first.py"}]})
        return Answer(404, {"message": "Not Found"})

    def _page(self, asked: Asked) -> Answer:
        page, size = int(asked.query.get("page", 1)), int(asked.query["per_page"])
        kept = [d for d in self.deployments if asked.query.get("environment") in (None, d["environment"])]
        headers = {}
        if page * size < len(kept):
            host = asked.headers["host"]
            headers["Link"] = f'<http://{host}{asked.path}?per_page={size}&page={page + 1}>; rel="next"'
        return Answer(200, kept[(page - 1) * size : page * size], headers)

    def _statuses(self, number: int) -> list[dict[str, Any]]:
        hours, outcome = self.outcomes[number]
        states = [("pending", hours), ("in_progress", hours - 0.01)]
        if outcome != "pending":
            states.append((outcome, hours - 0.02))
        return [
            {"id": number * 10 + n, "state": state, "created_at": at(ago), "log_url": f"https://ci.example/{number}"}
            for n, (state, ago) in enumerate(states)
        ][::-1]

    @staticmethod
    def _commit(number: int) -> dict[str, Any]:
        message = f"Change {number}\n\nbody"
        body = {"message": message, "author": {"name": "Jo", "date": at(3)}, "committer": {"date": at(3)}}
        return {
            "sha": sha(number),
            "html_url": f"https://github.com/acme/platform/commit/{sha(number)}",
            "commit": body,
        }


def deployments(answer: SourceAnswer) -> list[dict[str, Any]]:
    return list(answer.data["deployments"])


def by_id(answer: SourceAnswer) -> dict[int, dict[str, Any]]:
    return {each["id"]: each for each in deployments(answer)}


# Numbered by position, newest first, as GitHub lists them.
HISTORY: list[tuple[float, str, str, str]] = [
    (1, "production", "api", "success"),
    (2, "production", "web", "failure"),
    (3, "staging", "api", "success"),
    (5, "production", "api", "error"),
    (7, "production", "web", "pending"),
    (50, "production", "api", "failure"),
    (60, "production", "api", "success"),
    (70, "production", "web", "success"),
]


def test_a_deployment_tells_when_it_went_live_and_what_was_in_it() -> None:
    with serving(FakeGitHub(HISTORY)) as server:
        newest = by_id(ask("github", server.url, "deployments", WINDOW))[1]
    assert newest["service"] == "api"
    assert newest["state"] == "success"
    assert newest["live_at"] == at(0.98)
    assert newest["ended_at"] is None
    # The one before that really was live: neither the failed 4 and 6, nor staging's 3.
    assert newest["previous_sha"] == sha(7)
    assert newest["pulls"][0]["title"] == "Pull 1 by [email]@acme.com"
    assert newest["url"].startswith("https://github.com/acme/platform/compare/")


def test_what_failed_or_ran_elsewhere_is_listed_with_its_state() -> None:
    with serving(FakeGitHub(HISTORY)) as server:
        found = by_id(ask("github", server.url, "deployments", WINDOW))
    assert {number: (each["state"], each["went_live"]) for number, each in found.items()} == {
        1: ("success", True),
        2: ("failed", False),
        3: ("success", True),
        4: ("failed", False),
        5: ("pending", False),
    }
    assert found[2]["files"] == []
    assert found[3]["environment"] == "staging"
    assert found[3]["previous_sha"] is None
    assert found[3]["files"] == []
    with serving(FakeGitHub(HISTORY)) as server:
        staging = by_id(ask("github", server.url, "deployments", {**WINDOW, "environment": "staging"}))
    assert staging[3]["files"] == ["first.py"]


def test_one_environment_can_be_asked_for() -> None:
    with serving(FakeGitHub(HISTORY)) as server:
        found = by_id(ask("github", server.url, "deployments", {**WINDOW, "environment": "production"}))
    assert 3 not in found


def test_a_deployment_ends_when_the_next_one_goes_live() -> None:
    with serving(FakeGitHub([(1, "production", "api", "success"), (4, "production", "api", "success")])) as server:
        found = by_id(ask("github", server.url, "deployments", WINDOW))
    assert found[2]["ended_at"] == found[1]["live_at"]


def test_a_rollback_is_told() -> None:
    history: list[tuple[float, str, str, str]] = [
        (1, "production", "api", "success"),
        (4, "production", "api", "success"),
    ]
    fake = FakeGitHub(history)
    fake.deployments[0]["sha"], fake.deployments[1]["sha"] = sha(2), sha(5)
    with serving(fake) as server:
        found = by_id(ask("github", server.url, "deployments", WINDOW))
    assert found[1]["is_rollback"]


def test_nothing_after_the_clock_of_the_run_is_read() -> None:
    earlier = AS_OF - timedelta(hours=1, minutes=30)
    with serving(FakeGitHub(HISTORY)) as server:
        found = by_id(ask("github", server.url, "deployments", WINDOW, as_of=earlier))
    assert 1 not in found
    assert 2 in found


def test_a_deployment_that_had_not_gone_live_by_then_is_pending() -> None:
    moment = AS_OF - timedelta(hours=0.995)
    with serving(FakeGitHub(HISTORY)) as server:
        found = by_id(ask("github", server.url, "deployments", WINDOW, as_of=moment))
    assert found[1]["state"] == "pending"
    assert found[1]["live_at"] is None


def test_never_more_than_four_calls_depend_on_each_other() -> None:
    fake = FakeGitHub([(n / 10, "production", "api", "success") for n in range(150)])

    def slow(asked: Asked) -> Answer:
        answer = fake(asked)
        return Answer(answer.status, answer.body, answer.headers, delay_s=0.2)

    with serving(slow) as server:
        answer = ask("github", server.url, "deployments", WINDOW)
        assert len(server.asked) < 80
    assert longest_chain(answer) == 4
    assert len(deployments(answer)) == 20
    assert answer.truncated
    assert "only the newest 20" in answer.truncated_why


def test_pages_are_read_until_the_window_begins() -> None:
    history = [(n / 8, "production", "api", "success") for n in range(120)]
    window = {"since": AS_OF - timedelta(hours=14), "until": AS_OF - timedelta(hours=13), "limit": 12}
    with serving(FakeGitHub(history)) as server:
        answer = ask("github", server.url, "deployments", window)
        pages = [each for each in server.asked if each.path.endswith("/deployments")]
    assert len(pages) == 2
    assert len(deployments(answer)) == 12


def test_a_next_page_on_another_host_is_not_followed() -> None:
    def lures(asked: Asked) -> Answer:
        answer = FakeGitHub([(1, "production", "api", "success")])(asked)
        return Answer(200, answer.body, {"Link": '<https://evil.example/x>; rel="next"'})

    with serving(lures) as server:
        answer = ask("github", server.url, "deployments", WINDOW)
        assert all(each.headers["host"] == f"127.0.0.1:{server.port}" for each in server.asked)
    assert len(deployments(answer)) == 1
    assert "older deployments of the window were not read" in answer.truncated_why


def test_a_commit_that_is_gone_costs_its_contents_only() -> None:
    fake = FakeGitHub(HISTORY)
    fake.fail_on = "/compare/"
    with serving(fake) as server:
        newest = by_id(ask("github", server.url, "deployments", WINDOW))[1]
    assert newest["files"] == []
    assert newest["title"] == "Pull 1 by [email]@acme.com"


def test_an_unchanged_answer_costs_nothing() -> None:
    fake = FakeGitHub(HISTORY)

    def tagged(asked: Asked) -> Answer:
        answer = fake(asked)
        tag = f'W/"{hash(json.dumps(answer.body))}"'
        if asked.headers.get("if-none-match") == tag:
            return Answer(304, headers={"ETag": tag})
        return Answer(answer.status, answer.body, {**answer.headers, "ETag": tag})

    with serving(tagged) as server:
        first = ask("github", server.url, "deployments", WINDOW)
        etags.forget()  # another worker: only the shared cache knows
        second = ask("github", server.url, "deployments", WINDOW)
        other = ask("github", server.url, "deployments", WINDOW, secret="another_obviouslyfake_token")
    assert first.data == second.data
    assert all(each.status == 304 and each.from_cache for each in second.requests)
    assert all(each.status == 200 for each in other.requests)


@pytest.mark.parametrize(
    ("status", "headers", "body", "limited", "wait"),
    [
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "{in30}"}, b"API rate limit exceeded", True, 30),
        (429, {"retry-after": "7"}, b"", True, 7),
        (403, {"retry-after": "7"}, b"You have exceeded a secondary rate limit", True, 7),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit"}', True, 60),
        (429, {}, b"", True, 60),
        (403, {"x-ratelimit-remaining": "4999"}, b"Resource not accessible by personal access token", False, None),
        (404, {}, b"Not Found", False, None),
        (200, {"x-ratelimit-remaining": "0"}, b"[]", False, None),
    ],
)
def test_a_limit_is_told_apart_from_a_missing_permission(
    status: int, headers: dict[str, str], body: bytes, limited: bool, wait: float | None
) -> None:
    headers = {key: value.replace("{in30}", str(int(time.time()) + 30)) for key, value in headers.items()}
    limit = limit_of(Reply(status, headers, body))
    assert (limit is not None) is limited
    if limit is not None and wait is not None:
        assert limit.retry_after_s == pytest.approx(wait, abs=2)


def test_an_exhausted_search_bucket_does_not_stop_the_rest() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-resource": "search", "x-ratelimit-reset": "9999999999"}
    limit = limit_of(Reply(403, headers, b"API rate limit exceeded"))
    assert limit is not None
    assert not limit.whole_connection


def test_a_missing_permission_is_refused_and_a_limit_is_limited() -> None:
    with (
        serving(lambda asked: Answer(403, {"message": "Resource not accessible"})) as server,
        pytest.raises(SourceRefused),
    ):
        ask("github", server.url, "deployments", WINDOW)
    body = {"message": "You have exceeded a secondary rate limit."}
    with serving(lambda asked: Answer(403, body, {"Retry-After": "30"})) as server, pytest.raises(SourceLimited):
        ask("github", server.url, "deployments", WINDOW)


@pytest.mark.parametrize(
    ("payload", "service"),
    [
        ({"service": "api"}, "api"),
        ('{"service": "api"}', "api"),
        ("", ""),
        (None, ""),
        ("not json", ""),
        ([], ""),
        ({"service": {"name": "x"}}, ""),
    ],
)
def test_the_service_is_read_from_any_payload(payload: Any, service: str) -> None:
    assert service_of(payload, "service") == service


def test_merged_pulls_of_a_window_stop_where_it_begins() -> None:
    def pulls(asked: Asked) -> Answer:
        assert asked.query["state"] == "closed"
        rows: list[dict[str, Any]] = [
            {"number": n, "title": f"P{n}", "html_url": "", "merged_at": merged, "updated_at": at(n), "labels": []}
            for n, merged in ((1, at(1)), (2, None), (3, at(3)), (40, at(40)))
        ]
        return Answer(200, rows)

    with serving(pulls) as server:
        answer = ask("github", server.url, "pulls_merged", WINDOW)
    assert [each["number"] for each in answer.data["pulls"]] == [1, 3]


def test_drafts_are_no_releases() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "tag_name": "v2", "published_at": at(2), "draft": False, "prerelease": False, "html_url": "u"},
        {"id": 2, "tag_name": "v3", "published_at": None, "draft": True, "prerelease": False, "html_url": "u"},
    ]
    with serving(lambda asked: Answer(200, rows)) as server:
        answer = ask("github", server.url, "releases", WINDOW)
    assert [each["tag"] for each in answer.data["releases"]] == ["v2"]


@pytest.mark.parametrize(("scopes", "writes"), [("repo, read:org", True), ("read:org", False), ("", False)])
def test_a_token_that_may_write_is_warned_about(scopes: str, writes: bool) -> None:
    def me(asked: Asked) -> Answer:
        if asked.path == "/user":
            return Answer(200, {"login": "reader"}, {"x-oauth-scopes": scopes})
        body = {"full_name": "acme/platform", "permissions": {"pull": True, "push": False}}
        return Answer(200, [] if asked.path.endswith("deployments") else body, {"x-oauth-scopes": scopes})

    with serving(me) as server:
        report = check("github", server.url)
    assert report.ok
    assert report.identity == "reader"
    assert any("may also write" in each for each in report.warnings) is writes


def test_a_token_is_tested_before_a_repository_is_chosen() -> None:
    with serving(lambda asked: Answer(200, {"login": "reader"})) as server:
        report = check("github", server.url, profile=Profile(github=GitHubProfile()))
    assert report.ok
    assert report.identity == "reader"
    assert any("names no repository" in each for each in report.warnings)


def test_a_profile_without_repository_is_a_clear_refusal() -> None:
    with (
        serving(lambda asked: Answer(200, [])) as server,
        pytest.raises(SourceRefused, match="names no GitHub repository"),
    ):
        ask("github", server.url, "deployments", WINDOW, profile=Profile(github=GitHubProfile()))


def test_the_real_services_link_headers_are_understood() -> None:
    """Recorded answers of the real service: every `next` is found, and a last page has none."""
    recorded = json.loads((CONTRACTS / "github-recorded-responses.json").read_text())
    links = [each["headers"]["link"] for each in recorded["paginate-issues"] if "link" in each["headers"]]
    client = GitHubClient(httpx.AsyncClient(base_url="https://api.github.com/"), etags.EtagStore("x"))
    assert [client._next(link) is not None for link in links] == ['rel="next"' in link for link in links]
    assert any('rel="next"' in link for link in links)


def test_a_recorded_error_of_the_real_service_is_told_safely() -> None:
    recorded = json.loads((CONTRACTS / "github-recorded-responses.json").read_text())["errors"][0]
    answer = Answer(recorded["status"], recorded["response"])
    with (
        serving(lambda asked: answer) as server,
        pytest.raises(SourceAnswerInvalid, match=r"did not accept .* \(422\)"),
    ):
        ask("github", server.url, "deployments", WINDOW)


def test_times_are_utc_text() -> None:
    with serving(FakeGitHub(HISTORY)) as server:
        answer = ask("github", server.url, "deployments", WINDOW)
    for each in deployments(answer):
        assert datetime.fromisoformat(each["created_at"]).tzinfo == UTC
    json.dumps(answer.data)
