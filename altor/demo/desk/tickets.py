"""The stand-in's tickets: those of the invented company, with what people and Altor have written since. Kept in a file."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from altor.demo.home import DemoState
from altor.demo.world.build import iso

FILE: Final = "desk.json"
#: Who works at the stand-in: the person a visitor logs in to Altor as.
AGENT: Final = {"id": "1", "name": "Ruth Adeyemi"}


@dataclass
class Entry:
    """One message of a conversation. `kind` is customer, agent or note (internal)."""

    id: str
    kind: str
    text: str
    at: str
    by: str
    html: str = ""  # of a note that Altor wrote


@dataclass
class Written:
    """What was added to a ticket since it was opened."""

    entries: list[Entry] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    status: str = "open"
    updated_at: str = ""


class Tickets:
    """Safe to use from several threads."""

    def __init__(self, home: Path) -> None:
        self._home, self._lock = home, threading.RLock()
        self._written = self._read()
        state = DemoState.load(home)
        if state is None:
            raise RuntimeError(f"no demo in {home}")
        self.state = state
        self._planned = {str(ticket.id): ticket for ticket in state.world.tickets}

    def ids(self) -> list[str]:
        """Ids of the tickets that have been opened by now, newest first."""
        state = DemoState.load(self._home) or self.state
        arrived = {str(one) for one in state.sent}
        return [key for key, one in self._planned.items() if one.opened_at is not None or key in arrived][::-1]

    def neutral(self, key: str) -> dict[str, Any] | None:
        """The ticket in the neutral shape, with its conversation; None when there is none."""
        planned = self._planned.get(key)
        if planned is None:
            return None
        with self._lock:
            written = self._written.get(key, Written())
            opened = planned.opened_at or datetime.fromisoformat(self.state.opened_at or self.state.anchor)
            return planned.payload(opened) | {
                "id": key, "tags": list(written.tags), "status": written.status, "custom": dict(written.custom),
                "updated_at": written.updated_at or iso(opened),
                "messages": [_message(one) for one in written.entries],
            }  # fmt: skip

    def entries(self, key: str) -> list[Entry]:
        with self._lock:
            return list(self._of(key).entries)

    def add(self, key: str, kind: str, text: str, *, by: str, html: str = "") -> Entry:
        with self._lock:
            written = self._of(key)
            entry = Entry(f"m{len(written.entries) + 1}", kind, text, iso(datetime.now(UTC)), by, html)
            written.entries.append(entry)
            self._keep(written)
        return entry

    def change_note(self, key: str, entry_id: str, text: str, html: str) -> bool:
        with self._lock:
            for entry in self._of(key).entries:
                if entry.id == entry_id and entry.kind == "note":
                    entry.text, entry.html = text, html
                    self._keep(self._of(key))
                    return True
        return False

    def add_tags(self, key: str, tags: list[str]) -> None:
        with self._lock:
            written = self._of(key)
            written.tags = list(dict.fromkeys([*written.tags, *tags]))
            self._keep(written)

    def set_custom(self, key: str, custom: dict[str, str]) -> None:
        with self._lock:
            self._of(key).custom.update(custom)
            self._keep(self._of(key))

    def set_status(self, key: str, status: str) -> str:
        """The status before."""
        with self._lock:
            written = self._of(key)
            before, written.status = written.status, status
            self._keep(written)
        return before

    def _of(self, key: str) -> Written:
        return self._written.setdefault(key, Written())

    def _keep(self, written: Written) -> None:
        written.updated_at = iso(datetime.now(UTC))
        part = self._home / f"{FILE}.part"
        part.write_text(json.dumps({key: asdict(one) for key, one in self._written.items()}, indent=1))
        part.replace(self._home / FILE)

    def _read(self) -> dict[str, Written]:
        try:
            data = json.loads((self._home / FILE).read_text())
        except FileNotFoundError:
            return {}
        return {
            key: Written(**{**one, "entries": [Entry(**entry) for entry in one["entries"]]})
            for key, one in data.items()
        }


def _message(entry: Entry) -> dict[str, Any]:
    kind = "customer" if entry.kind == "customer" else "agent"
    return {
        "id": entry.id, "text": entry.text, "at": entry.at, "is_public": entry.kind != "note",
        "author": {"kind": kind, "name": entry.by},
    }  # fmt: skip
