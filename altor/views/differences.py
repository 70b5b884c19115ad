"""Two versions of a document beside each other, for the pages of everything that has versions."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

_LOOKS: Final = {"+": "add", "-": "del", "@": "hunk"}


class Version(Protocol):
    number: int


V = TypeVar("V", bound=Version)


def differences(versions: Sequence[V], query: Mapping[str, str], as_file: Callable[[V], str]) -> dict[str, Any]:
    """{"old", "new", "versions", "lines": [(look, text)]} for a page. `versions`: newest first, at least one; `from`
    and `to` of the query name two, by default the newest and the one before it.
    """
    by_number = {str(one.number): one for one in versions}
    new = by_number.get(query.get("to", ""), versions[0])
    older = next((one for one in versions if one.number < new.number), new)
    old = by_number.get(query.get("from", ""), older)
    lines = difflib.unified_diff(
        as_file(old).splitlines(), as_file(new).splitlines(), f"v{old.number}", f"v{new.number}", lineterm="", n=20
    )
    shown = [(_LOOKS.get(line[:1], ""), line) for line in lines if not line.startswith(("+++", "---"))]
    return {"old": old, "new": new, "versions": versions, "lines": shown}
