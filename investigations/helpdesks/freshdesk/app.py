"""The app for Freshdesk's ticket sidebar (platform 3.0), as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from investigations.helpdesks import logo
from investigations.helpdesks.packages import Files, document, framing

_PACKAGE: Final = Path(__file__).parent / "package"
_CSS: Final = Path(__file__).parent.parent / "sidebar.css"


def files(address: str) -> Files:
    """`address` is that of the sidebar's page. The app asks no service and has nothing to be configured."""
    place = {"url": "index.html", "icon": "styles/images/icon.svg"}
    return {
        "manifest.json": document(
            {
                "platform-version": "3.0",
                "modules": {"common": {}, "support_ticket": {"location": {"ticket_sidebar": place}}},
                "engines": {"node": "18.20.8", "fdk": "9.7.4"},
            }
        ),
        "config/iparams.json": document({}),
        "config/requests.json": document({}),
        "app/index.html": framing(_PACKAGE / "index.html", address),
        "app/scripts/app.js": (_PACKAGE / "app.js").read_bytes(),
        "app/styles/style.css": _CSS.read_bytes(),
        "app/styles/images/icon.svg": logo.svg(),
    }
