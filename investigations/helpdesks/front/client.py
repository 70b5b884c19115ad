"""Front's Core API, with an API token of the company."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, quote, urlsplit

from altor.errors import InvalidInput
from altor.outbound import Limit, Reply
from altor.outbound.retries import retry_after, until_epoch
from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.front.events import read_conversation, read_whole
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, plain, safe_id, text, words
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown

API: Final = "https://api2.frontapp.com"
A_PAGE: Final = 100
#: Pages that are read of one conversation's messages, and of the company's tags.
MOST_PAGES: Final = 10
#: Front takes no longer name of a tag.
LONGEST_TAG: Final = 64


class FrontClient(ApiClient):
    name: ClassVar[str] = "front"
    title: ClassVar[str] = "Front"

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            company = self._object(await self.get("me"))
            self._results(await self.get("conversations", {"limit": 1}))
        except SourceError as error:
            seconds = round(time.monotonic() - began, 3)
            return ConnectionReport(False, seconds, error.message, details={"kind": error.kind})
        name = words(company.get("name"), 200)
        return ConnectionReport(
            ok=True,
            seconds=round(time.monotonic() - began, 3),
            message=f"It lists conversations of {name}",
            identity=f"{name} ({safe_id(company.get('id'))})",
        )

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            found = self._object(await self.get(_conversation(external_id)))
            if (number := safe_id(found.get("id"))) and number != external_id and found.get("status"):
                at = moment(found.get("updated_at")) or moment(found.get("created_at"))
                if at is None:
                    raise SourceAnswerInvalid(self.name, "Front's answer is no conversation")
                return TicketEvent(external_id=external_id, at=at, what="conversation", merged_into=number)
            oldest_first = {"sort_by": "created_at", "sort_order": "asc"}
            messages = await self._all(_conversation(external_id, "/messages"), oldest_first)
            comments = self._results(await self.get(_conversation(external_id, "/comments")))
        except ObjectUnknown:
            return None
        try:
            return read_whole(found, messages, comments)
        except InvalidInput as error:
            raise SourceAnswerInvalid(self.name, f"Front's answer is no conversation: {error}") from None

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """Those that were active last come first, as Front lists them; within a page the oldest. Front cannot list from
        a time on, so the other way round each look would walk through the whole company.

        A conversation that becomes active meanwhile moves to the front, which is behind us: none is missed. The company
        may have set that some changes do not move one, so only a page without any of them ends it.
        """
        asked = {"limit": A_PAGE, "sort_by": "date", "sort_order": "desc"}
        answer = await self.get("conversations", {**asked, "page_token": cursor} if cursor else asked)
        listed = [item for item in self._results(answer) if safe_id(item.get("id"))]
        events = sorted((read_conversation(item) for item in listed), key=lambda event: event.at)
        recent = [event for event in events if event.at >= since]
        return Page(recent, _next(answer) if recent else "")

    async def find_note(self, external_id: str, marker: str) -> str:
        listed = self._results(await self.get(_conversation(external_id, "/comments")))
        return next((safe_id(item.get("id")) for item in listed if marker in markers(text(item.get("body")))), "")

    async def create_note(self, external_id: str, note: Note) -> str:
        made = self._object(
            await self.send("POST", _conversation(external_id, "/comments"), self._signed({"body": note.as_markdown()}))
        )
        if not (key := safe_id(made.get("id"))):
            raise SourceAnswerInvalid(self.name, "Front did not say which comment it made")
        return key

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        """Front lets a comment be changed by the token that made it."""
        await self.send("PATCH", f"comments/{quote(note_id, safe='')}/", {"body": note.as_markdown()})

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        wanted = list(dict.fromkeys(tag for tag in (words(tag, LONGEST_TAG) for tag in tags) if tag))
        if not wanted:
            return
        listed = await self._all("tags", {})
        known = {words(item.get("name"), 200).casefold(): safe_id(item.get("id")) for item in listed}
        ids = []
        for tag in wanted:
            if not (key := known.get(tag.casefold(), "")):
                key = safe_id(self._object(await self.send("POST", "company/tags", {"name": tag})).get("id"))
            ids.append(key)
        await self.send("POST", _conversation(external_id, "/tags"), {"tag_ids": [key for key in ids if key]})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        """Front erases those that are not sent, so what is there is sent along; its types are kept."""
        defined = self._results(await self.get("conversations/custom_fields"))
        kinds = {text(item.get("name"), 200): text(item.get("type"), 20) for item in defined}
        if unknown := [name for name in values if name not in kinds]:
            raise SourceRefused(self.name, f"Front has no conversation field named {unknown[0][:80]}")
        held = self._object(self._object(await self.get(_conversation(external_id))).get("custom_fields"))
        typed = {name: _typed(value, kinds[name]) for name, value in values.items()}
        await self.send("PATCH", _conversation(external_id), {"custom_fields": {**held, **typed}})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Front has no place for a marker that the customer cannot see: a reply with exactly these words, among the
        hundred newest messages, is the one that was sent before. The conversation stays open.
        """
        newest = await self.get(
            _conversation(external_id, "/messages"), {"limit": A_PAGE, "sort_by": "created_at", "sort_order": "desc"}
        )
        ours = (item for item in self._results(newest) if item.get("is_inbound") is False and _says(item, text))
        if sent := next((key for item in ours if (key := safe_id(item.get("id")))), ""):
            return sent
        body = {"body": _as_html(text), "text": text, "options": {"archive": False}}
        made = self._object(await self.send("POST", _conversation(external_id, "/messages"), self._signed(body)))
        return safe_id(made.get("message_uid"))

    def _signed(self, body: dict[str, Any]) -> dict[str, Any]:
        author = str(self.config.options.get("author_id") or "")
        return {**body, "author_id": author} if author else body

    async def _all(self, path: str, asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Everything that is listed there, up to the most pages."""
        found: list[Mapping[str, Any]] = []
        token = ""
        for _ in range(MOST_PAGES):
            answer = await self.get(path, {"limit": A_PAGE, **asked, **({"page_token": token} if token else {})})
            found += self._results(answer)
            if not (token := _next(answer)):
                break
        return found

    def _results(self, answer: Any) -> list[Mapping[str, Any]]:
        held = self._object(answer).get("_results")
        if not isinstance(held, list):
            raise SourceAnswerInvalid(self.name, "Front's answer holds no results")
        return list(items(held))

    def _object(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise SourceAnswerInvalid(self.name, "Front's answer has another shape than its API promises")
        return value


def _conversation(external_id: str, rest: str = "") -> str:
    return f"conversations/{quote(external_id, safe='')}{rest}"


def _next(answer: Any) -> str:
    """The token of the next page. Only it is taken from the address that Front gives, never the host."""
    held = answer.get("_pagination") if isinstance(answer, Mapping) else None
    link = text(held.get("next"), 4000) if isinstance(held, Mapping) else ""
    try:
        return parse_qs(urlsplit(link).query).get("page_token", [""])[-1]
    except ValueError:
        return ""


def _typed(value: str, kind: str) -> Any:
    if kind == "boolean":
        return value.strip().lower() in ("true", "yes", "1")
    if kind in ("number", "datetime"):
        try:
            return float(value)
        except ValueError:
            raise SourceRefused("front", f"A Front field of type {kind} does not take {value[:40]!r}") from None
    return value


def _says(item: Mapping[str, Any], words_of_reply: str) -> bool:
    wanted = words_of_reply.split()
    return plain(text(item.get("body"))).split() == wanted or text(item.get("text")).split() == wanted


def _as_html(written: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" if line else "<br>" for line in written.splitlines())


def read_limit(reply: Reply) -> Limit | None:
    """429 with `Retry-After`, or with `x-ratelimit-reset` as seconds of the epoch."""
    if reply.status != 429:
        return None
    wait = retry_after(reply.headers)
    return Limit(until_epoch(reply.headers.get("x-ratelimit-reset", "")) if wait is None else wait)


@asynccontextmanager
async def open_front(config: ConnectionConfig) -> AsyncIterator[FrontClient]:
    headers = {"Authorization": f"Bearer {config.secret}"}
    async with open_api(
        FrontClient, config, headers=headers, base_url=config.base_url or API, limit_of=read_limit
    ) as client:
        yield client
