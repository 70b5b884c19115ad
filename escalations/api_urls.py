"""Routes of the REST contract that belong to escalations, below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from escalations.api.ownership import QueueView, SlaPolicyViewSet

router = SimpleRouter()
router.register("sla-policies", SlaPolicyViewSet, basename="api-sla-policy")

urlpatterns = [path("queue/", QueueView.as_view(), name="api-queue"), *router.urls]
