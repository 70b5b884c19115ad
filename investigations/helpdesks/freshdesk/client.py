"""Freshdesk's REST API: tickets with their conversations, lists by time, private notes, tags, fields, replies."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.freshdesk import words
from investigations.helpdesks.freshdesk.tickets import read_conversations, read_ticket
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, part, plain, safe_id, text, texts
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown

#: Entries of a page; the most that Freshdesk gives.
SIZE: Final = 100
#: Pages of conversations of one ticket that are read, oldest first.
MOST_PAGES: Final = 30
#: A public reply of ours with the same words this young is the one whose answer was lost.
_SAME_REPLY: Final = timedelta(days=1)


class FreshdeskClient(ApiClient):
    name: ClassVar[str] = "freshdesk"
    title: ClassVar[str] = "Freshdesk"
    #: Freshdesk lists no further than this page; beyond, a list begins anew where the last one ended.
    last_page: ClassVar[int] = 300

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            me = part(await self.get("api/v2/agents/me"))
        except SourceError as error:
            return self._report(began, False, error.message, details={"kind": error.kind})
        key, contact = safe_id(me.get("id")), part(me, "contact")
        if not key:
            return self._report(began, False, "The credential is nobody's who works on tickets")
        warnings = []
        if str(self.config.options.get("own_user_id") or "") != key:
            warnings.append(f"Set own_user_id to {key}: what this user writes must not start anything")
        who = text(contact.get("name"), 200)
        return self._report(began, True, "It reads and writes tickets", who, warnings, {"user_id": key})

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            found = part(await self.get(_path(external_id), {"include": "requester,company"}))
            if not safe_id(found.get("id")):
                raise SourceAnswerInvalid(self.name, "Freshdesk answered without the ticket")
            if found.get("deleted") is True:
                return None
            told = await self._conversations(external_id)
        except ObjectUnknown:
            return None
        company = await self._aside("companies", part(found, "company").get("id") or found.get("company_id"))
        agent = await self._aside("agents", found.get("responder_id"))
        return read_conversations(self._read(found, company, agent), told)

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """A hundred tickets without their conversations. `cursor` is `<ISO time>|<page>`; the time moves on when the
        pages of one list are used up, so that a few tickets may come twice.
        """
        start, number = _cursor(cursor) or (since, 1)
        asked = {
            "updated_since": start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "order_by": "updated_at",
            "order_type": "asc",
            "per_page": SIZE,
            "page": number,
            "include": "requester,description",
        }
        listed = self._listed(await self.get("api/v2/tickets", asked))
        tickets = [self._read(item) for item in listed if safe_id(item.get("id"))]
        if len(listed) < SIZE:
            return Page(tickets)
        if number < self.last_page:
            return Page(tickets, f"{start.isoformat()}|{number + 1}")
        newest = max((ticket.at for ticket in tickets), default=start)
        # All tickets of the list within one second: the next second, or it would never end.
        following = newest if newest > start else start + timedelta(seconds=1)
        return Page(tickets, f"{following.isoformat()}|1")

    async def find_note(self, external_id: str, marker: str) -> str:
        for told in reversed(await self._conversations(external_id)):
            if marker in markers(f"{text(told.get('body'))} {text(told.get('body_text'))}"):
                return safe_id(told.get("id"))
        return ""

    async def create_note(self, external_id: str, note: Note) -> str:
        made = await self.send("POST", f"{_path(external_id)}/notes", {"body": note.as_html(), "private": True})
        return self._made(made)

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        await self.send("PUT", f"api/v2/conversations/{quote(note_id, safe='')}", {"body": note.as_html()})

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        """Freshdesk only takes the whole list: a tag that someone adds between reading and writing is lost."""
        present = texts(part(await self.get(_path(external_id))).get("tags"))
        known = {tag.lower() for tag in present}
        more = [tag.strip() for tag in tags if tag.strip() and tag.strip().lower() not in known]
        if more:
            await self.send("PUT", _path(external_id), {"tags": [*present, *dict.fromkeys(more)]})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        if not all(name.startswith("cf_") for name in values):
            raise SourceRefused(self.name, "Freshdesk's custom fields have names that begin with cf_")
        if values:
            await self.send("PUT", _path(external_id), {"custom_fields": dict(values)})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Freshdesk keeps nothing beside the text: before a second try the same words of ours are looked for."""
        before = await self._replied(external_id, text)
        if before:
            return before
        body = html.escape(text).replace("\n", "<br>")
        return self._made(await self.send("POST", f"{_path(external_id)}/reply", {"body": f"<div>{body}</div>"}))

    # ------------------------------------------------------------------------------------------------------- parts
    def _read(
        self,
        ticket: Mapping[str, Any],
        company: Mapping[str, Any] | None = None,
        agent: Mapping[str, Any] | None = None,
    ) -> TicketEvent:
        own = self.config.options.get("statuses")
        return read_ticket(ticket, company or {}, agent or {}, home(self.config), own if isinstance(own, dict) else {})

    async def _conversations(self, external_id: str) -> list[Mapping[str, Any]]:
        told: list[Mapping[str, Any]] = []
        for number in range(1, MOST_PAGES + 1):
            asked = {"per_page": SIZE, "page": number}
            found = self._listed(await self.get(f"{_path(external_id)}/conversations", asked))
            told += found
            if len(found) < SIZE:
                break
        return told

    async def _aside(self, kind: str, key: Any) -> Mapping[str, Any]:
        """A company or an agent of the ticket, which not every credential may read; {} then."""
        if not safe_id(key):
            return {}
        try:
            return part(await self.get(f"api/v2/{kind}/{safe_id(key)}"))
        except SourceRefused:
            return {}

    async def _replied(self, external_id: str, said: str) -> str:
        own = str(self.config.options.get("own_user_id") or "")
        for told in reversed(await self._conversations(external_id)):
            at = moment(told.get("created_at"))
            is_young = at is not None and datetime.now(UTC) - at < _SAME_REPLY
            is_ours = bool(own) and safe_id(told.get("user_id")) == own and told.get("private") is False
            if is_young and is_ours and plain(text(told.get("body"))).split() == said.split():
                return safe_id(told.get("id"))
        return ""

    def _listed(self, found: Any) -> list[Mapping[str, Any]]:
        if not isinstance(found, list):
            raise SourceAnswerInvalid(self.name, "Freshdesk answered without a list")
        return list(items(found))

    def _made(self, made: Any) -> str:
        key = safe_id(part(made).get("id"))
        if not key:
            raise SourceAnswerInvalid(self.name, "Freshdesk answered without the id of what was written")
        return key

    def _report(
        self,
        began: float,
        ok: bool,
        message: str,
        identity: str = "",
        warnings: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> ConnectionReport:
        seconds = round(time.monotonic() - began, 3)
        return ConnectionReport(ok, seconds, message, identity, warnings=tuple(warnings), details=details or {})


def home(config: ConnectionConfig) -> str:
    """`https://acme.freshdesk.com`, also where someone entered the address of the API."""
    return config.base_url.rstrip("/").removesuffix("/api/v2")


def _path(external_id: str) -> str:
    return f"api/v2/tickets/{quote(external_id, safe='')}"


def _cursor(cursor: str) -> tuple[datetime, int] | None:
    at, _, number = cursor.partition("|")
    start = words.when(at)
    return (start, int(number)) if start is not None and number.isascii() and number.isdigit() else None


@asynccontextmanager
async def open_freshdesk(config: ConnectionConfig) -> AsyncIterator[FreshdeskClient]:
    pair = base64.b64encode(f"{config.secret}:X".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    async with open_api(FreshdeskClient, config, headers=headers, base_url=home(config)) as client:
        yield client
