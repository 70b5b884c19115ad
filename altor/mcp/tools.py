"""What a tool for assistants is. Each app makes its own; the setting MCP_TOOLS lists them by dotted path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from altor.models import User
from altor.registry import parts


class Arguments(BaseModel):
    """Base of what tools take. Unknown arguments are refused: a typing error must not widen what is asked."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` and `text` are called in a worker thread, where they may query.

    `permission` is asked of the person's role and of the token's scopes before `run`, which reaches rows through
    `visible_to` only. `run` raises domain errors and `Http404` as a REST view does.
    """

    name: str
    title: str
    description: str  # for the assistant: when to call it, what it gets
    arguments: type[Arguments]
    output: Mapping[str, Any]  # JSON Schema of what `run` returns
    permission: str
    run: Callable[[User, Any], Mapping[str, Any]]
    text: Callable[[Mapping[str, Any]], str]  # what `run` returned, short and to be read
    throttle: str = "token"  # the rate of the same call over REST
    longest_text: int = 20_000  # of each text in the answer; what is longer is cut, with a note
    is_read_only: bool = True
    is_destructive: bool = False
    is_idempotent: bool = True

    def input_schema(self) -> dict[str, Any]:
        return self.arguments.model_json_schema()


def all_tools() -> dict[str, Tool]:
    """Name -> tool, in the order of MCP_TOOLS."""
    return {tool.name: tool for tool in parts("MCP_TOOLS")}
