"""A Chatwoot account as its public source describes it: one inbox, conversations, messages, labels, attributes."""

from __future__ import annotations

import re
from typing import Any

from tests.helpdesks.calling import SECRET, Peer, Refused, body_of
from tests.loopback import Answer, Asked

ACCOUNT = 3
PAGE = 25
_PATH = re.compile(rf"/api/v1/accounts/{ACCOUNT}/conversations(?:/(\d+)(?:/([a-z_]+))?)?")


class ChatwootPeer(Peer):
    """`conversations` by number; `labels` are those that the account has defined."""

    def __init__(self, *, keeps_attributes: bool = True, merges: bool = True, sorts: bool = True) -> None:
        super().__init__()
        self.conversations: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, list[dict[str, Any]]] = {}
        self.labels = {"billing", "vip", "altor"}
        self.keeps_attributes, self.merges, self.sorts = keeps_attributes, merges, sorts
        self._next = 1000

    def add(self, number: int, active_at: int, *texts: str, **more: Any) -> None:
        """A conversation whose messages the customer and the agent wrote in turn."""
        self.conversations[number] = {
            "id": number, "account_id": ACCOUNT, "inbox_id": 1, "status": "open", "priority": None, "labels": [],
            "created_at": active_at - 60, "last_activity_at": active_at, "timestamp": active_at,
            "updated_at": float(active_at), "unread_count": 0, "custom_attributes": {}, "additional_attributes": {},
            "meta": {
                "sender": {"id": 7, "name": "Kim Example", "email": "kim@acme.example", "custom_attributes": {}},
                "channel": "Channel::Email", "hmac_verified": False,
            },
            **more,
        }  # fmt: skip
        self.messages[number] = []
        for place, text in enumerate(texts):
            self.write(number, text, message_type=place % 2, at=active_at - 60 + place)

    def write(self, number: int, content: str, *, message_type: int, at: int, private: bool = False) -> dict[str, Any]:
        self._next += 1
        made = {
            "id": self._next, "content": content, "inbox_id": 1, "conversation_id": number, "private": private,
            "message_type": message_type, "content_type": "text", "content_attributes": {}, "created_at": at,
            "status": "sent", "source_id": None,
            "sender": {"id": 7, "type": "contact"} if message_type == 0 else {"id": 1, "name": "Ada", "type": "user"},
        }  # fmt: skip
        self.messages[number].append(made)
        return made

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("api_access_token") != SECRET:
            raise Refused(401, "Invalid Access Token")
        if (asked.method, asked.path) == ("GET", "/api/v1/profile"):
            accounts = [{"id": ACCOUNT, "name": "Example Support", "role": "agent"}]
            return Answer(200, {"id": 12, "name": "Altor", "email": "altor@support.example", "accounts": accounts})
        if asked.path.endswith("/conversations/meta"):
            return Answer(200, {"meta": {"all_count": len(self.conversations)}})
        if not (found := _PATH.fullmatch(asked.path)):
            raise Refused(404, "no such route")
        if found[1] is None:
            return self._list(asked)
        if (number := int(found[1])) not in self.conversations:
            raise Refused(404, "Resource could not be found")
        return getattr(self, f"_{asked.method.lower()}_{found[2] or 'conversation'}", _no_route)(asked, number)

    def _list(self, asked: Asked) -> Answer:
        if asked.method != "GET" or asked.query.get("status") != "all":
            raise Refused(422, "this peer is asked for every status")
        is_oldest_first = self.sorts and asked.query.get("sort_by") == "last_activity_at_asc"
        listed = sorted(
            self.conversations.values(),
            key=lambda one: (one["last_activity_at"], one["id"]),
            reverse=not is_oldest_first,
        )
        start = (int(asked.query.get("page", "1")) - 1) * PAGE
        shown = [{**one, "messages": self.messages[one["id"]][-1:]} for one in listed[start : start + PAGE]]
        return Answer(200, {"data": {"meta": {"mine_count": 0, "all_count": len(listed)}, "payload": shown}})

    def _get_conversation(self, asked: Asked, number: int) -> Answer:
        return Answer(200, {**self.conversations[number], "messages": self.messages[number][-1:]})

    def _get_messages(self, asked: Asked, number: int) -> Answer:
        before = int(asked.query.get("before", "0")) or 10**9
        return Answer(200, {"meta": {}, "payload": [m for m in self.messages[number] if m["id"] < before][-20:]})

    def _post_messages(self, asked: Asked, number: int) -> Answer:
        body = body_of(asked, {"content", "private", "message_type", "content_type"}, {"content_attributes"})
        if (
            body["message_type"] != "outgoing"
            or body["content_type"] != "text"
            or not isinstance(body["private"], bool)
        ):
            raise Refused(422, "not a message that an agent writes")
        made = self.write(number, body["content"], message_type=1, at=1795420000, private=body["private"])
        if self.keeps_attributes:
            made["content_attributes"] = body.get("content_attributes", {})
        return Answer(200, made)

    def _get_labels(self, asked: Asked, number: int) -> Answer:
        return Answer(200, {"payload": self.conversations[number]["labels"]})

    def _post_labels(self, asked: Asked, number: int) -> Answer:
        kept = [label for label in body_of(asked, {"labels"})["labels"] if label in self.labels]
        self.conversations[number]["labels"] = kept
        return Answer(200, {"payload": kept})

    def _post_custom_attributes(self, asked: Asked, number: int) -> Answer:
        body = body_of(asked, {"custom_attributes"}, {"merge"})
        held = self.conversations[number]["custom_attributes"] if self.merges and body.get("merge") is True else {}
        self.conversations[number]["custom_attributes"] = {**held, **body["custom_attributes"]}
        return Answer(200, {"custom_attributes": self.conversations[number]["custom_attributes"]})


def _no_route(asked: Asked, number: int) -> Answer:
    raise Refused(404, "no such route")
