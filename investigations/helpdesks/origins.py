"""Origins of pages that may frame the sidebar: exact ones, because each may show customers' data to whoever made it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from altor.errors import InvalidInput

MOST: Final = 20
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def read_origins(lines: Iterable[str]) -> list[str]:
    """The origins as browsers send them, each once. InvalidInput (field `origins`) for what is not exactly one."""
    found = dict.fromkeys(_origin(line.strip()) for line in lines if line.strip())
    if len(found) > MOST:
        raise InvalidInput(f"At most {MOST} origins.", field="origins")
    return list(found)


def _origin(text: str) -> str:
    """`https://acme.zendesk.com`. http only to this machine, and only while developing."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(text, "that is no address") from None
    if "*" in text:
        raise _refused(text, "name each host; a * would let pages of strangers in")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "?" in text or "#" in text:
        raise _refused(text, "leave out what comes after the host")
    if parts.username is not None or "@" in text:
        raise _refused(text, "leave user and password out")
    if not text.isascii() or not (_HOST.fullmatch(host) or _is_address(host)):
        raise _refused(text, "that is no host name; names with other letters are written in their xn-- form")
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.DEBUG and _is_loopback(host)):
        raise _refused(text, "it must begin with https://")
    usual = {"https": 443, "http": 80}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, usual) else "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _refused(text: str, why: str) -> InvalidInput:
    return InvalidInput(f"{text[:100]}: {why}.", field="origins")
