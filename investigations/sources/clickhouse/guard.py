"""What a playbook's SQL may be: one SELECT over the logical views, nothing that reaches around them.

The check reads the statement word by word, as ClickHouse does, and refuses what it does not know: whatever stands where
a table stands must be a view, a name that the statement itself defined before, or `numbers(...)`. Comments are taken
out, so that what is sent is what was read. This is the first fence; the views' own WHERE and the server's read-only
user stand behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

VIEWS: Final = ("requests", "calls", "deliveries", "logs", "spans")
_TOKEN: Final = re.compile(
    r"""(?P<string>'(?:\\.|''|[^'\\])*')"""
    r"""|(?P<comment>--[^\n]*|/\*.*?\*/)"""
    r"""|(?P<parameter>\{\s*[A-Za-z_]\w*\s*:(?:[A-Za-z0-9_(), ]|'[A-Za-z0-9_/+-]*')+\})"""
    r"""|(?P<number>(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?!\w))"""
    r"""|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<space>[ \t\r\n]+)"""
    r"""|(?P<sign>->|::|==|!=|<>|<=|>=|\|\||[-+*/%=<>().,\[\]?:])""",
    re.DOTALL | re.ASCII,
)
_PARAMETER: Final = re.compile(r"\{\s*(\w+)\s*:\s*(.+?)\s*\}", re.ASCII)
_FORBIDDEN: Final = frozenset({
    "insert", "alter", "drop", "create", "truncate", "rename", "attach", "detach", "optimize", "grant", "revoke",
    "system", "kill", "set", "use", "into", "outfile", "infile", "format", "settings", "explain", "describe",
    "show", "delete", "update", "exchange", "undrop", "watch", "backup", "restore", "execute", "call", "final",
    "sample", "apply", "columns",
})  # fmt: skip
#: Statement words that are functions, too.
_ALSO_FUNCTIONS: Final = frozenset({"format", "truncate"})
#: Functions that read something outside the statement, tell of the server, or take a table's name as an argument.
_READERS: Final = re.compile(
    r"(?:file|url|urlcluster|s3\w*|gcs|azure\w*|iceberg\w*|delta\w*|hudi|hdfs\w*|remote\w*|cluster\w*|mysql|postgresql"
    r"|mongodb|redis|sqlite|jdbc|odbc|executable|input|view\w*|merge|loop|dictionary|dict\w*|joinget\w*|getsetting\w*"
    r"|getmacro|getserver\w*|getclient\w*|hascolumnintable|catboost\w*|modelevaluate|evalmlmethod|naivebayes\w*|ai[a-z]+"
    r"|filesystem\w*|sleep\w*|user|currentuser|authenticateduser|currentdatabase|currentschemas"
    r"|(?:current|enabled|default)(?:roles|profiles)|hostname|fqdn|serveruuid|displayname|tcpport|uptime|connectionid"
    r"|connection_id|queryid|initialqueryid|addressto\w+|demangle|showcertificate|getoskernelversion|zookeeper\w*|logtrace"
    r"|shardnum|shardcount|mergetree\w*|transaction\w*|notin|globalin|globalnotin|nullin|notnullin|globalnullin"
    r"|globalnotnullin|\w*inignoreset)"
)
_CLAUSE_END: Final = frozenset({
    "select", "where", "prewhere", "group", "order", "having", "limit", "union", "window", "qualify", "offset",
    "intersect", "except",
})  # fmt: skip
_LIST_WORDS: Final = frozenset({
    "null", "true", "false", "interval", "day", "hour", "minute", "second", "week", "month", "year",
})  # fmt: skip
#: A table function after IN would be a table.
_LIST_CALLS: Final = re.compile(r"to[a-z0-9]+|parsedatetime\w*|tuple|array|lower|upper|concat|now|today|yesterday")
_AFTER_WITH: Final = frozenset(["totals", "fill", "ties", "rollup", "cube"])
#: A statement may not give its own tables names that raw tables have.
_RAW_NAME: Final = re.compile(
    r"(?:otel|signoz|hyperdx|distributed|system|information_schema|default)(?:_|$)", re.IGNORECASE
)


class QueryRefused(ValueError):
    """The SQL is not one a playbook may hold; the message says why."""


class Token(NamedTuple):
    kind: str  # string, parameter, number, word, sign
    text: str

    @property
    def low(self) -> str:
        return self.text.lower() if self.kind == "word" else self.text


_END: Final = Token("end", "")


