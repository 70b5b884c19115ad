"""Why a request gave no usable answer. Messages are safe for people: no secret, no credential, no internal address."""

from __future__ import annotations


class OutboundError(Exception):
    """`message` is one safe line; `request_id` is the upstream's own id when it sent one."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id


class AddressRefused(OutboundError):
    """The address may not be contacted. One text for every reason, so that nobody can map a network by asking."""

    def __init__(self, reason: str = "") -> None:
        super().__init__("This address is not allowed for a connection")
        self.reason = reason  # for the operator's log only


class Unreachable(OutboundError):
    """No connection, or it was dropped before an answer came."""


class TimedOut(OutboundError):
    """No complete answer within the time that was left."""


class CircuitOpen(OutboundError):
    """Not asked: the last requests to this connection failed. `retry_after_s` until the next try is let through."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(OutboundError):
    """The upstream asks to wait longer than the caller's time allows. `retry_after_s` when it said how long."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after_s = retry_after_s


class AnswerTooLarge(OutboundError):
    """The body passed the size cap; the rest was not read."""


class AnswerBroken(OutboundError):
    """An answer began and broke off, or its framing or compression was wrong."""


class RedirectRefused(OutboundError):
    """A redirect to another host, another scheme, or in circles. It is never followed."""
