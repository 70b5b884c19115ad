"""Read a playbook file: every problem with its file, line and field, and a suggestion where a key is misspelt."""

from __future__ import annotations

import difflib
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from investigations.diagnosis.texts import slots
from investigations.playbooks import format as playbook_format
from investigations.playbooks.conditions import ConditionInvalid, compile_condition, roots_in
from investigations.playbooks.format import RESERVED, Playbook

LIBRARY: Final = Path(__file__).with_name("library")
MAX_BYTES: Final = 400_000


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1; 0 when the place is not known."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field + ': ' if self.field else ''}{self.message}"


class PlaybookInvalid(Exception):
    """`problems` holds at least one, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def parse_playbook(text: str, *, name: str) -> Playbook:
    """The validated playbook of a file's text; PlaybookInvalid lists all problems at once."""
    if len(text.encode()) > MAX_BYTES:
        raise PlaybookInvalid([Problem(name, 0, "", f"the file is larger than {MAX_BYTES // 1000} kB")])
    tree = _load(text, name)
    if not isinstance(tree, dict):
        raise PlaybookInvalid([Problem(name, 1, "", "a playbook is a mapping that begins with apiVersion: altor/v1")])
    try:
        playbook = Playbook.model_validate(_plain(tree))
    except ValidationError as error:
        raise PlaybookInvalid(sorted(_problems(error, tree, name), key=lambda problem: problem.line)) from None
    problems = [Problem(name, _line(tree, path), _dotted(path), message) for path, message in _deeper(playbook)]
    if problems:
        raise PlaybookInvalid(sorted(problems, key=lambda problem: problem.line))
    return playbook


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def library_files() -> list[Path]:
    return sorted(LIBRARY.glob("*.yaml"))


