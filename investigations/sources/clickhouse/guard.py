"""What a playbook's SQL may be: one SELECT over the logical views, nothing that reaches around them.

This is a check by words, made before anything is sent, with clear messages for authors. The fence itself is elsewhere:
the views restrict time and tenant, and the server's user may only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

VIEWS: Final = ("requests", "calls", "deliveries", "logs")
_TOKEN: Final = re.compile(
    r"""(?P<string>'(?:\\.|''|[^'\\])*')|(?P<quoted>`[^`]*`|"(?:\\.|[^"\\])*")|(?P<comment>--[^\n]*|\#!?[^\n]*|/\*.*?\*/)"""
    r"""|(?P<parameter>\{[A-Za-z_]\w*:[^{}]+\})|(?P<word>[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<space>\s+)|(?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_PARAMETER: Final = re.compile(r"\{([A-Za-z_]\w*):\s*([^{}]+?)\s*\}")
_FORBIDDEN: Final = frozenset(
    "insert alter drop create truncate rename attach detach optimize grant revoke system kill set use into outfile infile format settings "
    "explain describe show delete update exchange undrop watch backup restore".split()
)
#: Scalar functions that read something outside the query.
_READERS: Final = re.compile(
    r"^(?:file|url|s3|hdfs|remote\w*|mysql|postgresql|jdbc|odbc|executable|dict\w*|joinget\w*|getsetting|getmacro|hascolumnintable|catboost\w*|modelevaluate|filesystem\w*|sleep\w*|currentuser)$"
)
_CLAUSE_END: Final = frozenset(
    "where prewhere group order having limit union window qualify offset sample final using on".split()
)


class QueryRefused(ValueError):
    """The SQL is not one a playbook may hold; the message says why."""


def parameters_in(sql: str) -> dict[str, str]:
    """Names and types of the server-side parameters: `{onset:String}` -> {"onset": "String"}."""
    bare = "".join(text for kind, text in _tokens(sql) if kind not in ("string", "comment"))
    return {match.group(1): match.group(2) for match in _PARAMETER.finditer(bare)}


def views_in(sql: str) -> frozenset[str]:
    """The logical views that a statement reads; QueryRefused when it is no allowed statement."""
    words = [(kind, text) for kind, text in _tokens(sql) if kind not in ("space", "comment")]
    if not words or words[0][1].lower() not in ("select", "with"):
        raise QueryRefused("a query begins with SELECT or WITH")
    for (kind, text), (_, after) in zip(words, [*words[1:], ("", "")], strict=True):
        low = text.lower()
        if kind == "sign" and text == ";":
            raise QueryRefused("only one statement, without a semicolon")
        if kind == "quoted":
            raise QueryRefused(f"quoted names are not allowed: {text}")
        if kind == "word" and low in _FORBIDDEN and after != "(":
            raise QueryRefused(f"{text.upper()} is not allowed in a query")
        if kind == "word" and after == "(" and _READERS.match(low):
            raise QueryRefused(f"the function {text} is not allowed in a query")
    own = _own_names(words)
    used = set()
    for name in _tables(words):
        low = name.lower()
        if low in VIEWS:
            used.add(low)
        elif low not in own and low not in ("numbers", "one"):
            raise QueryRefused(f"{name} is not a view: read from {', '.join(VIEWS)}")
    return frozenset(used)


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(sql):
        yield str(match.lastgroup), match.group()


def _own_names(words: list[tuple[str, str]]) -> frozenset[str]:
    """Names that the statement itself defines: WITH name AS ( … )."""
    return frozenset(
        text.lower()
        for index, (kind, text) in enumerate(words[:-2])
        if kind == "word" and words[index + 1][1].lower() == "as" and words[index + 2][1] == "("
    )


def _tables(words: list[tuple[str, str]]) -> Iterator[str]:
    """Every name in the place of a table: after FROM and JOIN, after their commas, and after IN."""
    for index, (kind, text) in enumerate(words):
        low, after = text.lower(), words[index + 1] if index + 1 < len(words) else ("", "")
        if kind != "word":
            continue
        if low == "in" and after[0] == "word":
            yield after[1]
        elif low == "from" or (low == "join" and not _is_array_join(words, index)):
            yield from _from_clause(words, index + 1)


def _is_array_join(words: list[tuple[str, str]], index: int) -> bool:
    return index > 0 and words[index - 1][1].lower() == "array"


def _from_clause(words: list[tuple[str, str]], start: int) -> Iterator[str]:
    depth, expecting = 0, True
    for index in range(start, len(words)):
        kind, text = words[index]
        low = text.lower()
        if text in "([":
            depth += 1
            expecting = False
        elif text in ")]":
            depth -= 1
            if depth < 0:
                return
        elif (
            depth == 0
            and kind == "word"
            and (
                low in _CLAUSE_END
                or low
                in (
                    "array",
                    "join",
                    "left",
                    "right",
                    "inner",
                    "full",
                    "cross",
                    "any",
                    "all",
                    "asof",
                    "semi",
                    "anti",
                    "global",
                    "from",
                    "select",
                )
            )
        ):
            return
        elif depth == 0 and text == ",":
            expecting = True
        elif depth == 0 and expecting and kind == "word":
            after = words[index + 1][1] if index + 1 < len(words) else ""
            if after == ".":
                raise QueryRefused(f"{text}.… is not a view: read from {', '.join(VIEWS)}")
            if after == "(" and low != "numbers":
                raise QueryRefused(f"the table function {text} is not allowed")
            yield text
            expecting = False
        elif depth == 0 and expecting and kind == "parameter":
            raise QueryRefused("a parameter cannot name a table")
