"""Personal data of others than the requester, and addresses of our own machines."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Final

from altor.redaction import find_personal
from knowledge.language.findings import Hit, Kind
from knowledge.language.names import is_address

_RESERVED_MAIL: Final = re.compile(
    r"@(?:[^@]{1,60}\.)?example\.(?:com|org|net)$|^(?:you|your[._]?name|name)@", re.IGNORECASE
)
_VERSION_BEFORE: Final = re.compile(
    r"\b(?:versions?|release|client|sdk|firmware|build|v|than|from|to)[\s:]{0,2}$", re.IGNORECASE
)
_VERSION: Final = re.compile(r"\b(?:version(?:en|s)?|release|firmware)\b", re.IGNORECASE)
_NETWORK: Final = re.compile(r"/(?:\d|[12]\d|3[01]|[3-9]\d|1[01]\d|12[0-7])(?!\d)")
_OURS: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)

_PERSONAL: Final = {
    "e-mail address": "Leave it out, or name the role (“your account owner”); the customer can look it up in the product.",
    "phone number": "Leave it out; offer a call back or the public number.",
    "card number": "Write the brand and the last four digits only.",
    "ip": "Leave it out, or say what it stands for (“an address outside your allow list”).",
}


class Own:
    """Addresses, numbers and domains that belong to the customer, the requester or the vendor's public face."""

    def __init__(self, own: Iterable[str]) -> None:
        kept = [entry.strip().casefold() for entry in own]
        self.mails = frozenset(entry for entry in kept if "@" in entry)
        self.domains = frozenset(
            entry.removeprefix("https://").removeprefix("http://").partition("/")[0].removeprefix("www.")
            for entry in kept
            if is_address(entry) and "@" not in entry
        )
        self.numbers = frozenset(
            re.sub(r"\D", "", entry) for entry in kept if re.fullmatch(r"[+(\d][\d ()./\-]{6,}", entry)
        )
        self.addresses = frozenset(filter(None, map(_ip, kept)))

    def has_mail(self, mail: str) -> bool:
        """The address itself, or any of a domain of their own."""
        mail = mail.casefold()
        return mail in self.mails or self.has_host(mail.rpartition("@")[2])

    def has_host(self, host: str) -> bool:
        """The domain or one below it."""
        labels = host.casefold().split(".")
        return any(".".join(labels[first:]) in self.domains for first in range(max(0, len(labels) - 8), len(labels)))


def personal_in(text: str, own: Own) -> Iterator[Hit]:
    """Not in order; may overlap. Private machine addresses are internal names, public ones personal data."""
    for kind, start, end in find_personal(text):
        value = text[start:end]
        if kind == "ip":
            yield from _machine(text, start, end, own)
        elif kind == "e-mail address":
            mail = value.lstrip("'-.%+")
            if (
                not own.has_mail(mail)
                and not _RESERVED_MAIL.search(mail)
                and "://" not in text[max(0, start - 80) : start]
            ):
                yield _personal(kind, start + len(value) - len(mail), end)
        elif re.sub(r"\D", "", value) not in own.numbers:
            yield _personal(kind, start, end)


def _machine(text: str, start: int, end: int, own: Own) -> Iterator[Hit]:
    address = _ip(text[start:end])
    if address is None or address in own.addresses or address.is_loopback or address.is_unspecified:
        return
    if _NETWORK.match(text, end) or _is_version(text, start):
        return
    if any(address.version == network.version and address in network for network in _OURS):
        why = "A private address: it tells how the inside of the service is built and helps the customer in nothing."
        yield Hit(Kind.INTERNAL_NAME, start, end, why, "Say “one of our servers”.")
    else:
        yield _personal("ip", start, end)


def _is_version(text: str, start: int) -> bool:
    """Four numbers with dots may be the version of a program."""
    head = text[max(0, start - 80) : start]
    return _VERSION_BEFORE.search(head) is not None and _VERSION.search(head) is not None


def _ip(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def _personal(kind: str, start: int, end: int) -> Hit:
    shown = "machine address" if kind == "ip" else kind
    why = f"{shown[0].upper()}{shown[1:]} that is not known as the requester's own: personal data of somebody else."
    return Hit(Kind.PERSONAL_DATA, start, end, why, _PERSONAL[kind])
