"""What pydantic finds in a playbook, in an author's words: the place as it is in the file, what to write instead."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from investigations.playbooks.format import Playbook
from investigations.playbooks.reading import Path

_BRANCHES: Final = ("function-", "chain[", "literal[", "list[", "dict[", "constrained-")
_TYPES: Final = {
    "string_type": "write a text",
    "list_type": "write a list: lines that begin with '- ', or [a, b]",
    "dict_type": "write a mapping: lines of `key: value`, or {key: value}",
    "model_type": "write a mapping: lines of `key: value`, or {key: value}",
    "model_attributes_type": "write a mapping: lines of `key: value`, or {key: value}",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number",
}
_SHAPES: Final = {
    "label": "small letters, optionally a dot and more small letters, digits or _: lat.slow_route",
    "class": "small letters, digits and _, a letter first, at most 20: rate_limit",
}
_IDENTIFIER: Final = "small letters, digits and _, a letter first, at most 60: my_name"


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """ ": did you mean 'x'?" or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f": did you mean {close[0]!r}?" if close else ""


def told(error: ValidationError, tree: Any, model: type[BaseModel] = Playbook) -> Iterator[tuple[Path, str]]:
    """(place, message), one per place: branches of a union that speak of the same value are joined. `model` is what the
    tree was read as.
    """
    found: dict[Path, list[str]] = {}
    for item in error.errors():
        path = _in_file(item["loc"], tree, is_key=item["type"] in ("missing", "extra_forbidden"))
        found.setdefault(path, [])
        message = _message(item, path, tree, model)
        if message not in found[path]:
            found[path].append(message)
    for path, messages in found.items():
        # A problem inside a list says more than "this is no text" about the list as a whole.
        if not any(other[: len(path)] == path and len(other) > len(path) for other in found) or _is_whole(messages):
            yield path, "; or ".join(messages)


def _is_whole(messages: Sequence[str]) -> bool:
    return any(message.startswith(("unknown key", "this key is missing")) or "needs" in message for message in messages)


def _in_file(location: Sequence[Any], tree: Any, *, is_key: bool) -> Path:
    """The place without the names that pydantic adds for the branch of a union."""
    path: list[Any] = []
    node = tree
    for number, part in enumerate(location):
        is_last = number == len(location) - 1
        if isinstance(node, Mapping):
            if part in node:
                path.append(part)
                node = node[part]
            elif is_last and is_key:
                path.append(part)
            # Another absent key is the tag of a measure.
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            path.append(part)
            node = node[part]
        elif isinstance(part, int) or not (part in ("str", "float", "int", "bool") or part.startswith(_BRANCHES)):
            path.append(part)
            node = None
    return tuple(path)


def _message(item: Any, path: Path, tree: Any, model: type[BaseModel]) -> str:
    kind, context, value = item["type"], item.get("ctx") or {}, item["input"]
    key = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return f"unknown key{nearest(key, _keys_at(path[:-1], tree, model))}"
    if kind == "missing":
        return "this key is missing"
    if kind in _TYPES:
        return _wrong_type(kind, key, value)
    if kind == "literal_error":
        expected = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        choice = f"one of {', '.join(expected)}" if len(expected) > 1 else expected[0]
        return f"{value!r} is not known, it is {choice}{nearest(str(value), expected, cutoff=0.6)}"
    if kind == "union_tag_invalid":
        known = context["expected_tags"].replace("'", "").split(", ")
        return (
            f"there is no method {context['tag']!r}{nearest(str(context['tag']), known)} (there are {', '.join(known)})"
        )
    if kind == "union_tag_not_found":
        return "this key is missing: method"
    if kind == "string_pattern_mismatch":
        return f"{value!r} is not allowed here: {_SHAPES.get(key, _IDENTIFIER)}"
    said = str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return (
        said.replace("Input should be", "must be").replace("Dictionary should", "must").replace("List should", "must")
    )


def _wrong_type(kind: str, key: str, value: Any) -> str:
    wanted = _TYPES[kind]
    if value is None:
        return f"is empty: {wanted}"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"is read as a {'yes or no' if isinstance(value, bool) else 'number'}: put it in quotes"
    unit = " of seconds, without a unit" if key.endswith(("_s", "seconds")) else ""
    unit = " of minutes, without a unit" if key.endswith("_minutes") else unit
    unit = " of days, without a unit" if key.endswith("_days") else unit
    shown = f", not {value!r}" if isinstance(value, str) and len(value) < 40 else ""
    return f"{wanted}{unit if 'number' in wanted else ''}{shown}"


def _keys_at(path: Sequence[Any], tree: Any, model: type[BaseModel]) -> set[str]:
    """The keys that may stand at a place, for suggestions."""
    models: list[Any] = [model]
    node = tree
    for part in path:
        node = node[part] if isinstance(node, Mapping | list) else None
        models = [inner for model in models for inner in _step_into(model, part)]
        method = node.get("method") if isinstance(node, Mapping) else None
        if method is not None:
            models = [model for model in models if _method_of(model) in (None, method)]
    return {
        str(field.alias or name) for model in models if _is_model(model) for name, field in model.model_fields.items()
    }


def _step_into(model: Any, part: Any) -> list[Any]:
    if _is_model(model):
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                return _kinds(field.annotation)
        return []
    arguments = typing.get_args(model)
    return _kinds(arguments[-1]) if arguments else []


def _kinds(annotation: Any) -> list[Any]:
    """The models and containers that an annotation stands for."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [kind for one in typing.get_args(annotation) for kind in _kinds(one)]
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    return [annotation]


def _method_of(model: Any) -> str | None:
    field = model.model_fields.get("method") if _is_model(model) else None
    return str(typing.get_args(field.annotation)[0]) if field is not None else None


def _is_model(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)
