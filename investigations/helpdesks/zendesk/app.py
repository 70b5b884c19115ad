"""The app for Zendesk's ticket sidebar (framework 2), as files.

Zendesk signs the start only of a page that it opens at its own address. So `signed`, the normal way, makes Altor's page
the app's page; it learns the ticket from the framework by `zendesk-sidebar.js`. Otherwise a packaged page frames
Altor's, which then has to learn in another way who is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings

from investigations.helpdesks import logo
from investigations.helpdesks.packages import Files, document, framing

_PACKAGE: Final = Path(__file__).parent / "package"
_CSS: Final = Path(__file__).parent.parent / "sidebar.css"


def files(address: str, *, email: str, signed: bool) -> Files:
    """`address` is that of the sidebar's page, `email` the author's, whom Zendesk asks for."""
    made: Files = {
        "manifest.json": document(
            {
                "name": "Altor",
                "author": {"name": "Altor", "email": email},
                "version": "1.0.0",
                "frameworkVersion": "2.0",
                "defaultLocale": "en",
                "private": True,
                "signedUrls": signed,
                "location": {
                    "support": {
                        "ticket_sidebar": {"url": address if signed else "assets/iframe.html", "flexible": True}
                    }
                },
                "domainWhitelist": [],
                "parameters": [],
            }
        ),
        "translations/en.json": (_PACKAGE / "en.json").read_bytes(),
        "assets/logo.png": logo.png(320),
        "assets/logo-small.png": logo.png(128),
    }
    if not signed:
        script = Path(settings.BASE_DIR) / "altor" / "static" / "altor" / "zendesk-sidebar.js"
        made["assets/iframe.html"] = framing(_PACKAGE / "iframe.html", address)
        made["assets/sidebar.js"] = script.read_bytes()
        made["assets/sidebar.css"] = _CSS.read_bytes()
    return made
