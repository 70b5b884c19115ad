"""Intercom's REST API, version 2.15.

A conversation and a ticket share their ids' space here: an id is looked for among the conversations first, then among
the tickets, and notes, tags and fields go where it was found.
"""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import httpx

from altor.errors import InvalidInput
from altor.outbound.retries import Limit, Reply, retry_after, until_epoch
from altor.outbound.transport import IDEMPOTENT
from investigations.helpdesks.base import Agent, Author, Page, TicketEvent
from investigations.helpdesks.freshness import as_read, http_date
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.intercom.shapes import (
    UNDATED,
    contacts,
    conversation_event,
    organization,
    requester,
    ticket_event,
)
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, part, plain, safe_id, text
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown, decode_json

#: Answers keep the shape of this version, whatever the app's own default is.
API_VERSION: Final = "2.15"
_PAGE: Final = 50
_CONVERSATIONS, _TICKETS = "conversations", "tickets"


class IntercomClient(ApiClient):
    name: ClassVar[str] = "intercom"
    title: ClassVar[str] = "Intercom"
    #: When the last answer was made, by Intercom's clock.
    answered_at: datetime | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._homes: dict[str, str] = {}  # external id -> conversations or tickets
        self._own = safe_id(self.config.options.get("own_user_id"))
        self._admins: dict[str, Agent] | None = None

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            me = part(await self.get("me"))
            await self._search(_CONVERSATIONS, 0, "", 1)
        except SourceError as error:
            return ConnectionReport(
                False, round(time.monotonic() - began, 3), error.message, details={"kind": error.kind}
            )
        app = part(me, "app")
        who = " ".join(filter(None, (text(me.get("name"), 200), f"<{text(me.get('email'), 254)}>")))
        workspace, wanted = text(app.get("id_code"), 60), text(self.config.options.get("workspace_id"))
        warnings = () if wanted == workspace else (f"For links into the inbox set workspace_id to {workspace}",)
        return ConnectionReport(
            ok=True,
            seconds=round(time.monotonic() - began, 3),
            message=f"It reads conversations of {text(app.get('name'), 200) or 'the workspace'}",
            identity=who,
            warnings=warnings if workspace else (),
            details={"workspace": workspace, "region": text(app.get("region"), 10), "user_id": safe_id(me.get("id"))},
        )

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            home, found = await self._find(external_id)
        except ObjectUnknown:
            return None
        event = as_read(self._event(home, found), self.answered_at)
        fields = dict(event.fields)
        customer, company = await self._customer(found)
        if customer:
            fields["requester"] = {**part(fields, "requester"), **customer}
        if company and not fields.get("organization"):
            fields["organization"] = company
        assignee = event.assignee
        if assignee is not None and assignee.id and not assignee.name:
            assignee = (await self._people()).get(assignee.id, assignee)
        return replace(event, fields=fields, assignee=assignee)

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """Conversations changed since then, and after them the tickets where the options ask for them. The answers
        hold no messages, so each event asks to be read.
        """
        home, _, after = (cursor or f"{_CONVERSATIONS}:").partition(":")
        found = await self._search(home, int(since.timestamp()) - 1, after, _PAGE)
        following = text(part(found, "pages", "next").get("starting_after"), 2000)
        follow_on = f"{home}:{following}" if following else ""
        if not follow_on and home == _CONVERSATIONS and self.config.options.get("tickets") is True:
            follow_on = f"{_TICKETS}:"
        total = found.get("total_count")
        events = [self._event(home, item) for item in items(found.get(home)) if safe_id(item.get("id"))]
        return Page(
            [replace(event, needs_fetch=True) for event in events],
            follow_on,
            total if isinstance(total, int) and not isinstance(total, bool) else None,
        )

    async def find_note(self, external_id: str, marker: str) -> str:
        home, found = await self._find(external_id)
        return _holding(_parts(home, found), marker)

    async def create_note(self, external_id: str, note: Note) -> str:
        home, answer = await self._say(external_id, "note", note.as_html())
        parts = _parts(home, answer)
        # The answer is the whole conversation: the note is its part with the marker, the newest one otherwise.
        return _holding(parts, note.marker) or safe_id((parts or [{}])[-1].get("id"))

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        raise SourceRefused(self.name, "Intercom cannot change a note once it is written")

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        home, author = await self._home(external_id), await self._author()
        known = {
            text(each.get("name")).casefold(): safe_id(each.get("id"))
            for each in items(part(await self.get("tags")).get("data"))
        }
        for tag in dict.fromkeys(tags):
            tag_id = known.get(tag.casefold()) or await self._new_tag(tag)
            await self.send("POST", f"{_path(home, external_id)}/tags", {"id": tag_id, "admin_id": author})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        home = await self._home(external_id)
        named = "custom_attributes" if home == _CONVERSATIONS else "ticket_attributes"
        await self.send("PUT", _path(home, external_id), {named: dict(values)})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Intercom keeps no text that the customer would not see, so there is no place for the marker: the same words
        from us after the customer's last message are that reply, and are not sent again.
        """
        home, found = await self._find(external_id)
        author = await self._author()
        for message in reversed(self._event(home, found).messages):
            if message.author is Author.CUSTOMER:
                break
            if message.is_public and message.author_id == author and _same(message.text, text):
                return message.external_id
        home, answer = await self._say(external_id, "comment", _as_html(text))
        return safe_id((_parts(home, answer) or [{}])[-1].get("id"))

    async def _new_tag(self, tag: str) -> str:
        made = safe_id(part(await self.send("POST", "tags", {"name": tag})).get("id"))
        if not made:
            raise SourceAnswerInvalid(self.name, f"{self.title} made a tag without an id")
        return made

    async def _say(self, external_id: str, kind: str, body: str) -> tuple[str, Mapping[str, Any]]:
        home, author = await self._home(external_id), await self._author()
        said = {"message_type": kind, "type": "admin", "admin_id": author, "body": body}
        return home, part(await self.send("POST", f"{_path(home, external_id)}/reply", said))

    async def _request(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = await super()._request(method, path, **what)
        self.answered_at = http_date(answer.headers.get("date", ""))
        return answer

    async def _find(self, external_id: str) -> tuple[str, Mapping[str, Any]]:
        """Where it lives and what it is. ObjectUnknown when it is neither a conversation nor a ticket."""
        homes = (_CONVERSATIONS, _TICKETS)
        for home in (self._homes[external_id],) if external_id in self._homes else homes:
            try:
                found = part(await self.get(_path(home, external_id)))
            except ObjectUnknown:
                if home == _TICKETS:
                    raise
                continue
            self._homes[external_id] = home
            return home, found
        raise ObjectUnknown(self.name, f"{self.title} does not know this any more")

    async def _home(self, external_id: str) -> str:
        return self._homes.get(external_id) or (await self._find(external_id))[0]

    async def _author(self) -> str:
        """Id of the teammate in whose name is written: the options', otherwise the token's own."""
        if not self._own:
            self._own = safe_id(part(await self.get("me")).get("id"))
        return self._own

    async def _customer(self, found: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """The first contact and its company; nothing for a contact that is gone or may not be read."""
        contact = safe_id(next(contacts(found), {}).get("id"))
        if not contact:
            return {}, {}
        try:
            who = part(await self.get(f"contacts/{quote(contact, safe='')}"))
            firms = part(await self.get(f"contacts/{quote(contact, safe='')}/companies"))
        except SourceRefused:
            return {}, {}
        # The list is called `data` in the API's examples and `companies` in its description.
        return requester(who), organization(next(items(firms.get("data") or firms.get("companies")), {}))

    async def _people(self) -> Mapping[str, Agent]:
        if self._admins is None:
            try:
                found = part(await self.get("admins"))
            except SourceRefused:
                found = {}
            self._admins = {
                safe_id(each.get("id")): Agent(
                    safe_id(each.get("id")), text(each.get("name"), 200), text(each.get("email"), 254)
                )
                for each in items(found.get("admins"))
            }
        return self._admins

    async def _search(self, home: str, since: int, after: str, size: int) -> Mapping[str, Any]:
        if home not in (_CONVERSATIONS, _TICKETS):
            raise SourceAnswerInvalid(self.name, "The cursor is not one of Intercom's")
        asked = {
            "query": {"field": "updated_at", "operator": ">", "value": since},
            # With the oldest first, what changes meanwhile moves to the end: read twice perhaps, never missed.
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": {"per_page": size, **({"starting_after": after} if after else {})},
        }
        answer = await self._request("POST", f"{home}/search", json=asked, extensions={IDEMPOTENT: True})
        return part(decode_json(self.name, self.title, answer))

    def _event(self, home: str, found: Mapping[str, Any]) -> TicketEvent:
        try:
            return conversation_event(found) if home == _CONVERSATIONS else ticket_event(found)
        except InvalidInput as problem:
            raise SourceAnswerInvalid(self.name, f"{self.title} answered without an id") from problem


def _path(home: str, external_id: str) -> str:
    return f"{home}/{quote(external_id, safe='')}"


def _parts(home: str, found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts, oldest first. The answer to a reply on a ticket is the one new part."""
    if text(found.get("type")) == "ticket_part":
        return [found]
    name = "conversation_parts" if home == _CONVERSATIONS else "ticket_parts"
    parts = list(items(part(found, name).get(name)))
    return sorted(parts, key=lambda each: moment(each.get("created_at")) or UNDATED)


def _holding(parts: Sequence[Mapping[str, Any]], marker: str) -> str:
    """Id of the internal note that holds the marker."""
    notes = (each for each in parts if text(each.get("part_type")).startswith("note"))
    return next((safe_id(each.get("id")) for each in notes if marker in markers(text(each.get("body")))), "")


def _as_html(words: str) -> str:
    paragraphs = (html.escape(each.strip()).replace("\n", "<br>") for each in words.split("\n\n") if each.strip())
    return "".join(f"<p>{each}</p>" for each in paragraphs)


def _same(there: str, here: str) -> bool:
    return there.split() == plain(_as_html(here)).split()


def limit_of(reply: Reply) -> Limit | None:
    """429; the window's end is told as epoch seconds."""
    if reply.status != 429:
        return None
    told = retry_after(reply.headers)
    return Limit(told if told is not None else until_epoch(reply.headers.get("x-ratelimit-reset", "")))


@asynccontextmanager
async def open_intercom(config: ConnectionConfig) -> AsyncIterator[IntercomClient]:
    headers = {"Authorization": f"Bearer {config.secret}", "Intercom-Version": API_VERSION}
    async with open_api(IntercomClient, config, headers=headers, limit_of=limit_of) as client:
        yield client
