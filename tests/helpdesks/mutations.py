"""Payloads as nobody sends them: any JSON, and every fixture with one value replaced or dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from altor.errors import InvalidInput
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent

CONTRACTS = Path(__file__).parents[1] / "contracts"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)


def fixtures(helpdesk: str) -> dict[str, Any]:
    """Case -> `{"_source": …, "headers": {…}, "body": {…}}`."""
    folder = CONTRACTS / "helpdesks" / helpdesk
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def vectors(provider: str) -> list[dict[str, Any]]:
    """Signature vectors of one scheme, header names in lower case."""
    found = json.loads((CONTRACTS / "webhook-signature-vectors.json").read_text())
    return [
        {**each, "headers": {name.lower(): value for name, value in each["headers"].items()}}
        for each in found
        if each["provider"] == provider
    ]


def mutated(body: Any, data: st.DataObject) -> Any:
    """The body with one value, anywhere in it, replaced or dropped."""
    copy = json.loads(json.dumps(body))
    path = data.draw(st.sampled_from(list(_paths(copy))))
    owner = copy
    for step in path[:-1]:
        owner = owner[step]
    if isinstance(owner, dict) and data.draw(st.booleans()):
        del owner[path[-1]]
    else:
        owner[path[-1]] = data.draw(JSON)
    return copy


def only_events(adapter: Helpdesk, body: Any, headers: Mapping[str, str] | None = None) -> None:
    """Whatever it is, it is read as events that can be stored, or refused as invalid input."""
    try:
        events = adapter.parse(body, headers or {}, Options())
    except InvalidInput:
        return
    for event in events:
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is not None
        json.dumps([dict(event.fields), dict(event.custom)])


def carried_addresses(event: TicketEvent) -> set[str]:
    found = {event.fields.get("requester", {}).get("email", ""), event.assignee.email if event.assignee else ""}
    return {each for each in found | {message.author_email for message in event.messages} if each}


def kept_addresses(adapter: Helpdesk, body: Any) -> set[str]:
    """What stands in a body at the paths that the adapter asks to keep."""
    return {found for path in adapter.addresses for found in _at(body, path.split(".")) if isinstance(found, str)}


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "*":
        for inner in value if isinstance(value, list) else ():
            yield from _at(inner, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*at, step)
        yield from _paths(inner, (*at, step))
