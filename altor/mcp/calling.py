"""One call of a tool, from the token to the answer: who, may they, how often, with what, and what came of it.

The steps and their errors are those of a REST view. A call never raises: what went wrong is its answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError as ModelInvalid
from rest_framework import exceptions

from altor.api.authentication import holder
from altor.api.parsers import clean
from altor.api.permissions import RolePermission, allowed
from altor.api.problems import exception_handler
from altor.api.throttles import hit, of_token
from altor.audit import calls_from
from altor.mcp.bounds import MOST_TEXT, bounded, cut
from altor.mcp.tools import Tool, all_tools
from altor.models import ApiToken


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a call comes from. The token is looked up anew for each call, so that a revoked one ends at once."""

    token: str = field(repr=False)  # its text
    origin: str  # address of the client, or `stdio`


@dataclass(frozen=True, slots=True)
class Outcome:
    """`document`: what the tool returned, or the problem as REST tells it."""

    document: dict[str, Any]
    text: str
    is_error: bool = False


def token_of(text: str) -> ApiToken:
    """AuthenticationFailed for what is no live API token; one of a sidebar opens nothing here."""
    token = holder(text)
    if token.kind != ApiToken.Kind.API:
        raise exceptions.AuthenticationFailed("The token belongs to a sidebar: make an API token.")
    return token


def tools_for(caller: Caller) -> list[Tool]:
    """The tools that role and scopes allow. Counted as a request. AuthenticationFailed, Throttled."""
    token = token_of(caller.token)
    _count("token", token)
    return [tool for tool in all_tools().values() if allowed(token.user, token, tool.permission)]


def call(tool: Tool, given: Mapping[str, Any], caller: Caller) -> Outcome:
    with structlog.contextvars.bound_contextvars(request_id=uuid.uuid4().hex, tool=tool.name):
        try:
            with calls_from("token", caller.origin):
                return _carry_out(tool, given, token_of(caller.token))
        except Exception as error:  # the outer edge: the handler records what is not expected
            return _refused(error)


def _carry_out(tool: Tool, given: Mapping[str, Any], token: ApiToken) -> Outcome:
    if not allowed(token.user, token, tool.permission):
        raise exceptions.PermissionDenied(RolePermission.message)
    _count(tool.throttle, token)
    document = bounded(tool.run(token.user, _arguments(tool, given)), tool.longest_text)
    return Outcome(document, cut(tool.text(document), MOST_TEXT))


def _arguments(tool: Tool, given: Mapping[str, Any]) -> Any:
    try:
        return tool.arguments.model_validate(clean(dict(given)))
    except ModelInvalid as error:
        told: dict[str, list[str]] = {}
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            place = ".".join(map(str, one["loc"])) or "arguments"
            told.setdefault(place[:100], []).append(one["msg"])
        raise exceptions.ValidationError(dict(list(told.items())[:20])) from None


def _count(scope: str, token: ApiToken) -> None:
    wait = hit(scope, of_token(token))
    if wait is not None:
        raise exceptions.Throttled(wait)


def _refused(error: Exception) -> Outcome:
    answer = exception_handler(error, {})
    problem = bounded(answer.data if answer is not None and answer.data else {}, 2000)
    lines = [f"{problem.get('code')}: {problem.get('detail') or problem.get('title')}"]
    lines += [f"- {name}: {what}" for name, what in _errors(problem.get("errors"))]
    return Outcome(problem, cut("\n".join(lines), 4000), is_error=True)


def _errors(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for name, what in found.items():
            yield str(name), "; ".join(map(str, what)) if isinstance(what, list) else str(what)
