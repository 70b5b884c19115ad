"""Enough of GraphQL to answer documents: operations, variables, aliases, arguments, fragments, projection.

No schema and no validation of types: the Linear upstream resolves root fields to plain objects and this module picks
from them what was asked. Nested connections are plain `{"nodes": [...]}` objects; their `first` cuts the nodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_TOKEN: Final = re.compile(
    r'(?P<skip>[\s,\ufeff]+|#[^\n]*)|(?P<block>"""(?:[^"\\]|\\.|"(?!""))*""")|(?P<text>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<mark>\.\.\.|[{}()\[\]:=!$@|&])"
)
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
MAX_DEPTH: Final = 24


class GraphQLSyntaxError(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(slots=True)
class Field:
    name: str
    alias: str
    arguments: dict[str, Any]
    selection: list[Field | Spread]


@dataclass(slots=True)
class Spread:
    """A fragment used: named (`selection` empty) or inline."""

    fragment: str
    selection: list[Field | Spread] = field(default_factory=list)


@dataclass(slots=True)
class Operation:
    kind: str
    name: str
    defaults: dict[str, Any]
    required: set[str]
    selection: list[Field | Spread]


@dataclass(slots=True)
class Document:
    operations: list[Operation]
    fragments: dict[str, list[Field | Spread]]

    def operation(self, name: str | None) -> Operation:
        for operation in self.operations:
            if name is None or operation.name == name:
                return operation
        raise GraphQLSyntaxError(f"Unknown operation named {name!r}.")


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise GraphQLSyntaxError(f"Syntax Error: Unexpected character: {text[at]!r}.")
            if match.lastgroup != "skip":
                self._tokens.append(match.group())
            at = match.end()
        self._at = 0

    def document(self) -> Document:
        document = Document([], {})
        while self._at < len(self._tokens):
            word = self._peek()
            if word == "fragment":
                self._next()
                name = self._next()
                self._expect("on")
                self._next()
                document.fragments[name] = self._selection(0)
            elif word in ("{", "query", "mutation", "subscription"):
                document.operations.append(self._operation())
            else:
                raise GraphQLSyntaxError(f"Syntax Error: Unexpected {word!r}.")
        if not document.operations:
            raise GraphQLSyntaxError("Syntax Error: Must provide an operation.")
        return document

    def _operation(self) -> Operation:
        kind = self._next() if self._peek() != "{" else "query"
        name = self._next() if self._peek() not in ("{", "(", "@") else ""
        defaults: dict[str, Any] = {}
        required: set[str] = set()
        if self._peek() == "(":
            self._next()
            while self._peek() != ")":
                self._expect("$")
                variable = self._next()
                self._expect(":")
                is_required = self._type()
                if self._peek() == "=":
                    self._next()
                    defaults[variable] = self._value(0)
                elif is_required:
                    required.add(variable)
            self._next()
        return Operation(kind, name, defaults, required, self._selection(0))

    def _type(self) -> bool:
        """Skip a type; True when it is non-null at the outermost level."""
        if self._peek() == "[":
            self._next()
            self._type()
            self._expect("]")
        else:
            self._next()
        if self._peek() == "!":
            self._next()
            return True
        return False

    def _selection(self, depth: int) -> list[Field | Spread]:
        if depth > MAX_DEPTH:
            raise GraphQLSyntaxError("Query is too deep.")
        self._expect("{")
        out: list[Field | Spread] = []
        while self._peek() != "}":
            word = self._next()
            if word == "...":
                if self._peek() == "on":
                    self._next()
                    out.append(Spread(f"on {self._next()}", self._selection(depth + 1)))
                elif self._peek() == "{":
                    out.append(Spread("", self._selection(depth + 1)))
                else:
                    out.append(Spread(self._next()))
                continue
            name = word
            if self._peek() == ":":
                self._next()
                name = self._next()
            arguments = self._arguments()
            out.append(Field(name, word, arguments, self._selection(depth + 1) if self._peek() == "{" else []))
        self._next()
        return out

    def _arguments(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if self._peek() == "(":
            self._next()
            while self._peek() != ")":
                name = self._next()
                self._expect(":")
                out[name] = self._value(0)
            self._next()
        return out

    def _value(self, depth: int) -> Any:
        word = self._next()
        if depth > MAX_DEPTH:
            raise GraphQLSyntaxError("Value is too deep.")
        if word == "$":
            return Variable(self._next())
        if word == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value(depth + 1))
            self._next()
            return items
        if word == "{":
            fields = {}
            while self._peek() != "}":
                name = self._next()
                self._expect(":")
                fields[name] = self._value(depth + 1)
            self._next()
            return fields
        if word.startswith('"""'):
            return word[3:-3].strip()
        if word.startswith('"') or word[0].isdigit() or word[0] == "-":
            return json.loads(word)
        return _WORDS.get(word, word)  # an enum value is its own name

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise GraphQLSyntaxError("Syntax Error: Unexpected <EOF>.")
        return self._tokens[self._at]

    def _next(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def _expect(self, word: str) -> None:
        if self._next() != word:
            raise GraphQLSyntaxError(f"Syntax Error: Expected {word!r}, found {self._tokens[self._at - 1]!r}.")


def parse(text: str) -> Document:
    return _Parser(text).document()


class Executor:
    """Answers one operation: `resolve(name, arguments)` gives each root field's object."""

    def __init__(self, document: Document, operation: Operation, variables: Mapping[str, Any]) -> None:
        missing = operation.required - {name for name, value in variables.items() if value is not None}
        if missing:
            raise GraphQLSyntaxError(f'Variable "${sorted(missing)[0]}" of required type was not provided.')
        self._fragments = document.fragments
        self._operation = operation
        self._variables = {**operation.defaults, **variables}

    def run(self, resolve: Callable[[str, dict[str, Any]], Any]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for wanted in self._flat(self._operation.selection, "Query"):
            data[wanted.alias] = self._project(resolve(wanted.name, self._bind(wanted.arguments)), wanted)
        return data

    def _bind(self, value: Any) -> Any:
        if isinstance(value, Variable):
            return self._variables.get(value.name)
        if isinstance(value, dict):
            return {name: self._bind(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._bind(inner) for inner in value]
        return value

    def _flat(self, selection: list[Field | Spread], kind: str) -> list[Field]:
        out: list[Field] = []
        for item in selection:
            if isinstance(item, Field):
                out.append(item)
            elif item.selection:
                condition = item.fragment.removeprefix("on ")
                if not condition or not kind or condition == kind:
                    out.extend(self._flat(item.selection, kind))
            elif item.fragment in self._fragments:
                out.extend(self._flat(self._fragments[item.fragment], kind))
            else:
                raise GraphQLSyntaxError(f'Unknown fragment "{item.fragment}".')
        return out

    def _project(self, value: Any, wanted: Field) -> Any:
        if isinstance(value, list):
            return [self._project(item, wanted) for item in value]
        if not isinstance(value, dict) or not wanted.selection:
            return value
        if isinstance(value.get("nodes"), list) and "pageInfo" not in value:
            first = self._bind(wanted.arguments).get("first") or 50
            value = {
                **value,
                "nodes": value["nodes"][:first],
                "pageInfo": {"hasNextPage": len(value["nodes"]) > first, "endCursor": None},
            }
        out: dict[str, Any] = {}
        for inner in self._flat(wanted.selection, str(value.get("__typename", ""))):
            out[inner.alias] = self._project(value.get(inner.name), inner)
        return out
