"""Linear's GraphQL API: the root fields that Altor's documents ask, with filters, cursors and limits; and its board."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from altor.demo.credentials import LINEAR_KEY, LINEAR_WRITE_KEY
from altor.demo.upstreams import board
from altor.demo.upstreams.graphql import Executor, GraphQLSyntaxError, parse
from altor.demo.upstreams.server import Reply, Request, is_credential
from altor.demo.upstreams.tracker import Hook, Tracker, WriteRefused
from altor.demo.world.build import World
from altor.demo.world.issues import build_tracker

Json = dict[str, Any]
_DURATION: Final = re.compile(
    r"^(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$"
)
_STOP: Final = frozenset({"the", "a", "an", "of", "is", "in", "to", "and", "for", "on", "with", "our", "we"})
MAX_PAGE: Final = 250


class LinearError(Exception):
    def __init__(self, status: int, message: str, code: str, kind: str) -> None:
        super().__init__(message)
        self.status = status
        extensions = {"code": code, "type": kind, "userError": True, "userPresentableMessage": message}
        self.body = {"errors": [{"message": message, "extensions": extensions}]}


class Linear:
    def __init__(
        self, world: World, clock: Callable[[], datetime], *, filed: Path | None = None, hook: Hook | None = None
    ) -> None:
        self._data = build_tracker(world)
        self._clock = clock
        self._tracker = Tracker(self._data, clock, file=filed, hook=hook)

    def __call__(self, request: Request) -> Reply:
        if request.path != "/graphql":
            return board.answer(self._tracker, request)
        try:
            return Reply(200, self._answer(request), self._headers())
        except LinearError as error:
            return Reply(error.status, error.body, self._headers())

    def _headers(self) -> dict[str, str]:
        reset = str(int(time.time() * 1000) + 3_600_000)
        return {
            "x-complexity": "21",
            "x-ratelimit-requests-limit": "2500",
            "x-ratelimit-requests-remaining": "2471",
            "x-ratelimit-requests-reset": reset,
            "x-ratelimit-complexity-limit": "250000",
            "x-ratelimit-complexity-remaining": "248700",
            "x-ratelimit-complexity-reset": reset,
        }

    def _answer(self, request: Request) -> Json:
        may_write = is_credential(request, LINEAR_WRITE_KEY)
        if not may_write and not is_credential(request, LINEAR_KEY):
            raise LinearError(
                401, "Authentication required, not authenticated", "AUTHENTICATION_ERROR", "authentication error"
            )
        if request.method != "POST":
            raise LinearError(404, "Not found", "NOT_FOUND", "invalid input")
        try:
            asked = json.loads(request.body or b"{}")
            document = parse(asked["query"])
            operation = document.operation(asked.get("operationName"))
            if operation.kind != "query" and not may_write:
                raise LinearError(403, "This API key may only read", "FORBIDDEN", "forbidden")
            resolve = self._resolve if operation.kind == "query" else partial(self._write, request.base)
            data = Executor(document, operation, asked.get("variables") or {}).run(resolve)
        except (GraphQLSyntaxError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise LinearError(400, str(error), "GRAPHQL_VALIDATION_FAILED", "graphql error") from None
        return {"data": data}

    def _write(self, base: str, name: str, arguments: Json) -> Any:
        try:
            return self._tracker.write(name, arguments.get("input") or {}, base)
        except WriteRefused as refused:
            raise LinearError(200, str(refused), "INVALID_INPUT", "invalid input") from None

    def _issues(self) -> list[Json]:
        now = _iso(self._clock())[:19]  # to the second: what was filed in this one is there
        return [issue for issue in self._data["issues"] if issue["createdAt"][:19] <= now]

    def _resolve(self, name: str, arguments: Json) -> Any:
        match name:
            case "viewer" | "organization":
                return self._data[name]
            case "__typename":
                return "Query"
            case "teams" | "users" | "customers":
                return self._connection(
                    [item for item in self._data[name] if self._matches(item, arguments.get("filter"))], arguments
                )
            case "team":
                return self._data["teams"][0]
            case "workflowStates":
                return self._connection(self._data["teams"][0]["states"]["nodes"], arguments)
            case "issueLabels":
                labels = self._data["teams"][0]["labels"]["nodes"]
                return self._connection(
                    [each for each in labels if self._matches(each, arguments.get("filter"))], arguments
                )
            case "customerNeeds":
                return self._connection([], arguments)
            case "issues":
                order = "createdAt" if arguments.get("orderBy") == "createdAt" else "updatedAt"
                found = [issue for issue in self._issues() if self._matches(issue, arguments.get("filter"))]
                return self._connection(sorted(found, key=lambda issue: str(issue[order]), reverse=True), arguments)
            case "searchIssues":
                return self._connection(self._search(arguments), arguments)
            case "issue":
                wanted = arguments.get("id")
                found_issue = next((i for i in self._issues() if wanted in (i["id"], i["identifier"])), None)
                if found_issue is None:
                    raise LinearError(200, "Entity not found: Issue", "INPUT_ERROR", "invalid input")
                return found_issue
            case "attachmentsForURL":
                url, issues = arguments.get("url"), self._tracker.filed
                found = [
                    {**each, "issue": issue}
                    for issue in issues
                    for each in issue["attachments"]["nodes"]
                    if each["url"] == url
                ]
                return self._connection(found, arguments)
            case "comments":
                said = [each for issue in self._tracker.filed for each in issue["comments"]["nodes"]]
                return self._connection(
                    [each for each in said if self._matches(each, arguments.get("filter"))], arguments
                )
            case "projects":
                return self._connection([], arguments)
            case "rateLimitStatus":
                amount = {
                    "type": "requests",
                    "allowedAmount": 2500.0,
                    "requestedAmount": 1.0,
                    "remainingAmount": 2471.0,
                    "period": 3.6e6,
                }
                return {
                    "identifier": "demo",
                    "kind": "apiKey",
                    "limits": [{**amount, "reset": time.time() * 1000 + 3.6e6}],
                }
        raise LinearError(
            400, f'Cannot query field "{name}" on type "Query".', "GRAPHQL_VALIDATION_FAILED", "graphql error"
        )

    def _search(self, arguments: Json) -> list[Json]:
        """Issues that share words with the term, those with most first."""
        terms = set(re.findall(r"[a-z0-9_./-]+", str(arguments.get("term", "")).lower())) - _STOP
        scored = []
        for issue in self._issues():
            text = f"{issue['title']} {issue['description']} {issue['identifier']}".lower()
            score = sum(term in text for term in terms)
            if score and self._matches(issue, arguments.get("filter")):
                scored.append((score, str(issue["updatedAt"]), issue))
        return [issue for _, _, issue in sorted(scored, key=lambda row: row[:2], reverse=True)]

    def _connection(self, items: list[Json], arguments: Json) -> Json:
        size = int(arguments.get("first") or 50)
        if not 0 < size <= MAX_PAGE:
            raise LinearError(400, f"Argument 'first' must be between 1 and {MAX_PAGE}", "INPUT_ERROR", "invalid input")
        after = str(arguments.get("after") or "")
        start = int(after.removeprefix("offset:")) + 1 if after.removeprefix("offset:").isdigit() else 0
        page = items[start : start + size]
        return {
            "nodes": page,
            "edges": [{"node": item, "cursor": f"offset:{start + i}"} for i, item in enumerate(page)],
            "totalCount": float(len(items)),
            "pageInfo": {
                "hasNextPage": start + size < len(items), "hasPreviousPage": start > 0, "startCursor": f"offset:{start}" if page else None,
                "endCursor": f"offset:{start + len(page) - 1}" if page else None,
            },
        }  # fmt: skip

    # ---- filters
    def _matches(self, value: Any, wanted: Any) -> bool:
        """A filter object against an object: fields, relations, `and`, `or`, `some`, `every`, comparators."""
        if wanted is None:
            return True
        for name, condition in wanted.items():
            if name == "and":
                ok = all(self._matches(value, part) for part in condition)
            elif name == "or":
                ok = any(self._matches(value, part) for part in condition)
            elif name == "some":
                ok = any(self._matches(item, condition) for item in value or [])
            elif name == "every":
                ok = all(self._matches(item, condition) for item in value or [])
            elif name == "length":
                ok = self._matches(float(len(value or [])), condition)
            elif name == "searchableContent":
                text = f"{value['title']} {value['description']} {value['identifier']}".lower()
                ok = str(condition.get("contains", "")).lower() in text
            elif isinstance(value, Mapping) and isinstance(condition, Mapping):
                have = value.get(name)
                ok = self._matches(have["nodes"] if isinstance(have, Mapping) and "nodes" in have else have, condition)
            else:
                ok = self._compare(name, value, condition)
            if not ok:
                return False
        return True

    def _compare(self, name: str, have: Any, wanted: Any) -> bool:
        negated = name.startswith(("not", "neq", "nin")) and name != "null"
        plain = {"neq": "eq", "nin": "in", "neqIgnoreCase": "eqIgnoreCase"}.get(name) or re.sub(
            r"^not([A-Z])", lambda m: m.group(1).lower(), name
        )
        low, text = str(have if have is not None else "").lower(), str(have if have is not None else "")
        match plain:
            case "eq":
                ok = have == wanted
            case "in":
                ok = have in (wanted or [])
            case "null":
                ok = (have is None) == wanted
            case "eqIgnoreCase":
                ok = low == str(wanted).lower()
            case "contains":
                ok = str(wanted) in text
            case "containsIgnoreCase" | "containsIgnoreCaseAndAccents":
                ok = str(wanted).lower() in low
            case "startsWith":
                ok = text.startswith(str(wanted))
            case "startsWithIgnoreCase":
                ok = low.startswith(str(wanted).lower())
            case "endsWith":
                ok = text.endswith(str(wanted))
            case "gt" | "gte" | "lt" | "lte":
                ok = have is not None and self._ordered(plain, have, wanted)
            case _:
                raise LinearError(
                    400, f'Field "{name}" is not defined by the filter.', "GRAPHQL_VALIDATION_FAILED", "graphql error"
                )
        return bool(ok) != negated

    def _ordered(self, name: str, have: Any, wanted: Any) -> bool:
        if not isinstance(have, int | float):
            have, wanted = str(have), self._moment(str(wanted))
        return bool({"gt": have > wanted, "gte": have >= wanted, "lt": have < wanted, "lte": have <= wanted}[name])

    def _moment(self, text: str) -> str:
        """A time, or an ISO 8601 duration from now, as comparable text."""
        match = _DURATION.match(text)
        if match is None:
            return text
        sign, years, months, weeks, days, hours, minutes, seconds = match.groups()
        number = [int(part or 0) for part in (years, months, weeks, days, hours, minutes, seconds)]
        span = timedelta(
            days=number[0] * 365 + number[1] * 30 + number[2] * 7 + number[3],
            hours=number[4],
            minutes=number[5],
            seconds=number[6],
        )
        now = self._clock()
        return _iso(now - span if sign else now + span)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
