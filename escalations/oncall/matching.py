"""Which person a calendar means: by e-mail, user name or name, chosen by hand before all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from altor.models import User

_MAIL: Final = re.compile(r"[\w.+'-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_EDGES: Final = re.compile(r"[\s:;,|/()\[\]–—-]+")


class People:
    """Those who may be meant. A name that two share stands for neither."""

    def __init__(self, users: Iterable[User], chosen: Mapping[str, str]) -> None:
        self._mail: dict[str, User] = {}
        self._name: dict[str, User | None] = {}
        by_username: dict[str, User] = {}
        for user in users:
            by_username[user.username] = user
            self._mail[user.email.lower()] = user
            for name in {user.username, user.get_full_name(), f"{user.last_name} {user.first_name}".strip()}:
                self._note(name, user)
        firsts: dict[str, list[User]] = {}
        for user in by_username.values():
            if user.first_name:
                firsts.setdefault(_plain(user.first_name), []).append(user)
        for name, many in firsts.items():
            if len(many) == 1 and name not in self._name:
                self._name[name] = many[0]
        self._chosen = {_plain(name): by_username[who] for name, who in chosen.items() if who in by_username}

    def _note(self, name: str, user: User) -> None:
        plain = _plain(name)
        if plain:
            self._name[plain] = user if self._name.get(plain, user) == user else None

    def match(self, names: Sequence[Sequence[str]]) -> User | None:
        """Whom the first group of `names` that means anybody means; None where it means several."""
        for group in names:
            found = {user for text in group if (user := self._one(text)) is not None}
            if found:
                return found.pop() if len(found) == 1 else None
        return None

    def _one(self, text: str) -> User | None:
        """By choice, by an address in it, as a whole, or by the only name that it holds."""
        plain = _plain(text)
        chosen = self._chosen.get(plain)
        if chosen is not None:
            return chosen
        for mail in _MAIL.findall(text):
            if mail.lower() in self._mail:
                return self._mail[mail.lower()]
        if self._name.get(plain) is not None:
            return self._name[plain]
        held = {user for name, user in self._name.items() if user is not None and f" {name} " in f" {plain} "}
        return held.pop() if len(held) == 1 else None


def _plain(text: str) -> str:
    return " ".join(part for part in _EDGES.split(text.casefold()) if part)
