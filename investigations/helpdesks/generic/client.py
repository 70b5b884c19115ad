"""A REST API of one's own making: `GET {base}/tickets/{id}`, and what the connection's options say can be written."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from altor.errors import InvalidInput
from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.generic.events import read_event
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, safe_id, text
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown

#: Pages of a ticket's notes that are looked through.
NOTE_PAGES: Final = 10


class GenericClient(ApiClient):
    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "The helpdesk"

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            self._items(await self.get("tickets", {"limit": 1}))
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
        try:
            return _event(self._object(found))
        except InvalidInput as error:
            raise SourceAnswerInvalid(self.name, f"The helpdesk's answer is no ticket. {error}"[:300]) from None

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """A ticket without an id that could be asked for is passed over."""
        asked = {"updated_since": since.isoformat()} | ({"cursor": cursor} if cursor else {})
        found = self._object(await self.get("tickets", asked))
        listed = [_event(item) for item in self._items(found) if safe_id(item.get("id"))]
        total = found.get("total")
        return Page(
            listed, text(found.get("next")), total if isinstance(total, int) and not isinstance(total, bool) else None
        )

    async def find_note(self, external_id: str, marker: str) -> str:
        path, cursor = self._path("notes_path", external_id), ""
        for _ in range(NOTE_PAGES):
            found = self._object(await self.get(path, {"cursor": cursor} if cursor else None))
            for item in self._items(found):
                if marker in markers(text(item.get("text"))) | markers(text(item.get("html"))):
                    return safe_id(item.get("id"))
            if not (cursor := text(found.get("next"))):
                break
        return ""

    async def create_note(self, external_id: str, note: Note) -> str:
        return self._made(await self.send("POST", self._path("notes_path", external_id), _body(note)))

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        path = self._path("notes_path", external_id).rstrip("/")
        await self.send("PUT", f"{path}/{quote(note_id, safe='')}", _body(note))

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        await self.send("POST", self._path("tags_path", external_id), {"tags": list(tags)})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        await self.send("PATCH", f"tickets/{quote(external_id, safe='')}", {"custom": dict(values)})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """The receiver sends one reply for a marker, however often it is asked to."""
        body = {"text": text, "marker": marker}
        return self._made(await self.send("POST", self._path("replies_path", external_id), body))

    def _path(self, option: str, external_id: str) -> str:
        """The path of a kind of write. SourceRefused when the connection says that there is none."""
        path = str(self.config.options.get(option) or "")
        if not path:
            raise SourceRefused(self.name, f"This connection has no {option}")
        return path.replace("{id}", quote(external_id, safe="")).lstrip("/")

    def _made(self, answer: Any) -> str:
        if not (key := safe_id(self._object(answer).get("id"))):
            raise SourceAnswerInvalid(self.name, "The helpdesk did not give the id of what it made")
        return key

    def _items(self, answer: Any) -> list[Mapping[str, Any]]:
        held = self._object(answer).get("items")
        if not isinstance(held, list):
            raise SourceAnswerInvalid(self.name, "The helpdesk's answer holds no items")
        return list(items(held))

    def _object(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise SourceAnswerInvalid(self.name, "The helpdesk's answer is no object")
        return value


def _body(note: Note) -> dict[str, Any]:
    return {"text": note.as_text(), "html": note.as_html(), "internal": True}


def _event(found: Mapping[str, Any]) -> TicketEvent:
    at = moment(found.get("updated_at")) or moment(found.get("created_at")) or datetime.now(UTC)
    (event,) = read_event({"type": "ticket.updated", "timestamp": at.isoformat(), "data": found}, {})
    return replace(event, what="ticket", is_whole=True)


@asynccontextmanager
async def open_generic(config: ConnectionConfig) -> AsyncIterator[GenericClient]:
    headers = {"Authorization": f"Bearer {config.secret}"} if config.secret else {}
    async with open_api(GenericClient, config, headers=headers) as client:
        yield client
