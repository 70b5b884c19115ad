"""Bad days of a stand-in helpdesk: answers that take the place of the next ones, or that are lost after the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.loopback import Answer, Asked


class Strict(Exception):
    """The request has another shape than the documentation's."""


class Peer:
    """Call it with a request. `instead` is answered in place of the next requests, `lost` drops the next answers to
    writes, whose work is done all the same.
    """

    def __init__(self) -> None:
        self.instead: list[Answer] = []
        self.lost = 0
        self.writes: list[tuple[str, str, Any]] = []

    def __call__(self, asked: Asked) -> Answer:
        if self.instead:
            return self.instead.pop(0)
        try:
            answer = self.answer(asked)
        except Strict as wrong:
            return Answer(422, {"error": "RecordInvalid", "description": str(wrong)})
        if asked.method != "GET":
            self.writes.append((asked.method, asked.path, asked.json()))
            if self.lost and answer.status < 300:
                self.lost -= 1
                return Answer(reset=True)
        return answer

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError


def only(given: Mapping[str, Any], *known: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise Strict(f"unknown: {', '.join(unknown)}")


def typed(value: Any, kind: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kind):
        raise Strict(f"{name} is {type(value).__name__}")
    return value


Handler = Callable[[Asked], Answer]
