"""A contract's text as a form, with every problem at its line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from altor.errors import InvalidInput
from escalations.contracts.format import ContractForm
from investigations.playbooks.messages import told
from investigations.playbooks.reading import PlaybookInvalid, Problem, dotted, line_of, plain, read_tree

LIBRARY: Final = Path(__file__).with_name("library")
#: Parsed texts that are kept: the contracts in force, and those that are looked at.
_KEPT: Final = 32


class ContractInvalid(InvalidInput):
    """`problems`: [{"line": from 1, 0 when not known, "field": "levels.SEV1.title", "message"}], as they stand."""

    code = "contract_invalid"
    title = "The contract is not valid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = [{"line": one.line, "field": one.field, "message": one.message} for one in problems]
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", problems=shown)


@lru_cache(maxsize=_KEPT)
def read_contract(text: str, name: str = "contract.yaml") -> ContractForm:
    """The form; ContractInvalid otherwise. The same text is read once per process: do not change what comes back."""
    try:
        tree = read_tree(text, name)
    except PlaybookInvalid as invalid:
        raise ContractInvalid(invalid.problems) from None
    data = plain(tree)
    if not isinstance(data, dict):
        raise ContractInvalid([Problem(name, 1, "", "a contract is a mapping: key, title, levels, checklist")])
    try:
        return ContractForm.model_validate(data)
    except ValidationError as error:
        found = [
            Problem(name, line_of(tree, path), dotted(path), said) for path, said in told(error, data, ContractForm)
        ]
        raise ContractInvalid(sorted(found, key=lambda one: one.line)) from None


def document_of(form: ContractForm) -> dict[str, Any]:
    """A part that the format got later is left out where it says nothing: what was stored before keeps its digest."""
    document = form.model_dump(mode="json", by_alias=True)
    if document["incident"] is None:
        del document["incident"]
    return document


def digest(form: ContractForm) -> str:
    """Over what the contract says; comments and order of keys do not count."""
    return hashlib.sha256(json.dumps(document_of(form), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def library_files() -> list[Path]:
    return sorted(LIBRARY.glob("*.yaml"))
