"""Zendesk's REST API: tickets with their comments, the incremental export, private notes, tags, fields, replies."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from altor.outbound import Limit, Reply, default_limit
from altor.outbound.retries import retry_after
from investigations.helpdesks.base import Page, TicketEvent
from investigations.helpdesks.http import ApiClient, open_api
from investigations.helpdesks.notes import Note, markers
from investigations.helpdesks.reading import items, moment, part, safe_id, text
from investigations.helpdesks.zendesk.tickets import People, read_comments, read_ticket
from investigations.sources.base import (
    ConnectionConfig,
    ConnectionReport,
    SourceAnswerInvalid,
    SourceError,
    SourceRefused,
)
from investigations.sources.http import ObjectUnknown

#: Comments of a ticket that are read, oldest first.
MOST_PAGES: Final = 10
#: Pages of a hundred comments, newest first, in which a note of ours is looked for.
NOTE_PAGES: Final = 3
#: The export refuses times of the last minute.
_NOT_YET: Final = timedelta(seconds=90)
#: A public comment of ours with the same words this young is the reply whose answer was lost.
_SAME_REPLY: Final = timedelta(days=1)


class ZendeskClient(ApiClient):
    name: ClassVar[str] = "zendesk"
    title: ClassVar[str] = "Zendesk"

    async def check(self) -> ConnectionReport:
        began = time.monotonic()
        try:
            me = part(await self.get("api/v2/users/me.json"), "user")
        except SourceError as error:
            return self._report(began, False, error.message, details={"kind": error.kind})
        key, role = safe_id(me.get("id")), text(me.get("role"), 40)
        if not key or role not in ("agent", "admin"):  # without a valid credential it answers with an anonymous user
            return self._report(began, False, "The credential is nobody's who works on tickets")
        own, warnings = str(self.config.options.get("own_user_id") or ""), []
        if own != key:
            warnings.append(f"Set own_user_id to {key}: what this user writes must not start anything")
        if role == "admin":
            warnings.append("This user is an administrator; a role that edits tickets is enough")
        who = f"{text(me.get('name'), 200)} ({role})"
        return self._report(began, True, "It reads and writes tickets", who, warnings, {"user_id": key})

    async def ticket(self, external_id: str) -> TicketEvent | None:
        try:
            found = await self.get(_path(external_id), {"include": "users,organizations"})
            ticket = part(found, "ticket")
            if not safe_id(ticket.get("id")):
                raise SourceAnswerInvalid(self.name, "Zendesk answered without the ticket")
            event = read_ticket(ticket, People.of(found), home(self.config))
            if event.is_deleted:
                return None
            comments, authors = await self._comments(external_id)
        except ObjectUnknown:
            return None
        return read_comments(event, comments, authors, ticket)

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """A page of the incremental export: a hundred tickets without their comments. Deleted ones say so."""
        start = min(since, datetime.now(UTC) - _NOT_YET)
        asked: dict[str, Any] = {"cursor": cursor} if cursor else {"start_time": int(start.timestamp())}
        found = await self.get(
            "api/v2/incremental/tickets/cursor.json", {**asked, "per_page": 100, "include": "users,organizations"}
        )
        people = People.of(found)
        listed = [item for item in self._listed(found, "tickets") if safe_id(item.get("id"))]
        tickets = [read_ticket(item, people, home(self.config)) for item in listed]
        following = text(found.get("after_cursor"), 2000)
        return Page(tickets, "" if found.get("end_of_stream") is not False or following == cursor else following)

    async def find_note(self, external_id: str, marker: str) -> str:
        after = ""
        for _ in range(NOTE_PAGES):
            found = await self._newest(external_id, after)
            for comment in self._listed(found, "comments"):
                if marker in markers(f"{text(comment.get('html_body'))} {text(comment.get('body'))}"):
                    return safe_id(comment.get("id"))
            after = _following(found)
            if not after:
                break
        return ""

    async def create_note(self, external_id: str, note: Note) -> str:
        made = await self._write(external_id, {"comment": {"html_body": note.as_html(), "public": False}})
        return _comment_of(made) or await self.find_note(external_id, note.marker)

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        raise SourceRefused(self.name, "Zendesk does not let a comment be changed once it is written")

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None:
        """A blank parts tags in Zendesk: it becomes an underscore."""
        wanted = ["_".join(tag.split()) for tag in tags if tag.strip()]
        if wanted:
            await self.send("PUT", f"{_base(external_id)}/tags.json", {"tags": wanted})

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        if not all(name.isascii() and name.isdigit() for name in values):
            raise SourceRefused(self.name, "Zendesk's custom fields have numbers for ids")
        if values:
            fields = [{"id": int(name), "value": value} for name, value in values.items()]
            await self._write(external_id, {"custom_fields": fields})

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """The marker goes with the update as metadata, which only agents and the API see."""
        before = await self._replied(external_id, text, marker)
        if before:
            return before
        made = await self._write(
            external_id,
            {"comment": {"body": text, "public": True}, "metadata": {"altor": marker}},
        )
        return _comment_of(made)

    # ------------------------------------------------------------------------------------------------------- parts
    async def _write(self, external_id: str, change: Mapping[str, Any]) -> Mapping[str, Any]:
        made = await self.send("PUT", _path(external_id), {"ticket": dict(change)})
        if not part(made, "ticket"):
            raise SourceAnswerInvalid(self.name, "Zendesk answered without the ticket")
        return part(made)

    def _listed(self, found: Any, name: str) -> list[Mapping[str, Any]]:
        value = part(found).get(name)
        if not isinstance(value, list):
            raise SourceAnswerInvalid(self.name, f"Zendesk answered without {name}")
        return list(items(value))

    async def _comments(self, external_id: str) -> tuple[list[Mapping[str, Any]], People]:
        comments: list[Mapping[str, Any]] = []
        authors = People()
        after = ""
        for _ in range(MOST_PAGES):
            asked = {"include": "users", "page[size]": 100, **({"page[after]": after} if after else {})}
            found = await self.get(f"{_base(external_id)}/comments.json", asked)
            comments += self._listed(found, "comments")
            authors = authors.and_those_of(found)
            after = _following(found)
            if not after:
                break
        return comments, authors

    async def _newest(self, external_id: str, after: str = "") -> Mapping[str, Any]:
        asked = {"sort": "-created_at", "page[size]": 100, **({"page[after]": after} if after else {})}
        return part(await self.get(f"{_base(external_id)}/comments.json", asked))

    async def _replied(self, external_id: str, said: str, marker: str) -> str:
        """Id of the reply if it was sent already: by its marker or, where Zendesk does not show it, by its words."""
        own = str(self.config.options.get("own_user_id") or "")
        for comment in self._listed(await self._newest(external_id), "comments"):
            if comment.get("public") is not True:
                continue
            told = part(comment, "metadata", "custom")
            if text(told.get("altor")) == marker:
                return safe_id(comment.get("id"))
            at = moment(comment.get("created_at"))
            is_young = at is not None and datetime.now(UTC) - at < _SAME_REPLY
            is_ours = bool(own) and safe_id(comment.get("author_id")) == own
            if is_ours and is_young and "altor" not in told and text(comment.get("body")).split() == said.split():
                return safe_id(comment.get("id"))
        return ""

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
    """`https://acme.zendesk.com`, also where someone entered the address of the API."""
    return config.base_url.rstrip("/").removesuffix("/api/v2")


def _base(external_id: str) -> str:
    return f"api/v2/tickets/{quote(external_id, safe='')}"


def _path(external_id: str) -> str:
    return f"{_base(external_id)}.json"


def _following(found: Mapping[str, Any]) -> str:
    meta = part(found, "meta")
    return text(meta.get("after_cursor"), 2000) if meta.get("has_more") is True else ""


def _comment_of(made: Mapping[str, Any]) -> str:
    """Id of the comment that an update wrote: in its audit, where Zendesk gives one."""
    written = (event for event in items(part(made, "audit").get("events")) if event.get("type") == "Comment")
    return next((safe_id(event.get("id")) for event in written), "")


def _limit(reply: Reply) -> Limit | None:
    """Zendesk also answers 503 with Retry-After when it wants to be left alone."""
    if reply.status == 503 and retry_after(reply.headers) is not None:
        return Limit(retry_after(reply.headers))
    return default_limit(reply)


@asynccontextmanager
async def open_zendesk(config: ConnectionConfig) -> AsyncIterator[ZendeskClient]:
    address = str(config.options.get("email") or "")
    pair = base64.b64encode(f"{address}/token:{config.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}" if address else f"Bearer {config.secret}"}
    async with open_api(ZendeskClient, config, headers=headers, base_url=home(config), limit_of=_limit) as client:
        yield client
