"""A helpdesk of one's own making that does what docs/reference/helpdesks/generic.md asks of it."""

from __future__ import annotations

import re
from typing import Any

from tests.helpdesks.calling import SECRET, Peer, Refused, body_of
from tests.loopback import Answer, Asked

OPTIONS = {
    "notes_path": "tickets/{id}/notes", "tags_path": "tickets/{id}/tags", "replies_path": "tickets/{id}/replies",
}  # fmt: skip
_TICKET = re.compile(r"/api/tickets/([^/]+)(?:/(notes|tags|replies)(?:/([^/]+))?)?")


class GenericPeer(Peer):
    """Its API is below `/api`."""

    def __init__(self, *, a_page: int = 10) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.replies: dict[str, dict[str, Any]] = {}  # by marker
        self.a_page = a_page

    def add(self, number: str, updated_at: str, **more: Any) -> None:
        self.tickets[number] = {
            "id": number, "subject": "Charged twice", "description": "Why?", "updated_at": updated_at, "tags": [],
            "custom": {}, **more,
        }  # fmt: skip
        self.notes[number] = []

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            raise Refused(401, "who is asking?")
        if (asked.method, asked.path) == ("GET", "/api/tickets"):
            since = asked.query.get("updated_since", "")
            listed = sorted(
                (one for one in self.tickets.values() if one["updated_at"] >= since), key=lambda one: one["updated_at"]
            )
            return self._page(asked, listed, min(self.a_page, int(asked.query.get("limit", "100"))))
        if not (found := _TICKET.fullmatch(asked.path)) or found[1] not in self.tickets:
            raise Refused(404, "unknown")
        route = getattr(self, f"_{asked.method.lower()}_{found[2] or 'ticket'}", None)
        if route is None:
            raise Refused(405, "not that way")
        answer: Answer = route(asked, found[1], found[3] or "")
        return answer

    def _page(self, asked: Asked, listed: list[dict[str, Any]], size: int) -> Answer:
        start = int(asked.query.get("cursor", "0"))
        more = start + size < len(listed)
        body = {"items": listed[start : start + size], "next": str(start + size) if more else "", "total": len(listed)}
        return Answer(200, body)

    def _get_ticket(self, asked: Asked, number: str, _: str) -> Answer:
        return Answer(200, self.tickets[number])

    def _patch_ticket(self, asked: Asked, number: str, _: str) -> Answer:
        self.tickets[number]["custom"] |= body_of(asked, {"custom"})["custom"]
        return Answer(204, b"")

    def _get_notes(self, asked: Asked, number: str, _: str) -> Answer:
        return self._page(asked, self.notes[number], self.a_page)

    def _post_notes(self, asked: Asked, number: str, _: str) -> Answer:
        return Answer(
            201, self._noted(number, f"n-{len(self.notes[number]) + 1}", body_of(asked, {"text", "html", "internal"}))
        )

    def _put_notes(self, asked: Asked, number: str, note: str) -> Answer:
        if note not in {held["id"] for held in self.notes[number]}:
            raise Refused(404, "no such note")
        self.notes[number] = [held for held in self.notes[number] if held["id"] != note]
        return Answer(200, self._noted(number, note, body_of(asked, {"text", "html", "internal"})))

    def _noted(self, number: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        if body["internal"] is not True:
            raise Refused(422, "a note is internal")
        made = {"id": key, **body}
        self.notes[number].append(made)
        return made

    def _post_tags(self, asked: Asked, number: str, _: str) -> Answer:
        held = self.tickets[number]["tags"]
        held += [tag for tag in body_of(asked, {"tags"})["tags"] if tag not in held]
        return Answer(200, {})

    def _post_replies(self, asked: Asked, number: str, _: str) -> Answer:
        body = body_of(asked, {"text", "marker"})
        made = self.replies.setdefault(body["marker"], {"id": f"r-{len(self.replies) + 1}", "text": body["text"]})
        return Answer(201, {"id": made["id"]})