def _load(text: str, name: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        if re.search(r"(?m)^\s*(?:- )?\w*:?\s*[&*][A-Za-z]", text):
            raise PlaybookInvalid(
                [
                    Problem(
                        name, _anchor_line(text), "", "anchors and aliases are not allowed: each step stands for itself"
                    )
                ]
            )
        return yaml.load(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PlaybookInvalid(
            [Problem(name, mark.line + 1 if mark else 0, "", f"not valid YAML: {error.problem or error.context}")]
        ) from None
    except YAMLError as error:
        raise PlaybookInvalid([Problem(name, 0, "", f"not valid YAML: {error}")]) from None


def _anchor_line(text: str) -> int:
    return next(
        number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*(?:- )?\w*:?\s*[&*][A-Za-z]", line)
    )


def _plain(node: Any) -> Any:
    """The round-trip tree as plain values (its scalars are subclasses that pydantic's strict unions dislike)."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def _problems(error: ValidationError, tree: Any, name: str) -> Iterator[Problem]:
    for item in error.errors():
        path = tuple(part for part in item["loc"] if not _is_branch(part))
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"unknown key{_suggestion(path)}"
        elif item["type"] == "missing":
            message = "this key is missing"
        yield Problem(name, _line(tree, path), _dotted(path), message)


def _is_branch(part: Any) -> bool:
    """Names pydantic adds for the branch of a union, which are not in the file."""
    return isinstance(part, str) and (
        part in _METHODS or part.startswith(("function-", "chain[", "literal[", "list[")) or part in ("str", "float")
    )


_METHODS: Final = frozenset(
    {"share_change", "level_change", "count_change", "compare", "table", "deployments", "issues", "billing", "usage"}
)


def _known_keys() -> frozenset[str]:
    names: set[str] = set()
    for thing in vars(playbook_format).values():
        if isinstance(thing, type) and issubclass(thing, BaseModel):
            for key, field in thing.model_fields.items():
                names.add(str(field.alias or key))
    return frozenset(names)


def _suggestion(path: Sequence[Any]) -> str:
    close = difflib.get_close_matches(str(path[-1]), _known_keys(), n=1, cutoff=0.7) if path else []
    return f": did you mean {close[0]!r}?" if close else ""


def _dotted(path: Sequence[Any]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _line(tree: Any, path: Sequence[Any]) -> int:
    """The line of the deepest part of `path` that exists in the file."""
    line, node = 1, tree
    for part in path:
        try:
            if isinstance(node, dict):
                line = node.lc.key(part)[0] + 1  # type: ignore[attr-defined]  # ruamel's round-trip mapping
            elif isinstance(node, list):
                line = node.lc.item(part)[0] + 1  # type: ignore[attr-defined]  # likewise
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def _deeper(playbook: Playbook) -> Iterator[tuple[tuple[Any, ...], str]]:
    """What needs the whole file: names in conditions, slots in texts, the SQL."""
    steps = {step.id for step in playbook.steps}
    for path, key, value in _strings(playbook.model_dump(by_alias=True, mode="json"), ()):
        if key in ("query", "ask", "description", "words", "question", "normal"):
            continue
        if _is_text(path):
            yield from ((path, message) for message in _text_problems(value, steps))
        elif _is_condition(path):
            unknown = _unknown_roots(value, steps)
            if unknown:
                yield (
                    path,
                    f"unknown name {', '.join(unknown)}: a condition reads steps, inputs, customer, ticket or profile",
                )
    yield from _sql_problems(playbook)


def _strings(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _strings(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _strings(value, (*path, index))
    elif isinstance(node, str):
        yield path, str(next((part for part in reversed(path) if isinstance(part, str)), "")), node


_TEXTS: Final = frozenset(
    {
        "summary",
        "title",
        "says",
        "says_not",
        "result",
        "observed",
        "scope",
        "next_step",
        "eta",
        "why",
        "remediation",
        "next_steps",
        "confirm",
        "ruled_out",
        "absent",
    }
)
_CONDITIONS: Final = frozenset({"when", "run_if", "abnormal", "normal", "gate", "small_when", "for_each", "at", "url"})


def _is_text(path: Sequence[Any]) -> bool:
    names = [part for part in path if isinstance(part, str)]
    return bool(names) and names[-1] in _TEXTS and "{" not in names[-1]


def _is_condition(path: Sequence[Any]) -> bool:
    names = [part for part in path if isinstance(part, str)]
    return bool(names) and (
        names[-1] in _CONDITIONS or (len(names) > 1 and names[-2] in ("params", "facts", "ref", "figures"))
    )


def _text_problems(text: str, steps: set[str]) -> Iterator[str]:
    try:
        found = slots(text)
    except ValueError as error:
        yield str(error)
        return
    for expression, _ in found:
        try:
            compile_condition(expression)
        except ConditionInvalid as error:
            yield f"{{{expression}}}: {error}"
            continue
        unknown = _unknown_roots(expression, steps)
        if unknown:
            yield f"{{{expression}}}: unknown name {', '.join(unknown)}"


_MACRO: Final = re.compile(r"\.(?:filter|map|exists|all|exists_one)\(\s*([a-z_]\w*)\s*,")


def _unknown_roots(expression: str, steps: set[str]) -> list[str]:
    variables = set(_MACRO.findall(expression))
    return sorted(roots_in(expression) - steps - RESERVED - variables)


def _sql_problems(playbook: Playbook) -> Iterator[tuple[tuple[Any, ...], str]]:
    from investigations.sources.clickhouse.guard import QueryRefused, parameters_in, views_in

    given = {"tenant", "window_start", "window_end"}
    for index, step in enumerate(playbook.steps):
        if not step.query:
            continue
        try:
            views_in(step.query)
        except QueryRefused as refused:
            yield ("steps", index, "query"), str(refused)
            continue
        missing = sorted(set(parameters_in(step.query)) - given - set(step.params))
        if missing:
            yield ("steps", index, "query"), f"no value for the parameter {', '.join(missing)}: name it under params"