@dataclass(slots=True)
class _Frame:
    """What is open between two brackets. `clause` is "from" where a comma begins another table."""

    clause: str = ""
    expecting: bool = False  # the next token must be a table
    in_list: bool = False  # directly inside IN ( … )
    defines: str = ""  # the name that WITH name AS ( … ) gets when this closes


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that passed. `text` has no comments."""

    text: str
    views: frozenset[str]
    parameters: dict[str, str]  # name -> type
    names: frozenset[str]  # tables that it defines itself
    is_combined: bool  # UNION, INTERSECT or EXCEPT at its top
    limit: int | None  # its own LIMIT when that is a plain number
    has_limit: bool


@lru_cache(maxsize=512)
def read_statement(sql: str) -> Statement:
    """The statement, checked; QueryRefused otherwise. A worker asks the questions of its playbooks again and again."""
    tokens = list(_tokens(sql))
    text = "".join(" " if kind == "comment" else part for kind, part in tokens).strip()
    words = [Token(kind, part) for kind, part in tokens if kind not in ("space", "comment")]
    if not words or words[0].low not in ("select", "with"):
        raise QueryRefused("a query begins with SELECT or WITH")
    scan = _Scan(words)
    scan.run()
    limits = _limits(words)
    plain = limits[-1] if limits else None
    return Statement(
        text=text,
        views=frozenset(scan.used),
        parameters=scan.parameters,
        names=frozenset(scan.own),
        is_combined=scan.is_combined,
        limit=int(plain.text) if plain and plain.kind == "number" and plain.text.isdigit() else None,
        has_limit=bool(limits),
    )


def views_in(sql: str) -> frozenset[str]:
    """The logical views that a statement reads; QueryRefused when it is no allowed statement."""
    return read_statement(sql).views


def parameters_in(sql: str) -> dict[str, str]:
    """Server-side parameters: `{onset:String}` -> {"onset": "String"}. QueryRefused when the text is unreadable."""
    found = (_PARAMETER.fullmatch(text) for kind, text in _tokens(sql) if kind == "parameter")
    return {match.group(1): match.group(2) for match in found if match}


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            raise QueryRefused(_unreadable(sql[at:]))
        yield str(match.lastgroup), match.group()
        at = match.end()


def _unreadable(rest: str) -> str:
    first = rest[0]
    if first == ";":
        return "only one statement, without a semicolon"
    if first in '"`':
        return f"quoted names are not allowed: {rest[:20]}"
    if first == "{":
        return f"a parameter is written {{name:Type}}: {rest[:20]}"
    if first == "'":
        return "a text is not closed"
    return (
        f"{first!r} is not allowed in a query"
        if first.isprintable()
        else "a control character is not allowed in a query"
    )


class _Scan:
    """One pass over the tokens with a stack of open brackets."""

    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.stack = [_Frame()]
        self.used: set[str] = set()
        self.own: set[str] = set()
        self.parameters: dict[str, str] = {}
        self.is_combined = False
        self.in_head = words[0].low == "with"

    def run(self) -> None:
        for index, token in enumerate(self.words):
            before = self.words[index - 1] if index else _END
            after = self.words[index + 1] if index + 1 < len(self.words) else _END
            self._step(index, token, before, after)
        if len(self.stack) != 1:
            raise QueryRefused("a bracket is not closed")
        self._expects_nothing("the end")

    def _step(self, index: int, token: Token, before: Token, after: Token) -> None:
        frame = self.stack[-1]
        if token.text in ("(", "["):
            self._open(index, token, after)
        elif token.text in (")", "]"):
            self._close(token)
        elif token.kind == "word":
            self._word(index, token, before, after)
        elif token.text == ",":
            self._expects_nothing("','")
            frame.expecting = frame.clause == "from"
        else:
            self._expects_nothing(token.text)
            if token.kind == "parameter":
                self._parameter(token)

    def _open(self, index: int, token: Token, after: Token) -> None:
        frame = self.stack[-1]
        opened = _Frame()
        if frame.expecting:
            if token.text != "(" or after.low not in ("select", "with"):
                raise QueryRefused("brackets in the place of a table begin with SELECT")
            frame.expecting = False
        elif index >= 1 and self.words[index - 1].low == "in" and token.text == "(":
            opened.in_list = after.low not in ("select", "with")
        elif self.in_head and len(self.stack) == 1:
            opened.defines = self._defined_here(index, after)
        self.stack.append(opened)

    def _defined_here(self, index: int, after: Token) -> str:
        """`name` of `WITH name AS (SELECT …` when the bracket at `index` opens it, else ""."""
        if index < 3 or after.low not in ("select", "with") or self.words[index - 1].low != "as":
            return ""
        name, begin = self.words[index - 2], self.words[index - 3]
        if name.kind != "word" or begin.low not in ("with", ","):
            return ""
        if name.text in VIEWS or _RAW_NAME.match(name.text):
            raise QueryRefused(f"{name.text} cannot be defined anew: choose another name")
        return name.text

    def _close(self, token: Token) -> None:
        self._expects_nothing(token.text)
        if len(self.stack) == 1:
            raise QueryRefused("a bracket is closed that was not opened")
        frame = self.stack.pop()
        if frame.defines:
            self.own.add(frame.defines)

    def _word(self, index: int, token: Token, before: Token, after: Token) -> None:
        frame, low = self.stack[-1], token.low
        if frame.expecting:
            self._table(token, after)
            frame.expecting = False
            return
        if low in _FORBIDDEN and not (low in _ALSO_FUNCTIONS and after.text == "(") and before.text != ".":
            raise QueryRefused(f"{token.text.upper()} is not allowed in a query")
        if low == "in":
            self._membership(index, after)
        elif after.text == "(" and _READERS.fullmatch(low):
            raise QueryRefused(f"the function {token.text} is not allowed in a query")
        elif low == "with" and index and after.low not in _AFTER_WITH:
            raise QueryRefused("WITH stands at the beginning of a query only")
        elif low == "from":
            frame.clause, frame.expecting = "from", True
        elif low == "join":
            is_array = before.low == "array"
            frame.clause, frame.expecting = ("array", False) if is_array else ("from", True)
        elif low in _CLAUSE_END:
            self._new_clause(low)
        elif frame.in_list and low not in _LIST_WORDS and not (after.text == "(" and _LIST_CALLS.fullmatch(low)):
            raise QueryRefused(f"IN takes values, a parameter or a SELECT, not {token.text}")

    def _new_clause(self, low: str) -> None:
        frame = self.stack[-1]
        frame.clause = ""
        if len(self.stack) == 1:
            self.in_head = self.in_head and low != "select"
            self.is_combined = self.is_combined or low in ("union", "intersect", "except")

    def _membership(self, index: int, after: Token) -> None:
        """What follows IN: a list, a parameter, a SELECT or a name defined before."""
        if after.kind == "word":
            following = self.words[index + 2] if index + 2 < len(self.words) else _END
            self._table(after, following)
        elif after.kind not in ("parameter", "string", "number") and after.text not in ("(", "["):
            raise QueryRefused("IN takes values, a parameter or a SELECT")

    def _table(self, token: Token, after: Token) -> None:
        name = token.text
        if after.text == ".":
            raise QueryRefused(f"{name}.… is not a view: read from {', '.join(VIEWS)}")
        if after.text == "(":
            if name != "numbers":
                raise QueryRefused(f"the table function {name} is not allowed")
        elif name in VIEWS:
            self.used.add(name)
        elif name not in self.own:
            raise QueryRefused(f"{name} is not a view: read from {', '.join(VIEWS)}")

    def _parameter(self, token: Token) -> None:
        match = _PARAMETER.fullmatch(token.text)
        name, kind = (match.group(1), match.group(2)) if match else ("", "")
        if not match or "identifier" in kind.lower():
            raise QueryRefused(f"a parameter cannot name a table or column: {token.text}")
        if self.parameters.setdefault(name, kind) != kind:
            raise QueryRefused(f"the parameter {name} has two types")

    def _expects_nothing(self, text: str) -> None:
        if self.stack[-1].expecting:
            raise QueryRefused(f"a view is expected after FROM, JOIN or a comma there, not {text}")


def _limits(words: list[Token]) -> list[Token]:
    """The number after each LIMIT of the outermost SELECT that is no LIMIT … BY."""
    depth, found = 0, []
    for index, token in enumerate(words):
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if depth == 0 and token.low == "limit":
            rest = [word.low for word in words[index + 1 : index + 7]]
            rest = rest[: rest.index("limit")] if "limit" in rest else rest
            if "by" in rest:
                continue
            # LIMIT offset, count
            at = index + 3 if "," in rest[1:2] else index + 1
            found.append(words[at] if at < len(words) else _END)
    return found


__all__ = ["VIEWS", "QueryRefused", "Statement", "parameters_in", "read_statement", "views_in"]
