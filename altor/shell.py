"""What every page's frame shows: the navigation with its live counts, the person's time zone, the search box.

Apps add entries through the settings `NAV_PARTS`, `NOTICE_PARTS`, `HEADER_PARTS` and `SEARCH_PARTS`, so that nothing
here imports them.
"""

from __future__ import annotations

import logging
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from altor.registry import parts

if TYPE_CHECKING:
    from altor.models import User


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the rail. `key` is what a page names as `here`; `count` is a live fact, hidden at 0."""

    group: str  # "", "Improve", "Operate", "Administer"
    order: int
    key: str
    title: str
    icon: str
    url_name: str
    permission: str = ""
    go: str = ""  # the key after `g`
    count: Callable[[User], int] | None = None
    counted: str = ""  # what the count counts, for readers: "active"


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the search results."""

    title: str
    url: str
    detail: str = ""
    icon: str = "search"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that everybody who sees it must know on every page, with the page where it can be changed."""

    text: str
    url_name: str
    link: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeaderItem:
    """A live fact in the top bar: `label` is what it is about, `text` what is the case. `detail` is said on hover."""

    label: str
    text: str
    url: str
    detail: str = ""
    icon: str = "phone"
    is_wrong: bool = False  # somebody should do something about it


class Search(Protocol):
    def __call__(self, user: User, text: str, limit: int) -> Iterable[tuple[str, list[Hit]]]:
        """Groups of hits the person may see, e.g. ("Tickets", [...]); empty groups are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    item: NavItem
    url: str
    n: int


@dataclass(slots=True)
class Group:
    title: str
    entries: list[Shown] = field(default_factory=list)


def navigation(user: User) -> list[Group]:
    """Entries the person may open, in groups, with their counts (one query per counted entry)."""
    groups: dict[str, Group] = {}
    items = sorted((item for part in parts("NAV_PARTS") for item in part), key=lambda item: item.order)
    for item in items:
        if item.permission and not user.may(item.permission):
            continue
        shown = Shown(item, reverse(item.url_name), item.count(user) if item.count else 0)
        groups.setdefault(item.group, Group(item.group)).entries.append(shown)
    return list(groups.values())


def notices(user: User) -> list[Notice]:
    return [notice for part in parts("NOTICE_PARTS") for notice in part(user)]


def header(user: User) -> list[HeaderItem]:
    """What the parts say. One that fails costs its own place, not every page."""
    found: list[HeaderItem] = []
    for part in parts("HEADER_PARTS"):
        try:
            found += part(user)
        except Exception:
            log.exception("a part of the header failed", extra={"part": getattr(part, "__name__", str(part))})
    return found


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor. It is computed only when a template shows it: fragments do not pay for it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "navigation": SimpleLazyObject(partial(navigation, user)),
        "notices": SimpleLazyObject(partial(notices, user)),
        "header_items": SimpleLazyObject(partial(header, user)),
    }


class TimezoneMiddleware:
    """Shows times in the person's own zone; an unknown name falls back to UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "timezone", "") or "UTC"
        try:
            zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            zone = zoneinfo.ZoneInfo("UTC")
        with timezone.override(zone):
            return self.get_response(request)
