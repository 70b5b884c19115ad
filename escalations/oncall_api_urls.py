"""Routes of the REST contract that belong to on-call, below /api/v1/oncall/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from escalations.api.oncall import OnCallNowView, OverrideViewSet, RotationViewSet, ScheduleView

router = SimpleRouter()
router.register("rotations", RotationViewSet, basename="api-rotation")
router.register("overrides", OverrideViewSet, basename="api-override")

urlpatterns = [
    path("now/", OnCallNowView.as_view(), name="api-oncall-now"),
    path("schedule/", ScheduleView.as_view(), name="api-oncall-schedule"),
    *router.urls,
]
