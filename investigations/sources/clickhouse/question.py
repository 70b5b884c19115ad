"""What a playbook may ask of ClickHouse, and the values that go with its statement."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from investigations.sources.base import Operation, RunContext
from investigations.sources.clickhouse.guard import Statement
from investigations.sources.clickhouse.values import ValueRefused, bound
from investigations.sources.clickhouse.views import RESERVED

#: Stands for the customer where none is known: no tenant has this id, so nothing is counted as the customer's.
NOBODY: Final = "\N{REPLACEMENT CHARACTER}nobody"


class QueryParams(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sql: str = Field(min_length=1, max_length=20_000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    fence: Literal["customer", "everyone"] = "customer"
    window_start: AwareDatetime
    window_end: AwareDatetime
    max_rows: int = Field(default=5000, ge=1, le=20_000)


QUERY = Operation(
    name="query",
    title="A query over the logical views",
    params=QueryParams,
    returns='{"columns": [name], "types": [type], "rows": [[value, …]]}; times as ISO 8601 UTC, integers as int',
)


def bound_parameters(asked: QueryParams, statement: Statement, context: RunContext) -> dict[str, Any]:
    """Values for the parameters that the playbook's statement names. ValueRefused when one has none that fits."""
    values = {
        **asked.parameters,
        "tenant": context.tenant or NOBODY,
        "window_start": asked.window_start,
        "window_end": min(asked.window_end, context.as_of),
    }
    missing = sorted(set(statement.parameters) - set(values))
    if missing:
        raise ValueRefused(f"the query needs values for {', '.join(missing)}")
    found = {}
    for name, kind in statement.parameters.items():
        if name.startswith(RESERVED):
            raise ValueRefused(f"parameter {name}: names beginning with {' or '.join(RESERVED)} are taken")
        try:
            found[name] = bound(values[name], kind)
        except ValueRefused as refused:
            raise ValueRefused(f"parameter {name}: {refused}") from None
    return found


def fence_parameters(asked: QueryParams, statement: Statement, context: RunContext) -> dict[str, Any]:
    """What the views are restricted to. Nothing after the run's clock is read."""
    if not statement.views:
        return {}
    end = min(asked.window_end, context.as_of)
    moments = {"fence_start": bound(asked.window_start, "String"), "fence_end": bound(end, "String")}
    return moments | ({"fence_tenant": context.tenant} if asked.fence == "customer" else {})
