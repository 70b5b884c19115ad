"""Payloads of helpdesks for tests: the fixtures, and every way in which they could be broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: A busy machine is no fault of a reader.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_FOLDER = Path(__file__).parents[1] / "contracts" / "helpdesks"
#: Any JSON value, with texts that no database takes and numbers that no clock knows.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**25, -1, 1795417200, 1795417200123])
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["\x00", "\ud800", "a@b.example", "2026-11-23T07:00:00Z", "9999-99-99", "<p>x</p>" * 3]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def fixtures(helpdesk: str) -> dict[str, dict[str, Any]]:
    """Name -> payload as the helpdesk sends it, without our remark on where its shape comes from."""
    found = {}
    for path in sorted((_FOLDER / helpdesk).glob("*.json")):
        payload = json.loads(path.read_text())
        assert payload.pop("_source"), path
        found[path.stem] = payload
    assert found
    return found


@st.composite
def broken(draw: st.DrawFn, payloads: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One of the payloads with up to three of its values replaced or taken away."""
    payload = copy.deepcopy(dict(payloads[draw(st.sampled_from(sorted(payloads)))]))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(payload)
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = draw(JSON)
        else:
            del holder[key]
    return payload


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found += [(value, key), *_places(value[key])]
    return found


def places_of_addresses(value: Any, *names: str, at: str = "") -> set[str]:
    """JSON paths of the e-mail addresses that stand under one of the names, `*` for each item of a list."""
    if isinstance(value, list):
        return {place for item in value for place in places_of_addresses(item, *names, at=f"{at}*.")}
    found = set()
    for name, held in value.items() if isinstance(value, dict) else ():
        if name in names and isinstance(held, str) and "@" in held:
            found.add(f"{at}{name}")
        found |= places_of_addresses(held, *names, at=f"{at}{name}.")
    return found
