"""Chatwoot's API below `/api/v1/accounts/{account}/`, with the access token of the user that writes for Altor."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from altor.errors import InvalidInput
from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.chatwoot.events import read_listed, read_message, read_whole
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, part, safe_id, text, words
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    Scope,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown

#: Messages that the API gives at once, and how many such pages of one conversation are read.
MESSAGES_A_PAGE: Final = 20
MESSAGE_PAGES: Final = 25
#: Our marker of a reply, among a message's attributes: shown to nobody.
_MARKER: Final = "altor_marker"


class ChatwootClient(ApiClient):
    name: ClassVar[str] = "chatwoot"
    title: ClassVar[str] = "Chatwoot"

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            who = self._object(await self.get("api/v1/profile"))
            await self.get(self._path("conversations/meta"), {"status": "all"})
        except SourceError as error:
            seconds = round(time.monotonic() - began, 3)
            return ConnectionReport(False, seconds, error.message, details={"kind": error.kind})
        key, name = safe_id(who.get("id")), words(who.get("name"), 200)
        account = next((held for held in items(who.get("accounts")) if text(held.get("id")) == self._account), {})
        role = words(account.get("role"), 40)
        own = str(self.config.options.get("own_user_id") or "")
        warnings = () if own in ("", key) else (f"own_user_id is {own}, but this token belongs to user {key}",)
        return ConnectionReport(
            ok=True,
            seconds=round(time.monotonic() - began, 3),
            message=f"It reads conversations of {words(account.get('name'), 200) or 'the account'}",
            identity=f"{name} (user {key})",
            scopes=(Scope(role, writes=True),) if role else (),
            warnings=warnings,
            details={"own_user_id": key},
        )

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            found = self._object(await self.get(self._conversation(external_id)))
            listed, is_complete = await self._messages(external_id, MESSAGE_PAGES)
        except ObjectUnknown:
            return None
        try:
            return read_whole(found, listed, is_complete=is_complete)
        except InvalidInput as error:
            raise SourceAnswerInvalid(self.name, f"Chatwoot's answer is no conversation: {error}") from None

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """Oldest activity first. A conversation that becomes active meanwhile moves to the end, and everything behind
        it one place forward: a page that has moved is therefore read again (`cursor` is its number, and the time of the
        last conversation that was read from it).
        """
        if not cursor:
            return await self._first_page(since)
        number, seen = _read_cursor(cursor)
        listed, _ = await self._listed(number)
        while number > 1 and (not listed or _active(listed[0]) > seen):
            number -= 1
            listed, _ = await self._listed(number)
        if not listed or _active(listed[-1]) <= seen:
            number += 1
            listed, _ = await self._listed(number)
        return _page(number, listed, max(seen, since))

    async def find_note(self, external_id: str, marker: str) -> str:
        listed, _ = await self._messages(external_id, MESSAGE_PAGES)
        holding = (item for item in reversed(listed) if item.get("private") is True)
        return next((safe_id(item.get("id")) for item in holding if marker in markers(text(item.get("content")))), "")

    async def create_note(self, external_id: str, note: Note) -> str:
        return await self._write(external_id, {"content": note.as_markdown(), "private": True})

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        raise SourceRefused(self.name, "Chatwoot's notes cannot be changed once they are written")

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        """Chatwoot replaces all labels of a conversation, and drops those that the account has not defined."""
        path = self._conversation(external_id, "/labels")
        held = await self._labels(await self.get(path))
        wanted = [tag for tag in dict.fromkeys(tag.strip().lower() for tag in tags) if tag and tag not in held]
        if not wanted:
            return
        kept = await self._labels(await self.send("POST", path, {"labels": [*held, *wanted]}))
        if dropped := [tag for tag in wanted if tag not in kept]:
            raise SourceRefused(
                self.name, f"The account has no label {', '.join(dropped)[:200]}: add it under Settings > Labels"
            )

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        """Older releases replace all attributes, so those that are held are sent along; newer ones merge by themselves.

        The contact's attributes (`contact.NAME`) are read, never written.
        """
        if foreign := [name for name in values if name.startswith("contact.")]:
            raise SourceRefused(self.name, f"{foreign[0]} belongs to the contact, whose fields Altor does not change")
        held = self._object(await self.get(self._conversation(external_id))).get("custom_attributes")
        body = {"custom_attributes": {**self._object(held), **values}, "merge": True}
        await self.send("POST", self._conversation(external_id, "/custom_attributes"), body)

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Sent once: a reply of the last twenty messages with the marker, or with the very words, is ours already.

        Releases differ in whether they keep a message's foreign attributes, so the words count as well.
        """
        listed, _ = await self._messages(external_id, 1)
        if sent := next((key for item in reversed(listed) if (key := _sent(item, text, marker))), ""):
            return sent
        return await self._write(
            external_id, {"content": text, "private": False, "content_attributes": {_MARKER: marker}}
        )

    async def _write(self, external_id: str, body: Mapping[str, Any]) -> str:
        path = self._conversation(external_id, "/messages")
        made = await self.send("POST", path, {"message_type": "outgoing", "content_type": "text", **body})
        if not (key := safe_id(self._object(made).get("id"))):
            raise SourceAnswerInvalid(self.name, "Chatwoot did not say which message it made")
        return key

    async def _messages(self, external_id: str, pages: int) -> tuple[list[Mapping[str, Any]], bool]:
        """The last messages, oldest first, and whether the conversation's first is among them."""
        path, found, before = self._conversation(external_id, "/messages"), list[Mapping[str, Any]](), 0
        for _ in range(pages):
            listed = self._list(await self.get(path, {"before": before} if before else None), "payload")
            fresh = [item for item in listed if 0 < _number(item) < (before or math.inf)]
            found = [*fresh, *found]
            if len(listed) < MESSAGES_A_PAGE or not fresh:
                return found, True
            before = min(map(_number, fresh))
        return found, False

    async def _first_page(self, since: datetime) -> Page:
        """The first page that holds something from then on, found by halving."""
        listed, total = await self._listed(1)
        if not listed or total is None:
            return _page(1, listed, since)
        size = len(listed)
        low, high = 1, -(-total // size)
        while low < high:
            middle = (low + high) // 2
            listed, _ = await self._listed(middle)
            if not listed or _active(listed[-1]) >= since:
                high = middle
            else:
                low = middle + 1
        listed, total = await self._listed(low)
        return replace(_page(low, listed, since), total=None if total is None else max(0, total - (low - 1) * size))

    async def _listed(self, number: int) -> tuple[list[Mapping[str, Any]], int | None]:
        asked = {"status": "all", "assignee_type": "all", "sort_by": "last_activity_at_asc", "page": number}
        found = self._object(self._object(await self.get(self._path("conversations"), asked)).get("data"))
        listed = self._list(found, "payload")
        if len(listed) > 1 and _active(listed[0]) > _active(listed[-1]):
            raise SourceAnswerInvalid(self.name, "This release of Chatwoot does not list the oldest first (3.0 does)")
        total = part(found, "meta").get("all_count")
        return listed, total if isinstance(total, int) and not isinstance(total, bool) else None

    async def _labels(self, answer: Any) -> list[str]:
        held = self._object(answer).get("payload")
        if not isinstance(held, list):
            raise SourceAnswerInvalid(self.name, "Chatwoot's answer holds no labels")
        return [label for label in map(text, held) if label]

    def _object(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise SourceAnswerInvalid(self.name, "Chatwoot's answer has another shape than its API promises")
        return value

    def _list(self, value: Any, name: str) -> list[Mapping[str, Any]]:
        held = self._object(value).get(name)
        if not isinstance(held, list):
            raise SourceAnswerInvalid(self.name, f"Chatwoot's answer holds no {name}")
        return list(items(held))

    @property
    def _account(self) -> str:
        account = str(self.config.options.get("account_id") or "")
        if not account.isdecimal():
            raise SourceRefused(self.name, "The connection does not say which account it is: set account_id")
        return account

    def _path(self, rest: str) -> str:
        return f"api/v1/accounts/{self._account}/{rest}"

    def _conversation(self, external_id: str, rest: str = "") -> str:
        return self._path(f"conversations/{quote(external_id, safe='')}{rest}")


def _sent(item: Mapping[str, Any], words_of_reply: str, marker: str) -> str:
    message = read_message(item)
    if message is None or not message.is_public or text(item.get("message_type"), 20) not in ("1", "outgoing"):
        return ""
    is_ours = part(item, "content_attributes").get(_MARKER) == marker or message.text == words_of_reply
    return message.external_id if is_ours else ""


def _page(number: int, listed: Sequence[Mapping[str, Any]], since: datetime) -> Page:
    """Those of a page that were active since then. One without a readable number cannot be asked for: left out."""
    if not listed:
        return Page([])
    named = (item for item in listed if _active(item) >= since and safe_id(item.get("id")))
    return Page([read_listed(item) for item in named], f"{number}:{_active(listed[-1]).timestamp():.0f}")


def _number(item: Mapping[str, Any]) -> int:
    found = text(item.get("id"), 18)
    return int(found) if found.isdecimal() else 0


def _active(item: Mapping[str, Any]) -> datetime:
    at = moment(item.get("last_activity_at")) or moment(item.get("timestamp")) or datetime(2000, 1, 1, tzinfo=UTC)
    return at.replace(microsecond=0)


def _read_cursor(cursor: str) -> tuple[int, datetime]:
    number, _, seen = cursor.partition(":")
    at = moment(seen)
    if not number.isdecimal() or int(number) < 1 or at is None:
        raise SourceAnswerInvalid("chatwoot", "The place where the list was left cannot be read")
    return int(number), at


@asynccontextmanager
async def open_chatwoot(config: ConnectionConfig) -> AsyncIterator[ChatwootClient]:
    async with open_api(ChatwootClient, config, headers={"api_access_token": config.secret}) as client:
        yield client
