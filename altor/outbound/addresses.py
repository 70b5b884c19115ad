"""Which addresses may be contacted (SSRF guard).

A name is resolved, every answer is judged, and only a judged address is dialled, so that a second look-up with another
answer (DNS rebinding) changes nothing. Public addresses over https are allowed; a private one only when the operator
lists it as `source=host:port`, loopback also when development asks for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from altor.outbound.errors import AddressRefused, Unreachable

log = logging.getLogger(__name__)

IPAddress = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]

#: Ports an upstream may listen on when its address is public.
PUBLIC_PORTS = frozenset({443, 8443})
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_V4_COMPATIBLE = ip_network("::/96")
#: Beyond `is_global`, whose tables differ between Python releases (IANA special-purpose registries, RFC 6890).
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16",
        "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
#: Never opened, not even by the operator's list: cloud metadata and other link-local services, multicast, "any".
_UNOPENABLE = tuple(
    ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "0.0.0.0/32", "::/128")
)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What the installation allows beyond public https. `private` holds (source, host, port), host in lower case."""

    allow_loopback: bool = False
    private: frozenset[tuple[str, str, int]] = frozenset()

    @classmethod
    def from_settings(cls) -> AddressPolicy:
        """Loopback needs both ALLOW_PRIVATE_UPSTREAMS and development mode; the settings module combines the two."""
        return cls(
            allow_loopback=bool(getattr(settings, "ALLOW_LOOPBACK_UPSTREAMS", False)),
            private=parse_private_upstreams(getattr(settings, "PRIVATE_UPSTREAMS", "")),
        )

    def is_listed(self, source: str, host: str, port: int) -> bool:
        return (source, host.lower().strip("[]"), port) in self.private

    def refusal(self, source: str, host: str, port: int, address: IPAddress) -> str:
        """Why `address`, an answer for `host`, may not be dialled; "" when it may."""
        inner = unwrap(address)
        if any(_in(each, _UNOPENABLE) or each.is_multicast for each in (address, *inner)):
            return "link-local, unspecified or multicast"
        if self.is_listed(source, host, port):
            return ""
        if all(each.is_loopback for each in inner):
            return "" if self.allow_loopback else "loopback"
        if any(_in(each, _NEVER) or not each.is_global for each in inner):
            return "not a public address"
        return "" if port in PUBLIC_PORTS else "port not allowed"

    def may_use_plain_http(self, source: str, host: str, port: int, addresses: Iterable[str]) -> bool:
        """Plain http only to a listed private upstream, or to loopback where that is allowed."""
        if self.is_listed(source, host, port):
            return True
        found = [ip_address(text) for text in addresses]
        return self.allow_loopback and bool(found) and all(all(x.is_loopback for x in unwrap(a)) for a in found)


def parse_private_upstreams(value: str | Iterable[str]) -> frozenset[tuple[str, str, int]]:
    """`clickhouse=10.0.0.5:8123,github=ghe.corp:443` -> entries. ValueError names what cannot be read."""
    entries = set()
    for item in value.split(",") if isinstance(value, str) else value:
        text = item.strip()
        if not text:
            continue
        source, equals, address = text.partition("=")
        host, colon, port = address.rpartition(":")
        if not (equals and colon and source.strip() and host and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"ALTOR_PRIVATE_UPSTREAMS: {text!r} is not source=host:port")
        entries.add((source.strip(), host.strip().lower().strip("[]"), int(port)))
    return frozenset(entries)


def unwrap(address: IPAddress) -> tuple[IPAddress, ...]:
    """The addresses really reached: those inside mapped, 6to4, Teredo, NAT64 and v4-compatible forms, else itself."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if _in(address, _NAT64):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address in _V4_COMPATIBLE and int(address) > 1:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address,)


def _in(address: IPAddress, networks: Iterable[object]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]  # ip_network gives a union


def judge(
    source: str, host: str, port: int, answers: Iterable[str], policy: AddressPolicy | None = None
) -> tuple[str, ...]:
    """The answers for `host`, all of them allowed; AddressRefused when one is not or there is none."""
    policy = policy or AddressPolicy.from_settings()
    judged: list[str] = []
    for text in answers:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            raise AddressRefused(f"{host}: {text!r} is no address") from None
        reason = policy.refusal(source, host, port, address)
        if reason:
            log.warning(
                "outbound address refused", extra={"source": source, "host": host, "port": port, "reason": reason}
            )
            raise AddressRefused(f"{host}:{port} is {reason}")
        if str(address) not in judged:
            judged.append(str(address))
    if not judged:
        raise AddressRefused(f"{host} resolves to nothing")
    return tuple(judged)


def judge_peer(host: str, port: int, source: str) -> tuple[str, ...]:
    """Judge a peer before or while connecting (blocking look-up for names; none for an address).

    Returns the judged addresses to dial. AddressRefused when one of them is not allowed, Unreachable when the name does
    not resolve. For clients that bring their own sockets, such as aiohttp.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unreachable("The host name does not resolve") from None
    return judge(source, host, port, [str(info[4][0]) for info in found])


async def resolve_judged(host: str, port: int, source: str) -> tuple[str, ...]:
    """As `judge_peer`, without blocking the event loop."""
    return judge(source, host, port, await system_resolver(host, port))


async def system_resolver(host: str, port: int) -> list[str]:
    """Addresses of `host` in the system's order. Unreachable when there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unreachable("The host name does not resolve") from None
    return [str(info[4][0]) for info in found]


def judge_url(url: str, source: str, policy: AddressPolicy | None = None) -> None:
    """Refuse a base address that can never be right: scheme, credentials, fragment, port. No look-up is made.

    ValueError says what is wrong, for the person who typed it.
    """
    policy = policy or AddressPolicy.from_settings()
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError("The port is not a number between 1 and 65535") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError("Give the whole address, such as https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave user and password out of the address; they have fields of their own")
    if parts.fragment:
        raise ValueError("Leave the part after # out of the address")
    listed = policy.is_listed(source, host, port)
    local = policy.allow_loopback and _names_loopback(host)
    if parts.scheme == "http" and not (listed or local):
        raise ValueError("Only https is allowed; a private upstream is listed in ALTOR_PRIVATE_UPSTREAMS")
    if port not in PUBLIC_PORTS and not (listed or local):
        raise ValueError(f"Port {port} is not allowed; a private upstream is listed in ALTOR_PRIVATE_UPSTREAMS")


def _names_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
