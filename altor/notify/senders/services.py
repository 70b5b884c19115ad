"""Other services by Apprise, which opens its own connections: only services of a list, and only judged hosts.

What that leaves open is in docs/explanation/security-model.md: the name is looked up by us and once more by Apprise.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from altor.notify.message import Message, Reference, SendFailed
from altor.notify.text import markdown_text, unmentioned
from altor.outbound import AddressPolicy, OutboundError, judge_peer

if TYPE_CHECKING:
    from apprise import NotifyBase

SOURCE: Final = "apprise"
#: Services with addresses of their own: schema -> the hosts that it may be sent to.
_FIXED: Final[dict[str, tuple[str, ...]]] = {
    "discord": ("discord.com",),
    "gchat": ("chat.googleapis.com",),
    "pagerduty": ("events.pagerduty.com",),
    "pover": ("api.pushover.net",),
    "tgram": ("api.telegram.org",),
    "wxteams": ("webexapis.com", "api.ciscospark.com"),
}
#: Services that somebody runs themselves: schema -> whether it goes over TLS.
_HOSTED: Final[dict[str, bool]] = {
    "gotifys": True, "mmosts": True, "ntfys": True, "rockets": True,
    "gotify": False, "mmost": False, "ntfy": False, "rocket": False,
}  # fmt: skip
SCHEMAS: Final = (*_FIXED, *_HOSTED)
SECURE: Final = (*_FIXED, *(schema for schema, over_tls in _HOSTED.items() if over_tls))
#: Read CommonMark: the text is escaped for it.
_MARKDOWN: Final = frozenset({"discord", "mmost", "mmosts", "rocket", "rockets", "wxteams"})
#: Take what we give as it is. For the others Apprise turns plain text into what they read (HTML for Telegram).
_AS_IT_IS: Final = _MARKDOWN | {"gchat"}
_TIMEOUT_S: Final = 8.0

# Its log lines may hold tokens that are part of addresses.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


class AppriseSender:
    """`secret` is an Apprise URL, token included."""

    edits = False

    def check(self, address: str, secret: str) -> None:
        _target(secret)

    def send(self, address: str, secret: str, message: Message, reference: Reference) -> Reference:
        try:
            target, peers = _target(secret)
            for host, port in peers:
                judge_peer(host, port, SOURCE)
        except ValueError as error:
            raise SendFailed(str(error), is_final=True) from error
        except OutboundError as error:
            raise SendFailed(error.message) from error
        if not _handed_over(target, _schema(secret), message):
            raise SendFailed("The service did not take it")
        return {}


def _handed_over(target: NotifyBase, schema: str, message: Message) -> bool:
    from apprise import Apprise, NotifyFormat

    every = Apprise(asset=_asset())
    every.add(target)
    title, body = _texts(schema, message)
    try:
        return bool(
            every.notify(title=title, body=body, body_format=None if schema in _AS_IT_IS else NotifyFormat.TEXT)
        )
    except Exception as error:  # its plugins raise whatever their services make them
        raise SendFailed(f"The service could not be told ({type(error).__name__})") from error


def _asset() -> Any:
    """Apprise's settings: no redirects (they would pass the guard by), nothing stored, no threads."""
    from apprise import AppriseAsset

    return AppriseAsset(http_redirects=False, async_mode=False, secure_logging=True)


def _schema(url: str) -> str:
    return url.partition("://")[0].strip().lower()


def _target(url: str) -> tuple[NotifyBase, list[tuple[str, int]]]:
    """The service, and the peers it will talk to. ValueError for what is not on the list or cannot be read."""
    from apprise import Apprise

    schema = _schema(url)
    if schema not in SCHEMAS:
        raise ValueError(f"Give an address of one of these services: {', '.join(SECURE)}")
    if "?" in url or not url.isascii() or not url.isprintable():
        raise ValueError("Leave out the part after ?: options such as templates and attachments are not taken")
    target = Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    if target is None:
        raise ValueError("Apprise cannot read this address")
    target.socket_connect_timeout = target.socket_read_timeout = _TIMEOUT_S / 2
    if schema in _FIXED:
        return target, [(host, 443) for host in _FIXED[schema]]
    if schema.startswith("ntfy") and getattr(target, "mode", "") == "cloud":
        return target, [("ntfy.sh", 443)]
    host, is_secure = str(target.host or ""), _HOSTED[schema]
    port = int(target.port or (443 if is_secure else 80))
    if not is_secure and not _may_be_plain(host, port):
        raise ValueError(f"Use {schema}s://: plain http goes only to private upstreams that are listed")
    return target, [(host, port)]


def _may_be_plain(host: str, port: int) -> bool:
    policy = AddressPolicy.from_settings()
    return policy.is_listed(SOURCE, host, port) or (policy.allow_loopback and host in ("127.0.0.1", "localhost"))


def _texts(schema: str, message: Message) -> tuple[str, str]:
    """Title and body, with our own links at the end as they are."""
    escape = markdown_text if schema in _MARKDOWN else unmentioned
    second = [f"{escape(message.link_title)}:", message.link] if message.link else []
    return escape(message.heading), "\n".join([*(escape(line) for line in message.lines), *second, message.url])
