"""Routes of the REST contract that belong to knowledge, below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from knowledge.api.at_work import LearnedViewSet, RecognitionViewSet
from knowledge.api.entries import EntryViewSet
from knowledge.api.feed import FeedView
from knowledge.api.templates import ReplyTemplateViewSet

router = SimpleRouter()
router.register("recognitions", RecognitionViewSet, basename="api-recognition")
router.register("learned", LearnedViewSet, basename="api-learned")
router.register("knowledge", EntryViewSet, basename="api-entry")
router.register("reply-templates", ReplyTemplateViewSet, basename="api-reply-template")

urlpatterns = [path("knowledge/feed.json", FeedView.as_view(), name="api-knowledge-feed"), *router.urls]
