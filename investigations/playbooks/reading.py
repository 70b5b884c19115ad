"""A playbook's text as a tree that remembers its lines. What YAML can do beyond plain data is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent

MAX_BYTES: Final = 400_000
#: Deeper than any playbook needs; a file of brackets must not exhaust the stack.
MAX_DEPTH: Final = 40
_UNSTORABLE: Final = re.compile("[\\x00\\ud800-\\udfff]")
#: Where something stands: keys and indices from the top.
Path = tuple[Any, ...]


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


class _Refused(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


class _PlainComposer(Composer):
    """Refuses anchors, aliases, tags and merge keys: each step stands for itself, and nothing is ever constructed."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, "anchors and aliases (& and *) are not allowed; quote a text that begins with & or *")
        tag = getattr(event, "tag", None) or getattr(event, "ctag", None)
        if tag is not None and str(tag) not in ("", "None", "!"):
            raise _Refused(line, "tags (!) are not allowed; quote a text that begins with !")
        if isinstance(event, ScalarEvent) and event.value == "<<" and event.style is None:
            raise _Refused(line, "merge keys (<<) are not allowed: each step stands for itself")
        if self.depth >= MAX_DEPTH:
            raise _Refused(line, f"nested more than {MAX_DEPTH} levels deep")
        return super().compose_node(parent, index)


def read_tree(text: str, name: str) -> Any:
    """The round-trip tree; PlaybookInvalid for what is no plain YAML."""
    if len(text.encode()) > MAX_BYTES:
        raise PlaybookInvalid([Problem(name, 0, "", f"the file is larger than {MAX_BYTES // 1000} kB")])
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    yaml.Composer = _PlainComposer
    try:
        tree = yaml.load(io.StringIO(text))
    except _Refused as refused:
        raise PlaybookInvalid([Problem(name, refused.line, "", refused.message)]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PlaybookInvalid([Problem(name, mark.line + 1 if mark else 0, "", _yaml_words(error))]) from None
    except YAMLError as error:
        raise PlaybookInvalid([Problem(name, 0, "", f"not valid YAML: {str(error).splitlines()[0]}")]) from None

    unprintable = list(_unprintable(tree, ()))
    if unprintable:
        message = "holds a character that cannot be stored (an escaped \\0 or half of a pair)"
        raise PlaybookInvalid([Problem(name, line_of(tree, path), dotted(path), message) for path in unprintable])
    return tree


def read_nodes(text: str) -> Any:
    """The composed nodes, each with its places in `text` (`start_mark.index`, `end_mark.index`). Only of a text that
    `read_tree` takes.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.Composer = _PlainComposer
    return yaml.compose(io.StringIO(text))


def _unprintable(node: Any, path: Path) -> Iterator[Path]:
    """Places of texts that neither the database nor UTF-8 can hold."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(key, str) and _UNSTORABLE.search(key):
                yield path
            yield from _unprintable(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _unprintable(value, (*path, index))
    elif isinstance(node, str) and _UNSTORABLE.search(node):
        yield path


def _yaml_words(error: MarkedYAMLError) -> str:
    said = str(error.problem or error.context)
    if match := re.match(r"found duplicate key \"?([^\"]*)\"? with value", said):
        return f"the key {match.group(1)!r} is written twice"
    if r"'\t'" in said:
        return "a tab stands here: YAML is indented with spaces"
    if "found another document" in said or "another document" in said:
        return "a second document begins here: one file holds one playbook"
    if "mapping values are not allowed" in said:
        return "not valid YAML: a colon in the wrong place; quote a text that holds a colon and a space"
    return f"not valid YAML: {said}"


def plain(node: Any) -> Any:
    """The round-trip tree as plain values (its scalars are subclasses that pydantic's strict unions dislike)."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(item) for item in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def line_of(tree: Any, path: Sequence[Any]) -> int:
    """The line of the deepest part of `path` that exists in the file."""
    line, node = 1, tree
    for part in path:
        try:
            if isinstance(node, dict):
                part = next((key for key in node if str(key) == part), part)  # a key may be a number in the file
                line = node.lc.key(part)[0] + 1  # type: ignore[attr-defined]  # ruamel's round-trip mapping
            elif isinstance(node, list):
                line = node.lc.item(part)[0] + 1  # type: ignore[attr-defined]  # likewise
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def dotted(path: Sequence[Any]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
