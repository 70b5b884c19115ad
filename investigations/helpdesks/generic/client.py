"""A REST API of one's own making: `GET {base}/tickets/{id}`, and what the connection's options say can be written."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.generic.events import read_event
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, safe_id, text
from investigations.sources.base import ConnectionConfig, ConnectionReport, SourceError, SourceRefused
from investigations.sources.http import ObjectUnknown


class GenericClient(ApiClient):
    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "The helpdesk"

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            await self.get("tickets", {"limit": 1})
        except SourceError as error:
            return ConnectionReport(
                False, round(time.monotonic() - began, 3), error.message, details={"kind": error.kind}
            )
        return ConnectionReport(True, round(time.monotonic() - began, 3), "It lists tickets")

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            found = await self.get(f"tickets/{quote(external_id, safe='')}")
        except ObjectUnknown:
            return None
        return _event(found)

    async def page(self, since: datetime, cursor: str = "") -> Page:
        asked = (
            {"updated_since": since.isoformat(), "cursor": cursor} if cursor else {"updated_since": since.isoformat()}
        )
        found = await self.get("tickets", asked)
        total = found.get("total")
        return Page([_event(item) for item in items(found["items"])], text(found.get("next")), total)

    async def find_note(self, external_id: str, marker: str) -> str:
        found = await self.get(self._path("notes_path", external_id))
        holding = (item for item in items(found["items"]) if marker in markers(text(item.get("text"))))
        return next((safe_id(item.get("id")) for item in holding), "")

    async def create_note(self, external_id: str, note: Note) -> str:
        made = await self.send("POST", self._path("notes_path", external_id), _body(note))
        return safe_id(made["id"])

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        await self.send("PUT", f"{self._path('notes_path', external_id).rstrip('/')}/{quote(note_id)}", _body(note))

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        await self.send("POST", self._path("tags_path", external_id), {"tags": list(tags)})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        await self.send("PATCH", f"tickets/{quote(external_id, safe='')}", {"custom": dict(values)})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        made = await self.send("POST", self._path("replies_path", external_id), {"text": text, "marker": marker})
        return safe_id(made["id"])

    def _path(self, option: str, external_id: str) -> str:
        """The path of a kind of write. SourceRefused when the connection says that there is none."""
        path = str(self.config.options.get(option) or "")
        if not path:
            raise SourceRefused(self.name, f"This connection has no {option}")
        return path.replace("{id}", quote(external_id, safe="")).lstrip("/")


def _body(note: Note) -> dict[str, Any]:
    return {"text": note.as_text(), "html": note.as_html(), "internal": True}


def _event(found: Mapping[str, Any]) -> TicketEvent:
    at = str(found.get("updated_at") or found.get("created_at") or datetime.now(UTC).isoformat())
    return read_event({"type": "ticket.updated", "timestamp": at, "data": found}, {})[0]


@asynccontextmanager
async def open_generic(config: ConnectionConfig) -> AsyncIterator[GenericClient]:
    headers = {"Authorization": f"Bearer {config.secret}"} if config.secret else {}
    async with open_api(GenericClient, config, headers=headers) as client:
        yield client
