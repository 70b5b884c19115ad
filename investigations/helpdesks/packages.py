"""Sidebar apps that an administrator uploads to a helpdesk: a folder with this installation's address in it.

The files are small and hold no secret: they frame Altor's own page and hand over the ticket's number.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from altor.errors import InvalidInput

#: Path inside the folder -> content.
Files = dict[str, bytes]
_NEAR: Final = frozenset({"localhost", "127.0.0.1"})


def page_address(base_url: str, helpdesk: str, connection: str) -> str:
    """Where the sidebar's page of a connection is. InvalidInput for an address that no helpdesk may frame."""
    base = base_url.rstrip("/")
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput("The address cannot be read.", errors={"url": ["not valid"]}) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _NEAR):
        raise InvalidInput(
            "A helpdesk only frames pages whose address begins with https://.", errors={"url": ["must be https"]}
        )
    if not host or parts.username or parts.query or parts.fragment or any(sign in base for sign in "\"'<> \\"):
        raise InvalidInput(
            "The address is that of Altor alone, without anything after it.", errors={"url": ["not valid"]}
        )
    return f"{base}/widget/{helpdesk}/{connection}/"


def framing(markup: Path, address: str) -> bytes:
    """A page of the package with the frame's address in it."""
    return markup.read_text().replace("__PAGE__", html.escape(address)).encode()


def document(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def write(files: Files, folder: Path) -> list[Path]:
    """Write the package into a new or empty folder; InvalidInput when there is something else in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} is there already and not empty.")
    written = []
    for name, content in sorted(files.items()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written.append(target)
    return written
