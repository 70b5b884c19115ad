"""A company in Front as its published description has it: conversations, messages, comments, tags, fields."""

from __future__ import annotations

import re
from typing import Any

from tests.helpdesks.calling import SECRET, Peer, Refused, body_of
from tests.loopback import Answer, Asked

#: Front's own address of everything: another host than the one that is asked.
API = "https://acme.api.frontapp.com"
ADA = {"id": "tea_1", "email": "ada@support.example", "first_name": "Ada", "last_name": "Agent", "type": "user"}
TOKEN = {"id": "tea_9", "email": "", "first_name": "Altor", "last_name": "", "type": "api"}
_CONVERSATION = re.compile(r"/conversations/(cnv_\w+)(?:/(\w+))?")


class FrontPeer(Peer):
    """`merged` leads from the id of a conversation that is gone to the one it went into."""

    def __init__(self, *, a_page: int = 100) -> None:
        super().__init__()
        self.conversations: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.tags = {"tag_1": "Billing", "tag_2": "VIP"}
        self.fields = {"Org id": "string", "VIP": "boolean", "Seats": "number", "Cause": "string"}
        self.merged: dict[str, str] = {}
        self.a_page = a_page
        self._next = 100

    def add(self, number: str, updated_at: float, *texts: str, **more: Any) -> None:
        """A conversation whose messages the customer and the agent wrote in turn."""
        self.conversations[number] = {
            "_links": {"self": f"{API}/conversations/{number}"}, "id": number, "type": "conversation",
            "subject": "Charged twice", "status": "unassigned", "ticket_ids": [], "assignee": None, "tags": [],
            "recipient": {"name": "Kim Example", "handle": "kim@acme.example", "role": "from"}, "links": [],
            "custom_fields": {}, "created_at": updated_at - 600, "updated_at": updated_at, "is_private": False,
            "scheduled_reminders": [], "metadata": {}, **more,
        }  # fmt: skip
        self.messages[number], self.comments[number] = [], []
        for place, text in enumerate(texts):
            self.write(number, f"<p>{text}</p>", is_inbound=place % 2 == 0, at=updated_at - 600 + place)

    def write(self, number: str, body: str, *, is_inbound: bool, at: float, text: str = "") -> dict[str, Any]:
        key = self._new("msg")
        made = {
            "id": key, "message_uid": f"uid{key}", "type": "email", "is_inbound": is_inbound, "draft_mode": None,
            "created_at": at, "subject": "Charged twice", "blurb": "", "author": None if is_inbound else ADA,
            "recipients": [{"name": "Kim Example", "handle": "kim@acme.example", "role": "from"}], "body": body,
            "text": text, "attachments": [], "metadata": {},
        }  # fmt: skip
        self.messages[number].append(made)
        return made

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            raise Refused(401, "Authentication failed")
        route = (asked.method, asked.path)
        if route == ("GET", "/me"):
            return Answer(200, {"_links": {"self": f"{API}/me"}, "id": "cmp_1", "name": "Acme"})
        if route == ("GET", "/conversations"):
            order = self._ordered(asked, "date", list(self.conversations.values()), "updated_at")
            return self._listing(asked, order)
        if route == ("GET", "/conversations/custom_fields"):
            listed = [{"id": f"fld_{name}", "name": name, "type": kind} for name, kind in self.fields.items()]
            return Answer(200, {"_results": listed})
        if route == ("GET", "/tags"):
            return self._listing(asked, [{"id": key, "name": name} for key, name in self.tags.items()])
        if route == ("POST", "/company/tags"):
            name = body_of(asked, {"name"})["name"]
            if not name or len(name) > 64 or name in self.tags.values():
                raise Refused(400, "a tag of this name cannot be made")
            key = self._new("tag")
            self.tags[key] = name
            return Answer(201, {"id": key, "name": name})
        if asked.method == "PATCH" and (found := re.fullmatch(r"/comments/(com_\w+)/", asked.path)):
            return self._change_comment(asked, found[1])
        if not (found := _CONVERSATION.fullmatch(asked.path)):
            raise Refused(404, "no such route")
        if found[1] in self.merged:
            return Answer(301, {}, {"Location": asked.path.replace(found[1], self.merged[found[1]])})
        if found[1] not in self.conversations:
            raise Refused(404, "Unknown conversation")
        return getattr(self, f"_{asked.method.lower()}_{found[2] or 'conversation'}", _no_route)(asked, found[1])

    def _change_comment(self, asked: Asked, key: str) -> Answer:
        body = body_of(asked, {"body"})
        for comment in (comment for listed in self.comments.values() for comment in listed if comment["id"] == key):
            if comment["author"] != TOKEN:
                raise Refused(403, "another token made this comment")
            comment["body"] = body["body"]
            return Answer(200, comment)
        raise Refused(404, "Unknown comment")

    def _get_conversation(self, asked: Asked, number: str) -> Answer:
        return Answer(200, self.conversations[number])

    def _patch_conversation(self, asked: Asked, number: str) -> Answer:
        fields = body_of(asked, {"custom_fields"})["custom_fields"]
        kinds: dict[str, Any] = {"string": str, "boolean": bool, "number": int | float}
        for name, value in fields.items():
            if not isinstance(value, kinds[self.fields[name]]) or (self.fields[name] == "number" and value is True):
                raise Refused(400, f"{name} has another type")
        self.conversations[number]["custom_fields"] = fields  # those that are not sent are erased
        return Answer(204, b"")

    def _get_messages(self, asked: Asked, number: str) -> Answer:
        return self._listing(asked, self._ordered(asked, "created_at", self.messages[number], "created_at"))

    def _post_messages(self, asked: Asked, number: str) -> Answer:
        body = body_of(asked, {"body"}, {"text", "author_id", "options"})
        if body.get("options", {}).get("archive", True):
            self.conversations[number]["status"] = "archived"
        made = self.write(number, body["body"], is_inbound=False, at=1795430000, text=body.get("text", ""))
        return Answer(202, {"status": "accepted", "message_uid": made["message_uid"]})

    def _get_comments(self, asked: Asked, number: str) -> Answer:
        return Answer(200, {"_results": self.comments[number][::-1]})

    def _post_comments(self, asked: Asked, number: str) -> Answer:
        body = body_of(asked, {"body"}, {"author_id"})
        author = ADA if body.get("author_id") == "tea_1" else TOKEN
        made = {"id": self._new("com"), "author": author, "body": body["body"], "posted_at": 1795430000.5}
        self.comments[number].append(made)
        return Answer(201, made)

    def _post_tags(self, asked: Asked, number: str) -> Answer:
        ids = body_of(asked, {"tag_ids"})["tag_ids"]
        if not ids or any(key not in self.tags for key in ids):
            raise Refused(400, "tag_ids must be known")
        held = self.conversations[number]["tags"]
        held += [{"id": key, "name": self.tags[key]} for key in ids if key not in {tag["id"] for tag in held}]
        return Answer(204, b"")

    def _ordered(self, asked: Asked, field: str, listed: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        if asked.query.get("sort_by", field) != field or asked.query.get("sort_order", "desc") not in ("asc", "desc"):
            raise Refused(400, "it is not sorted by this")
        return sorted(listed, key=lambda one: one[key], reverse=asked.query.get("sort_order") != "asc")

    def _listing(self, asked: Asked, listed: list[dict[str, Any]]) -> Answer:
        """One page; its token names the last item that was shown, so what moves meanwhile does not shift it."""
        limit = int(asked.query.get("limit", "50"))
        if not 0 < limit <= 100:
            raise Refused(400, "limit may be 100")
        limit, token, start = min(limit, self.a_page), asked.query.get("page_token", ""), 0
        if token:
            start = next((place + 1 for place, one in enumerate(listed) if f"t{one['id']}" == token), -1)
            if start < 0:
                raise Refused(400, "page_token is unknown")
        shown = listed[start : start + limit]
        more = start + limit < len(listed)
        link = f"{API}{asked.path}?limit={limit}&page_token=t{shown[-1]['id']}" if more else None
        return Answer(200, {"_pagination": {"next": link}, "_links": {"self": API}, "_results": shown})

    def _new(self, kind: str) -> str:
        self._next += 1
        return f"{kind}_{self._next}"


def _no_route(asked: Asked, number: str) -> Answer:
    raise Refused(404, "no such route")
