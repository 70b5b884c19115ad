"""Routes of the REST contract that belong to knowledge, below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from knowledge.api.entries import EntryViewSet
from knowledge.api.feed import FeedView
from knowledge.api.templates import ReplyTemplateViewSet

router = SimpleRouter()
router.register("knowledge", EntryViewSet, basename="api-entry")
router.register("reply-templates", ReplyTemplateViewSet, basename="api-reply-template")

urlpatterns = [path("knowledge/feed.json", FeedView.as_view(), name="api-knowledge-feed"), *router.urls]
