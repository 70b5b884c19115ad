"""The reference page of the contract format, made from the format itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from escalations.contracts.format import Area, ChainStep, ContractForm, Item, Level, Owner, Spread
from escalations.contracts.names import NAMES

_PARTS: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    ("The contract", ContractForm), ("`area`", Area), ("`owner`, and `to` of a chain", Owner),
    ("`levels`: one of SEV1 to SEV4", Level), ("`chain`: one step", ChainStep), ("`checklist`: one item", Item),
    ("`incident`", Spread),
)  # fmt: skip


def pages() -> dict[str, str]:
    return {"contract-format.md": "\n".join(_page()) + "\n"}


def _page() -> Iterator[str]:
    yield "# Contract format\n"
    yield (
        "A contract is a YAML file, `altor/contract/v1`. Unknown keys are errors. What it is for:\n"
        "[escalation contracts](../how-to/escalation-contracts.md). Times are `15 min`, `4 h`, `1 h 30 min`; hours\n"
        "are `always`, or a week as in [clocks](../explanation/clocks.md).\n"
    )
    for title, model in _PARTS:
        yield f"## {title}\n"
        yield f"{(model.__doc__ or '').strip()}\n"
        yield "| key | what it says | default |\n| --- | --- | --- |"
        for name, field in model.model_fields.items():
            yield f"| `{field.alias or name}` | {field.description or _PLAIN.get(name, '')} | {_default(field)} |"
        yield ""
    yield "## What conditions can read\n"
    yield (
        "Conditions are CEL, see the playbook format. One that reads what was not measured is unknown, and an unknown\n"
        "condition does not meet an item.\n"
    )
    yield "| name | what it is |\n| --- | --- |"
    for name, text in NAMES.items():
        yield f"| `{name}` | {text.replace('|', chr(92) + '|')} |"


_PLAIN: Final = {
    "api": "The version of the format", "key": "Small letters, digits, - and _; never changes",
    "title": "As people call it", "description": "What it is for", "area": "What it is for, see below",
    "owner": "Who gets it, see below", "levels": "What holds at each severity, see below",
    "checklist": "What an escalation must hold, see below", "id": "Small letters, digits and _",
    "examples": "Cases as people know them", "after": "Since sending, while nobody has acknowledged",
    "to": "Who is told; empty: the leads", "answer": "Kind of answer: text, yes_no or link",
}  # fmt: skip


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "nothing named"
    return f"`{value}`" if value not in ("", None, [], {}) else "–"
