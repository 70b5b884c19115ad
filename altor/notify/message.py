"""What a sender is given, and how it says that it could not send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """Texts are clean (see `text.clean`) but not escaped for any service. `url` is Altor's own.

    `thread` is the same for all messages about one subject ("" = none). `link` is a second address of Altor's own,
    called `link_title` ("" = none).
    """

    title: str
    lines: tuple[str, ...]
    url: str
    severity: str = ""
    thread: str = ""
    link_title: str = ""
    link: str = ""

    @property
    def heading(self) -> str:
        return f"[{self.severity}] {self.title}" if self.severity else self.title


#: What a sender keeps of a message to edit it later: {} where that is not possible.
Reference = dict[str, Any]


class SendFailed(Exception):
    """`message` is one safe line. `is_final`: another try would meet the same."""

    def __init__(self, message: str, *, is_final: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final
        self.retry_after_s = retry_after_s
