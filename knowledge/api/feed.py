"""What customers may read, as a public feed (JSON Feed 1.1) for help centres and status pages. Off by default.

Nothing here asks who is reading: the entries come from `public()` alone, and each item holds the two texts that are for
readers outside, written out one by one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.db.models import Max, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from altor.api.pagination import CursorPagination
from altor.api.views import ApiView
from altor.errors import NotFound
from altor.markdown import to_html
from altor.templatetags.altor_ui import CLASS_NAMES
from investigations.services.profiles import current_profile
from knowledge.models import Entry, EntryChange
from knowledge.models.entries import Audience, Confidence, EntryQuerySet

VERSION: Final = "https://jsonfeed.org/version/1.1"
#: Seconds for which a reader or a proxy need not ask again: how long a withdrawn entry may still be read there.
MAX_AGE: Final = 300

_FEED = inline_serializer(
    "KnowledgeFeed",
    {
        "version": serializers.CharField(help_text=VERSION),
        "title": serializers.CharField(),
        "home_page_url": serializers.CharField(),
        "feed_url": serializers.CharField(),
        "next_url": serializers.CharField(required=False, help_text="The next page, while there is one"),
        "items": inline_serializer(
            "KnowledgeFeedItem",
            {
                "id": serializers.CharField(help_text="urn:uuid:…, the same for ever"),
                "title": serializers.CharField(),
                "content_html": serializers.CharField(help_text="What customers are told; safe HTML"),
                "content_text": serializers.CharField(help_text="The same as Markdown"),
                "language": serializers.CharField(help_text="en, de, pt-BR"),
                "tags": serializers.ListField(child=serializers.CharField()),
                "date_published": serializers.DateTimeField(help_text="When it was opened to customers"),
                "date_modified": serializers.DateTimeField(),
            },
            many=True,
        ),
    },
)


class FeedRenderer(JSONRenderer):
    media_type = "application/feed+json"


class FeedView(ApiView):
    """Cookies are not read: everybody gets the same."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_scopes = {"get": "feed", "head": "feed"}
    renderer_classes = [FeedRenderer, JSONRenderer]
    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="knowledge_feed",
        parameters=[
            OpenApiParameter("cursor", str, description="As `next_url` has it"),
            OpenApiParameter("limit", int, description="Items a page, at most 200"),
        ],
        responses={200: _FEED, 304: OpenApiResponse(description="Nothing changed since the ETag or the date")},
    )
    def get(self, request: Request) -> HttpResponse:
        """Validated entries for customers, newest first, as JSON Feed 1.1. No login; 404 while it is switched off."""
        if not settings.PUBLIC_FEED:
            raise NotFound("There is no public feed here.")
        paginator = CursorPagination()
        page = paginator.paginate_queryset(_entries(), request, self) or []
        body = json.dumps(_feed(page, paginator), ensure_ascii=False, separators=(",", ":")).encode()
        tag, changed_at = f'"{hashlib.sha256(body).hexdigest()[:32]}"', _changed_at()
        answer = HttpResponse(body, content_type=f"{request.accepted_renderer.media_type}; charset=utf-8")
        answer["ETag"] = tag
        if changed_at is not None:
            answer["Last-Modified"] = http_date(changed_at.timestamp())
        seconds = int(changed_at.timestamp()) if changed_at is not None else None
        kept = get_conditional_response(request._request, etag=tag, last_modified=seconds, response=answer)
        found = HttpResponse() if kept is None else kept  # None is for a call without a response
        found["Cache-Control"] = f"public, max-age={MAX_AGE}"
        found["Access-Control-Allow-Origin"] = "*"
        return found


def _entries() -> EntryQuerySet:
    """With `opened_at`: when what makes an entry public was last given to it."""
    opening = EntryChange.objects.filter(entry=OuterRef("pk")).filter(
        Q(field="audience", after=Audience.CUSTOMER) | Q(field="confidence", after=Confidence.VALIDATED)
    )
    return Entry.objects.public().annotate(opened_at=Subquery(opening.order_by("-at").values("at")[:1]))


def _changed_at() -> datetime | None:
    """When anything was last saved, opened or withdrawn: an entry that went away changes the feed as well."""
    saved = Entry.objects.public().aggregate(last=Max("saved_at"))["last"]
    moved = EntryChange.objects.filter(
        Q(field="audience", before=Audience.CUSTOMER)
        | Q(field="audience", after=Audience.CUSTOMER)
        | Q(field__in=("confidence", "team"), entry__audience=Audience.CUSTOMER)
    ).aggregate(last=Max("at"))["last"]
    return max((at for at in (saved, moved) if at is not None), default=None)


def _feed(entries: Sequence[Any], paginator: BasePagination) -> dict[str, Any]:
    vendor = current_profile().vendor
    address = f"{settings.BASE_URL}/api/v1/knowledge/feed.json"
    feed: dict[str, Any] = {
        "version": VERSION,
        "title": f"{vendor}: known problems" if vendor else "Known problems",
        "home_page_url": f"{settings.BASE_URL}/",
        "feed_url": address,
    }
    # Of its own address alone, whatever host and parameters this request came with.
    if following := getattr(paginator, "get_next_link", lambda: None)():
        query = {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}
        kept = {name: query[name] for name in ("cursor", "limit") if name in query}
        feed["next_url"] = f"{address}?{urlencode(kept)}"
    return {**feed, "items": [_item(entry) for entry in entries]}


def _item(entry: Any) -> dict[str, Any]:
    # The symptoms are written for colleagues: nothing keeps the names of systems and people out of them.
    text = entry.customer_wording
    opened_at = entry.opened_at or entry.created_at
    return {
        "id": f"urn:uuid:{entry.uid}",
        "title": entry.title,
        "content_html": to_html(text),
        "content_text": text,
        "language": entry.language,
        "tags": [CLASS_NAMES[entry.incident_class]] if entry.incident_class in CLASS_NAMES else [],
        "date_published": opened_at.isoformat(),
        "date_modified": max(opened_at, entry.saved_at).isoformat(),
    }
