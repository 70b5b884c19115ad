"""A helpdesk of one's own making on a loopback socket, as the generic adapter asks it: paged, and broken at will."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.loopback import Answer, Asked

KEY = "obviously-fake-api-key-0001"


def ticket(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": str(number), "subject": f"Slow since noon {number}", "description": "GET /v2/orders takes 9 s.",
        "created_at": "2026-05-01T10:00:00Z", "updated_at": f"2026-05-01T11:{number % 60:02}:00Z",
        "requester": {"email": f"person{number}@northwind.example"}, **values,
    }  # fmt: skip


@dataclass
class Desk:
    """`tickets` are listed `size` a page; the cursor is the offset. `answers` replace the next answers, one each."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    size: int = 2
    answers: list[Answer] = field(default_factory=list)
    tells_total: bool = True

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Answer(401, {"error": "no"})
        if self.answers:
            return self.answers.pop(0)
        start = int(asked.query.get("cursor") or 0)
        page = self.tickets[start : start + self.size]
        more = start + self.size < len(self.tickets)
        body: dict[str, Any] = {"items": page, "next": str(start + self.size) if more else ""}
        return Answer(200, body | ({"total": len(self.tickets)} if self.tells_total else {}))
