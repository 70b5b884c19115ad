"""A generic helpdesk's connection, its events, and a small helpdesk that answers over HTTP."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from altor.models import InboundEndpoint
from investigations.helpdesks.base import TicketEvent
from investigations.helpdesks.generic.events import read_event
from investigations.models import HelpdeskConnection, Ticket
from investigations.services.mirror import apply_event
from tests.loopback import Answer, Asked

BEGIN = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
_keys = itertools.count(1)


def endpoint(name: str = "desk", **values: Any) -> InboundEndpoint:
    given = {"ticket_prefix": "TK", "secrets": "obviously-fake", **values}
    return InboundEndpoint.objects.create(source="generic", connection=name, **given)


def connection(of: InboundEndpoint, url: str = "", **values: Any) -> HelpdeskConnection:
    options = {"notes_path": "tickets/{id}/notes", "tags_path": "tickets/{id}/tags", **values.pop("options", {})}
    given = {"writes_notes": True, "secret": "obviously-fake-token", "base_url": url, "options": options, **values}
    return HelpdeskConnection.objects.create(endpoint=of, **given)


def event(kind: str = "ticket.updated", *, minutes: float = 0, key: str = "", **data: Any) -> TicketEvent:
    """An event of the neutral shape, `minutes` after the beginning."""
    at = BEGIN + timedelta(minutes=minutes)
    body = {"type": kind, "timestamp": at.isoformat(), "data": {"id": "901", **data}}
    return read_event(body, {"webhook-id": key or f"e{next(_keys)}"})[0]


def message(key: str, text: str, *, minutes: float, kind: str = "customer", **values: Any) -> dict[str, Any]:
    at = BEGIN + timedelta(minutes=minutes)
    return {"id": key, "text": text, "at": at.isoformat(), "author": {"kind": kind, **values.pop("by", {})}, **values}


def take(of: InboundEndpoint, *events: TicketEvent) -> Ticket:
    for one in events:
        applied = apply_event(one, endpoint=of, now=BEGIN + timedelta(hours=3))
    return applied.ticket


class Desk:
    """A small helpdesk: tickets, notes and tags of each. `broken` answers are sent instead, one after the other."""

    def __init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.tags: dict[str, list[str]] = {}
        self.broken: list[Answer] = []
        self.loses_answer = False  # carry out the next write, but break the connection

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Bearer obviously-fake-token":
            return Answer(401, {"error": "unauthorized"})
        if self.broken:
            return self.broken.pop(0)
        answer = self._serve(asked)
        if self.loses_answer and asked.method != "GET":
            self.loses_answer = False
            return Answer(reset=True)
        return answer

    def _serve(self, asked: Asked) -> Answer:
        parts = [part for part in asked.path.split("/") if part]
        match (asked.method, *parts):
            case ("GET", "tickets", ticket_id):
                found = self.tickets.get(ticket_id)
                return Answer(body=found) if found else Answer(404, {})
            case ("GET", "tickets", ticket_id, "notes"):
                return Answer(body={"items": self.notes.get(ticket_id, [])})
            case ("POST", "tickets", ticket_id, "notes"):
                kept = self.notes.setdefault(ticket_id, [])
                kept.append({"id": f"n{len(kept) + 1}", **asked.json()})
                return Answer(201, {"id": kept[-1]["id"]})
            case ("PUT", "tickets", ticket_id, "notes", note_id):
                note = next(one for one in self.notes[ticket_id] if one["id"] == note_id)
                note.update(asked.json())
                return Answer(body={"id": note_id})
            case ("POST", "tickets", ticket_id, "tags"):
                self.tags.setdefault(ticket_id, []).extend(asked.json()["tags"])
                return Answer(body={})
            case ("PATCH", "tickets", ticket_id):
                self.tickets.setdefault(ticket_id, {}).update(asked.json())
                return Answer(body={})
        return Answer(404, {})


def marker_in(note: dict[str, Any]) -> str:
    found = re.search(r"#altor-([0-9a-f]{16})", json.dumps(note))
    assert found is not None
    return found.group(1)
