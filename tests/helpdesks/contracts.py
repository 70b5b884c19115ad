"""Payloads of foreign helpdesks: files of tests/contracts/helpdesks, and mutations of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from altor.redaction import redact

FOLDER = Path(__file__).parent.parent / "contracts" / "helpdesks"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def fixtures(helpdesk: str) -> dict[str, dict[str, Any]]:
    """Name -> `{"_source", "body", "headers"}`."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / helpdesk).glob("*.json"))}
    assert found
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything in a payload, the payload itself left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


@st.composite
def mutated(draw: st.DrawFn, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the bodies with one to three places dropped or holding something else."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(list(places(body))))
        parent = body
        for name in above:
            parent = parent[name]
        if draw(st.booleans()):
            parent[last] = draw(JSON)
        else:
            del parent[last]
        if not list(places(body)):
            break
    return body


def stored(body: dict[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    """The body as it is stored: redacted, save what stands at the kept paths (no lists in them)."""
    clean = redact(body)
    for path in kept:
        *above, last = path.split(".")
        source, target = body, clean
        for name in above:
            source = source.get(name) if isinstance(source, dict) else None
            target = target.get(name) if isinstance(target, dict) else None
        if isinstance(source, dict) and isinstance(target, dict) and last in source:
            target[last] = source[last]
    return clean
