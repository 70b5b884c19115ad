"""Routes of the REST contract that belong to questions and interruption hours, below /api/v1/."""

from __future__ import annotations

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from escalations.interruptions.api import EscalationTimeView, QuestionViewSet

router = SimpleRouter()
router.register("questions", QuestionViewSet, basename="api-question")

urlpatterns = [
    re_path(r"^escalations/(?P<ref>ESC-[0-9]{1,17})/time/$", EscalationTimeView.as_view(), name="api-escalation-time"),
    *router.urls,
]
