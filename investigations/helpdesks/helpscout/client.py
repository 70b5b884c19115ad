"""Help Scout's Inbox API 2.0, by OAuth2 client credentials: the connection's secret is `app_id:app_secret`."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import httpx

from altor.errors import InvalidInput
from altor.outbound.retries import Limit, Reply, retry_after
from altor.outbound.transport import IDEMPOTENT
from investigations.helpdesks.base import Agent, Author, Page, TicketEvent
from investigations.helpdesks.freshness import as_read, http_date
from investigations.helpdesks.helpscout.shapes import conversation_event, full_name, merged_from, tag_names
from investigations.helpdesks.helpscout.tokens import forget, keep, token_of
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, part, plain, safe_id, stated, text
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import CredentialRefused, ObjectUnknown, decode_json, judge_status

#: Pages of threads that are looked through for a note; each holds some tens, newest first.
_MOST_PAGES: Final = 10
_KEPT_STATUSES: Final = ("active", "pending", "closed")


class HelpScoutClient(ApiClient):
    name: ClassVar[str] = "helpscout"
    title: ClassVar[str] = "Help Scout"
    #: When the last answer was made, by Help Scout's clock.
    answered_at: datetime | None = None

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            me = part(await self.get("users/me"))
            found = part(await self.get("conversations", {"status": "all", "page": 1}))
        except SourceError as error:
            return ConnectionReport(
                False, round(time.monotonic() - began, 3), error.message, details={"kind": error.kind}
            )
        who = " ".join(filter(None, (full_name(me), f"<{text(me.get('email'), 254)}>")))
        role = text(me.get("role"), 20)
        warnings = () if role in ("admin", "owner") else (
            "Notes can be changed only by an administrator, or where the account allows to edit threads",
        )  # fmt: skip
        total = part(found, "page").get("totalElements")
        return ConnectionReport(
            ok=True,
            seconds=round(time.monotonic() - began, 3),
            message="It reads conversations" + (f", {total} in all" if isinstance(total, int) else ""),
            identity=who,
            warnings=warnings,
            details={"user_id": safe_id(me.get("id")), "role": role},
        )

    async def ticket(self, external_id: str) -> TicketEvent | None:
        """The conversation with its threads and the customer's organization. One that was merged is answered by the
        one that goes on; then that is all that is said of it.

        What is open is so at the time of reading; what is over keeps its own time, which is when it ended.
        """
        try:
            found = part(await self.get(_path(external_id), {"embed": "threads"}))
        except ObjectUnknown:
            return None
        event = self._event(found)
        if event.external_id != external_id:
            at = await self._merged_at(external_id, event.external_id)
            return TicketEvent(external_id, at or event.at, "merged", merged_into=event.external_id)
        event = as_read(event, self.answered_at)
        if event.assignee is None:
            event = replace(event, assignee=Agent(""))
        fields = dict(event.fields)
        if organization := await self._organization(safe_id(part(found, "primaryCustomer").get("id"))):
            fields["organization"] = organization
        return replace(event, fields=fields)

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """Conversations changed since then, by their beginning: that never changes, so what is changed meanwhile moves
        no other from page to page.
        """
        number = int(cursor) if cursor.isdigit() else 1
        asked: dict[str, Any] = {
            "status": "all", "modifiedSince": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sortField": "createdAt", "sortOrder": "asc", "embed": "threads", "page": number,
        }  # fmt: skip
        if mailboxes := self.config.options.get("mailboxes"):
            asked["mailbox"] = ",".join(str(each) for each in mailboxes)
        found = part(await self.get("conversations", asked))
        listed = [each for each in items(part(found, "_embedded").get("conversations")) if safe_id(each.get("id"))]
        paging = part(found, "page")
        last, total = paging.get("totalPages"), paging.get("totalElements")
        more = isinstance(last, int) and number < last and bool(listed)
        events = [self._event(each) for each in listed]
        return Page(
            [replace(event, needs_fetch=not event.is_whole) for event in events],
            str(number + 1) if more else "",
            total if isinstance(total, int) and not isinstance(total, bool) else None,
        )

    async def find_note(self, external_id: str, marker: str) -> str:
        async for found in self._threads(external_id):
            for each in items(part(found, "_embedded").get("threads")):
                if each.get("type") == "note" and marker in markers(text(each.get("body"))):
                    return safe_id(each.get("id"))
        return ""

    async def create_note(self, external_id: str, note: Note) -> str:
        answer = await self.post(f"{_path(external_id)}/notes", {"text": note.as_html(), **self._author()})
        return _made(answer) or await self.find_note(external_id, note.marker)

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        change = {"op": "replace", "path": "/text", "value": note.as_html()}
        await self.send("PATCH", f"{_path(external_id)}/threads/{quote(note_id, safe='')}", change)

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        """All tags are written at once, so those that are there are read first. A tag that somebody else adds between
        the two requests is lost; Help Scout offers nothing that would tell.
        """
        there = tag_names(part(await self.get(_path(external_id))))
        known = {tag.casefold() for tag in there}
        missing = [tag for tag in dict.fromkeys(tags) if tag.casefold() not in known]
        if missing:
            await self.send("PUT", f"{_path(external_id)}/tags", {"tags": [*there, *missing]})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        """All fields are written at once; those that are not named keep their values."""
        if unknown := next((name for name in values if not name.isdigit()), ""):
            raise SourceRefused(self.name, f"Fields of {self.title} are named by numbers, not {unknown[:40]!r}")
        there = part(await self.get(_path(external_id)))
        fields = {
            key: text(each.get("value"))
            for each in items(there.get("customFields"))
            if (key := safe_id(each.get("id"))).isdigit()
        }
        fields |= values
        body = {"fields": [{"id": int(key), "value": value} for key, value in fields.items()]}
        await self.send("PUT", f"{_path(external_id)}/fields", body)

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Help Scout keeps no text that the customer would not see, so there is no place for the marker: the same
        words from us after the customer's last message are that reply, and are not sent again. The conversation keeps
        its status, which a reply would otherwise set to active.
        """
        found = part(await self.get(_path(external_id), {"embed": "threads"}))
        for message in reversed(self._event(found).messages):
            if message.author is Author.CUSTOMER:
                break
            if message.is_public and message.text.split() == plain(_as_html(text)).split():
                return message.external_id
        customer = safe_id(part(found, "primaryCustomer").get("id"))
        if not customer.isdigit():
            raise SourceAnswerInvalid(self.name, f"{self.title} names no customer to reply to")
        status = found.get("status")
        body = {"customer": {"id": int(customer)}, "text": _as_html(text), **self._author()}
        if status in _KEPT_STATUSES:
            body["status"] = status
        answer = await self.post(f"{_path(external_id)}/reply", body)
        return _made(answer)

    async def _threads(self, external_id: str) -> AsyncIterator[Mapping[str, Any]]:
        """Pages of a conversation's threads, line items among them."""
        for number in range(1, _MOST_PAGES + 1):
            found = part(await self.get(f"{_path(external_id)}/threads", {"page": number}))
            yield found
            last = part(found, "page").get("totalPages")
            if not isinstance(last, int) or number >= last:
                return

    async def _merged_at(self, gone: str, into: str) -> datetime | None:
        async for found in self._threads(into):
            if gone in (told := merged_from(found)):
                return told[gone]
        return None

    def _author(self) -> dict[str, int]:
        own = safe_id(self.config.options.get("own_user_id"))
        return {"user": int(own)} if own.isdigit() else {}

    async def _organization(self, customer: str) -> dict[str, str]:
        """The customer's organization by its name; nothing for a customer that is gone or may not be read."""
        if not customer:
            return {}
        try:
            who = part(await self.get(f"customers/{quote(customer, safe='')}"))
            number = safe_id(who.get("organizationId"))
            more = part(await self.get(f"organizations/{quote(number, safe='')}")) if number else {}
        except SourceRefused:
            return {}
        domains = more.get("domains")
        domain = text(domains[0], 253) if isinstance(domains, list) and domains else ""
        return stated(name=text(more.get("name"), 200) or text(who.get("organization"), 200), domain=domain)

    def _event(self, found: Mapping[str, Any]) -> TicketEvent:
        try:
            return conversation_event(found)
        except InvalidInput as problem:
            raise SourceAnswerInvalid(self.name, f"{self.title} answered without an id") from problem

    async def _request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """With the process's token; a refused one is replaced once. A request answered 401 was not carried out."""
        token = await self._token()
        response = await self._with(token, method, path, what)
        if response.status_code != 401:
            return response
        forget(self.config.cache_key, token)
        return await self._with(await self._token(), method, path, what)

    async def _with(self, token: str, method: str, path: str, what: Mapping[str, Any]) -> httpx.Response:
        answer = await super()._request(method, path, headers={"Authorization": f"Bearer {token}"}, **what)
        self.answered_at = http_date(answer.headers.get("date", ""))
        return answer

    async def _token(self) -> str:
        if token := token_of(self.config.cache_key):
            return token
        app, _, secret = self.config.secret.partition(":")
        if not app or not secret:
            raise CredentialRefused(self.name, "The secret must be the app's id and its secret with a colon between")
        asked = {"grant_type": "client_credentials", "client_id": app, "client_secret": secret}
        answer = await super()._request("POST", "oauth2/token", data=asked, extensions={IDEMPOTENT: True})
        if answer.status_code in (400, 401):
            raise CredentialRefused(self.name, f"{self.title} refused the app's id or secret ({answer.status_code})")
        judge_status(self.name, self.title, answer)
        given = part(decode_json(self.name, self.title, answer))
        token, seconds = text(given.get("access_token"), 4000), given.get("expires_in")
        if not token:
            raise SourceAnswerInvalid(self.name, f"{self.title} gave no access token")
        keep(self.config.cache_key, token, float(seconds) if isinstance(seconds, int | float) else 0.0)
        return token


def _path(external_id: str) -> str:
    return f"conversations/{quote(external_id, safe='')}"


def _made(answer: httpx.Response) -> str:
    """Id of what was made: the header `Resource-ID`, or the end of `Location`."""
    there = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return safe_id(answer.headers.get("resource-id")) or safe_id(there)


def _as_html(words: str) -> str:
    paragraphs = (html.escape(each.strip()).replace("\n", "<br>") for each in words.split("\n\n") if each.strip())
    return "".join(f"<p>{each}</p>" for each in paragraphs)


def limit_of(reply: Reply) -> Limit | None:
    """429, with the seconds to wait in a header of its own."""
    if reply.status != 429:
        return None
    own = retry_after({"retry-after": reply.headers.get("x-ratelimit-retry-after", "")})
    return Limit(own if own is not None else retry_after(reply.headers))


@asynccontextmanager
async def open_helpscout(config: ConnectionConfig) -> AsyncIterator[HelpScoutClient]:
    base = config.base_url.rstrip("/")
    base = base if base.endswith("/v2") else f"{base}/v2"
    async with open_api(HelpScoutClient, config, headers={}, base_url=base, limit_of=limit_of) as client:
        yield client
