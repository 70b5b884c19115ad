"""What all parts of the playbook format share: strict models, identifiers, CEL as a type."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import core_schema

from investigations.playbooks.conditions import compile_condition

#: Words an author chooses from, and the log-odds they stand for.
WEIGHTS: Final[dict[str, float]] = {"decisive": 4.0, "strong": 2.5, "moderate": 1.5, "weak": 0.7}

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
#: As long as the database keeps them.
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
IncidentClass = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z0-9_]+)?$", max_length=60)]


def _checked(text: str) -> str:
    compile_condition(text)
    return text


def _as_text(value: Any) -> Any:
    """YAML reads `when: true` and `n: 3` as a bool and a number: both are fine CEL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class _CelValidator:
    """Pydantic hook: a CEL expression, compiled when the file is read."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.chain_schema(
            [
                core_schema.no_info_plain_validator_function(_as_text),
                core_schema.str_schema(min_length=1, max_length=2000),
                core_schema.no_info_plain_validator_function(_checked),
            ]
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "boolean", "number"], "description": "A CEL expression"}


Cel = Annotated[str, _CelValidator]
#: One of the words of WEIGHTS, or the log-odds themselves.
Weight = Literal["decisive", "strong", "moderate", "weak"] | Annotated[float, Field(strict=True, allow_inf_nan=False)]
Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]


def weight_of(weight: Weight) -> float:
    return WEIGHTS[weight] if isinstance(weight, str) else float(weight)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
