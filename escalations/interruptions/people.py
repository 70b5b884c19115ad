"""Who an engineer is: a person with an account (`user:7`), or a name that Linear or a signed link gave (`name:eli b`).

A name that is exactly one person's name, user name or e-mail address stands for that person.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from altor.models import User

#: What acts when no person does.
_NOBODY: Final = frozenset({"", "linear", "somebody", "engineering", "github"})
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class People:
    """Everybody with an account, read once (one query)."""

    users: dict[int, User]
    names: dict[str, int]

    @classmethod
    def read(cls) -> People:
        users = {one.pk: one for one in User.objects.all()}
        seen: Counter[str] = Counter()
        names: dict[str, int] = {}
        for one in users.values():
            for name in {_plain(one.get_full_name()), _plain(one.username), _plain(one.email)} - {""}:
                seen[name] += 1
                names[name] = one.pk
        return cls(users, {name: pk for name, pk in names.items() if seen[name] == 1})

    def key(self, user_id: int | None, name: str = "") -> str:
        """ "" when no person acted."""
        if user_id is not None:
            return f"user:{user_id}"
        plain = _plain(name)
        if plain in self.names:
            return f"user:{self.names[plain]}"
        return "" if plain in _NOBODY else f"name:{plain}"

    def user(self, key: str) -> User | None:
        kind, _, value = key.partition(":")
        return self.users.get(int(value)) if kind == "user" and value.isdecimal() else None

    def title(self, key: str) -> str:
        found = self.user(key)
        return str(found) if found is not None else key.partition(":")[2].title() or "Somebody"


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()[:_LONGEST]
