"""Values of the neutral ticket shape as intake takes them: within its lengths, or left out.

One bad address would refuse a whole ticket (`investigations.intake.payload`), so what a helpdesk or an administrator's
template wrote there is judged before it is stated.
"""

from __future__ import annotations

import re
from typing import Any, Final

from investigations.helpdesks.reading import stated, text, texts

_EMAIL: Final = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}")
_LINK: Final = re.compile(r"https?://[^\s<>\"']{1,490}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+\-/]{1,60}")
_DOMAIN: Final = re.compile(r"[a-z0-9.\-]{3,253}")
_MOST_TAGS: Final = 50


def email(value: Any) -> str:
    """The address in lower case, "" when it is none."""
    found = text(value, 300).strip().lower()
    return found if _EMAIL.fullmatch(found) else ""


def link(value: Any) -> str:
    found = text(value, 600).strip()
    return found if _LINK.fullmatch(found) else ""


def word(value: Any) -> str:
    """A word of a helpdesk's own list (priority, channel), in lower case."""
    return text(value, 40).strip().lower()


def requester(name: Any, address: Any, zone: Any = "") -> dict[str, Any]:
    """What is known of a person; {} when it is nothing."""
    place = text(zone, 60).strip()
    return stated(name=text(name, 200).strip(), email=email(address), timezone=place if _ZONE.fullmatch(place) else "")


def organization(name: Any, domain: Any = "", external_id: Any = "") -> dict[str, Any]:
    """What is known of a company; {} when it is nothing."""
    home = text(domain, 253).strip().lower()
    return stated(
        name=text(name, 200).strip(),
        domain=home if _DOMAIN.fullmatch(home) else "",
        external_id=text(external_id, 120).strip(),
    )


def tags(value: Any, separator: str | None = None) -> list[str]:
    """Tags of a list, or of one text parted at `separator` (None: at blanks and commas)."""
    found = texts(value)
    if isinstance(value, str):
        found = value.split(separator) if separator else re.split(r"[\s,]+", value)
    return list(dict.fromkeys(tag.strip()[:80] for tag in found if tag.strip()))[:_MOST_TAGS]


def custom(value: Any) -> str:
    """A custom field's value as text: several choices with commas between, a tick as true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(texts(value))[:500] if isinstance(value, list) else text(value, 500)
