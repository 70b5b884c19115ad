"""Who sent this? Signatures of inbound webhooks, verified over the bytes as they came, in constant time.

`generic` is Standard Webhooks, by its own library. The others are the rules their vendors document. Several secrets
live at once while one is being rotated; any of them may have signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

#: A signed time may differ from ours by this much, where the vendor has no rule of its own.
TOLERANCE: Final = timedelta(minutes=5)


class SignatureRefused(Exception):
    """The text says why, for the log and the operator; the caller is told only that it was refused."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`key` is unique per delivery ("" = the caller takes the body's hash); `at` the signed time, if there is one."""

    key: str
    at: datetime | None = None
    kind: str = ""


Headers = Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one vendor signs. `message` gives the signed bytes, `digest` the encoded signature of them."""

    signature: str
    digest: Callable[[bytes, bytes], str]
    message: Callable[[Headers, bytes], bytes] = lambda headers, body: body
    signed_at: Callable[[Headers, bytes], datetime | None] = lambda headers, body: None
    prefix: str = ""
    key: str = ""
    kind: str = ""
    tolerance: timedelta = TOLERANCE


def _hex(algorithm: str) -> Callable[[bytes, bytes], str]:
    return lambda secret, message: hmac.new(secret, message, algorithm).hexdigest()


def _base64(algorithm: str) -> Callable[[bytes, bytes], str]:
    return lambda secret, message: base64.b64encode(hmac.new(secret, message, algorithm).digest()).decode()


def _stamped(header: str, separator: bytes) -> Callable[[Headers, bytes], bytes]:
    return lambda headers, body: headers.get(header, "").encode() + separator + body


def _epoch(header: str, per_second: int = 1) -> Callable[[Headers, bytes], datetime]:
    return lambda headers, body: _from_epoch(headers.get(header, ""), per_second)


def _from_epoch(text: str, per_second: int = 1) -> datetime:
    try:
        return datetime.fromtimestamp(int(text) / per_second, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise SignatureRefused("The signed time is missing or no time.") from None


def _iso(header: str) -> Callable[[Headers, bytes], datetime]:
    def read(headers: Headers, body: bytes) -> datetime:
        try:
            at = datetime.fromisoformat(headers.get(header, ""))
        except ValueError:
            raise SignatureRefused("The signed time is missing or no time.") from None
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    return read


def _linear_time(headers: Headers, body: bytes) -> datetime:
    try:
        return _from_epoch(str(json.loads(body)["webhookTimestamp"]), 1000)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SignatureRefused("The signed time is missing or no time.") from None


SCHEMES: Final[dict[str, Scheme]] = {
    "github": Scheme(
        "x-hub-signature-256", _hex("sha256"), prefix="sha256=", key="x-github-delivery", kind="x-github-event"
    ),
    "linear": Scheme(
        "linear-signature",
        _hex("sha256"),
        signed_at=_linear_time,
        key="linear-delivery",
        kind="linear-event",
        tolerance=timedelta(minutes=1),  # Linear's own rule
    ),
    "zendesk": Scheme(
        "x-zendesk-webhook-signature",
        _base64("sha256"),
        message=_stamped("x-zendesk-webhook-signature-timestamp", b""),
        signed_at=_iso("x-zendesk-webhook-signature-timestamp"),
        key="x-zendesk-webhook-invocation-id",
    ),
    "intercom_webhook": Scheme("x-hub-signature", _hex("sha1"), prefix="sha1="),
    "intercom_canvas": Scheme("x-body-signature", _hex("sha256")),
    "chatwoot": Scheme(
        "x-chatwoot-signature",
        _hex("sha256"),
        message=_stamped("x-chatwoot-timestamp", b"."),
        signed_at=_epoch("x-chatwoot-timestamp"),
        prefix="sha256=",
        key="x-chatwoot-delivery",
    ),
    "front_application": Scheme(
        "x-front-signature",
        _base64("sha256"),
        message=_stamped("x-front-request-timestamp", b":"),
        signed_at=_epoch("x-front-request-timestamp", 1000),
    ),
    "front_rule": Scheme("x-front-signature", _base64("sha1")),
    "helpscout_webhook": Scheme("x-helpscout-signature", _base64("sha1"), kind="x-helpscout-event"),
    "zammad": Scheme("x-hub-signature", _hex("sha1"), prefix="sha1=", key="x-zammad-delivery", kind="x-zammad-trigger"),
}
#: Senders that sign nothing: the secret itself comes in this header, or as the password of HTTP Basic.
TOKENS: Final = {"freshdesk": "x-altor-token"}
SOURCES: Final = ("generic", "stripe", *SCHEMES, *TOKENS)


def verify(source: str, secrets: Iterable[str], headers: Headers, body: bytes, *, now: datetime) -> Delivery:
    """The delivery that one of the secrets has signed. SignatureRefused for everything else."""
    usable = [secret.strip() for secret in secrets if secret.strip()]
    if not usable:
        raise SignatureRefused("The endpoint has no secret yet.")
    if source == "generic":
        return _standard(usable, headers, body)
    if source == "stripe":
        return _stripe(usable, headers, body, now)
    if source in TOKENS:
        return _token(usable, headers, TOKENS[source])
    scheme = SCHEMES[source]
    given = headers.get(scheme.signature, "")
    if not given.startswith(scheme.prefix) or not given:
        raise SignatureRefused(f"The header {scheme.signature} is missing.")
    message = scheme.message(headers, body)
    if not _any(usable, message, given, lambda secret, text: scheme.prefix + scheme.digest(secret, text)):
        raise SignatureRefused("No secret gives this signature.")
    at = scheme.signed_at(headers, body)
    _check_time(at, now, scheme.tolerance)
    return Delivery(
        headers.get(scheme.key, "")[:180] if scheme.key else "", at, headers.get(scheme.kind, "") if scheme.kind else ""
    )


def _any(secrets: Iterable[str], message: bytes, given: str, sign: Callable[[bytes, bytes], str]) -> bool:
    """Every secret is tried, whichever fits: how long it takes tells nothing."""
    fits = False
    for secret in secrets:
        fits |= hmac.compare_digest(sign(secret.encode(), message).encode(), given.encode())
    return fits


def _check_time(at: datetime | None, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    if at is not None and abs(at - now) > tolerance:
        minutes = "a minute" if tolerance <= timedelta(minutes=1) else "five minutes"
        raise SignatureRefused(f"The signed time differs from ours by more than {minutes}.")


def _standard(secrets: Iterable[str], headers: Headers, body: bytes) -> Delivery:
    text = _utf8(body)
    reason = "No secret gives this signature."
    for secret in secrets:
        try:
            Webhook(secret).verify(text, dict(headers), json_parse=False)
        except WebhookVerificationError as error:
            reason = str(error)
        except (ValueError, EmptyWebhookSecretError):  # a signature or secret that is no base64
            continue
        else:
            return Delivery(headers["webhook-id"][:180], _from_epoch(headers["webhook-timestamp"].partition(".")[0]))
    raise SignatureRefused(reason)


def _token(secrets: Iterable[str], headers: Headers, header: str) -> Delivery:
    given = headers.get(header, "").strip() or _basic_password(headers.get("authorization", ""))
    if not given:
        raise SignatureRefused(f"The header {header} is missing.")
    if not _any(secrets, b"", given, lambda secret, message: secret.decode()):
        raise SignatureRefused("The token is none of the endpoint's secrets.")
    return Delivery("")


def _basic_password(header: str) -> str:
    scheme, _, pair = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(pair) > 2000:
        return ""
    try:
        return base64.b64decode(pair.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _utf8(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise SignatureRefused("The body is not UTF-8.") from None


def _stripe(secrets: Iterable[str], headers: Headers, body: bytes, now: datetime) -> Delivery:
    pairs = [part.strip().partition("=") for part in headers.get("stripe-signature", "").split(",")[:20]]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    at = _from_epoch(stamp)
    message = stamp.encode() + b"." + body
    keys = list(secrets)
    given = [value for name, _, value in pairs if name == "v1"]
    if not any([_any(keys, message, one, _hex("sha256")) for one in given]):  # noqa: C419  # constant time
        raise SignatureRefused("No secret gives this signature.")
    _check_time(at, now)
    return Delivery("", at)


def body_key(body: bytes) -> str:
    """A delivery key for senders that give none: the same bytes are the same delivery."""
    return "sha256:" + hashlib.sha256(body).hexdigest()
