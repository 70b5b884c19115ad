"""The in-process ClickHouse engine (chDB) behind the HTTP front: one statement at a time on a handle of its own.

Only the front's process may use this module: the engine hangs in forked children and refuses a second process on its
path.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: Parameters of the HTTP interface that are no settings of the engine.
TRANSPORT: Final = frozenset({
    "query", "database", "default_format", "session_id", "session_timeout", "session_check", "query_id", "quota_key",
    "user", "password", "role", "compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression",
})  # fmt: skip
#: Settings of a server's HTTP interface that the engine does not know.
SERVER_ONLY: Final = frozenset({"cancel_http_readonly_queries_on_client_close"})
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT: Final = re.compile(rb"\A\s*(INSERT\s+INTO\s.+?\bFORMAT\s+(\w+))[ \t]*\r?\n", re.IGNORECASE | re.DOTALL)
_TEXT: Final = re.compile(r"'(?:\\.|''|[^'\\])*'", re.DOTALL)
_OUTFILE: Final = re.compile(r"\bOUTFILE\b", re.IGNORECASE)
_CODE: Final = re.compile(r"Code: (\d+)")


class Refused(Exception):
    """A request that is not carried out: HTTP status, ClickHouse's error code, its text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.text = message if message.startswith("Code: ") else f"Code: {code}. DB::Exception: {message}"


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks. `ceilings` hold whatever the request asks for; a read-only account may not change any setting."""

    name: str
    readonly: bool
    ceilings: Mapping[str, int] = field(default_factory=dict)


ADMIN: Final = Account(
    "altor", readonly=False, ceilings={"max_execution_time": 600, "max_memory_usage": 4_000_000_000, "max_threads": 2}
)
#: As the recommended profile of a real server: reads only, limited by the server.
READER: Final = Account(
    "reader",
    readonly=True,
    ceilings={
        "max_execution_time": 20,
        "max_memory_usage": 3_000_000_000,
        "max_threads": 2,
        "max_rows_to_read": 500_000_000,
        "max_bytes_to_read": 50_000_000_000,
        "max_result_rows": 50_000,
        "max_result_bytes": 50_000_000,
    },
)


@dataclass(frozen=True, slots=True)
class Answer:
    """`form` is the format of `data`; `summary` as in X-ClickHouse-Summary."""

    data: bytes
    form: str
    summary: Mapping[str, str]


def execute(path: str, account: Account, arguments: Mapping[str, str], body: bytes, *, readonly: bool) -> Answer:
    """One statement of a request. Refused with ClickHouse's code when it cannot be carried out."""
    import chdb

    settings = _settings(account, arguments)
    connection = chdb.connect(path)  # USE and SET of one request never reach another
    scratch: str | None = None
    try:
        if arguments.get("database"):
            connection.query("USE `{}`".format(arguments["database"].replace("`", "")))
        connection.query("SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items()))
        if account.readonly or readonly:
            connection.query("SET readonly = 1")  # last: SQL cannot lift any of it again
        statement, form, scratch = _statement(account, arguments, body)
        parameters = {name[6:]: value for name, value in arguments.items() if name.startswith("param_")}
        result = connection.query(statement, form, params=parameters)
        summary = {
            "read_rows": str(result.storage_rows_read()),
            "read_bytes": str(result.storage_bytes_read()),
            "result_rows": str(result.rows_read()),
            "elapsed_ns": str(int(result.elapsed() * 1e9)),
        }
        return Answer(bytes(result.bytes() or b""), form, summary)
    except RuntimeError as error:  # the engine raises it for everything; the text holds its code
        raise _refusal(str(error)) from None
    finally:
        connection.close()
        if scratch:
            Path(scratch).unlink(missing_ok=True)


def _refusal(text: str) -> Refused:
    found = _CODE.search(text)
    code = int(found.group(1)) if found else 1002
    return Refused(404 if code in (60, 81) else 500, code, text[max(text.find("Code: "), 0) :])


def _settings(account: Account, arguments: Mapping[str, str]) -> dict[str, object]:
    """The request's settings under the account's ceilings; 0 means unlimited to the engine and the ceiling to us."""
    asked = {
        name: value
        for name, value in arguments.items()
        if name not in TRANSPORT and not name.startswith("param_") and re.fullmatch(r"\w+", name)
    }
    if account.readonly and asked:
        raise Refused(500, 164, f"Cannot modify '{next(iter(asked))}' setting in readonly mode. (READONLY)")
    settings: dict[str, object] = {
        name: value for name, value in asked.items() if name not in SERVER_ONLY and name != "readonly"
    }
    for name, ceiling in account.ceilings.items():
        try:
            wanted = float(str(settings.get(name, 0)))
        except ValueError:
            wanted = 0.0
        if wanted <= 0 or wanted > ceiling:
            settings[name] = ceiling
    return settings


def _statement(account: Account, arguments: Mapping[str, str], body: bytes) -> tuple[str, str, str | None]:
    """(statement, format of the answer, scratch file with the rows of an INSERT)."""
    raw = (arguments["query"].encode() + (b"\n" + body if body else b"")) if "query" in arguments else body
    insert = _INSERT.match(raw)
    if insert and not account.readonly:
        descriptor, scratch = tempfile.mkstemp()
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw[insert.end() :])
        front = _FORMAT.sub("", insert[1].decode())
        return f"{front} FROM INFILE {_quoted(scratch)} FORMAT {insert[2].decode()}", "TabSeparated", scratch
    try:
        statement = raw.decode()
    except UnicodeDecodeError:
        raise Refused(400, 62, "The statement is not UTF-8") from None
    if not statement.strip():
        raise Refused(400, 62, "Syntax error: empty query. (SYNTAX_ERROR)")
    # The engine writes a file even for a read-only handle.
    if account.readonly and _OUTFILE.search(_TEXT.sub("''", statement)):
        raise Refused(500, 164, "INTO OUTFILE is not allowed in readonly mode. (READONLY)")
    found = _FORMAT.search(statement)
    form = found[1] if found else arguments.get("default_format", "TabSeparated")
    return _FORMAT.sub("", statement), form, None


def _quoted(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
