"""Domain errors: raised by services, turned into one problem+json shape at the edge.

Each class carries a stable `code` (part of the API contract) and the HTTP status that fits it. Text is written for the
person who reads it: what is wrong and what to do next.
"""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """A rule of the product was not met. `detail` is safe to show; `extra` is JSON-able and safe too."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request could not be carried out"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class InvalidInput(DomainError):
    code = "invalid_input"
    title = "The input is not valid"


class NotFound(DomainError):
    code = "not_found"
    status = 404
    title = "Not found"


class PermissionRefused(DomainError):
    code = "permission_refused"
    status = 403
    title = "Your role does not allow this"


class Conflict(DomainError):
    code = "conflict"
    status = 409
    title = "The state has changed meanwhile"


class LimitReached(DomainError):
    code = "limit_reached"
    status = 429
    title = "A limit was reached"
