"""Routes of the REST contract that belong to handoffs, below /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from escalations.api.handoffs import HandoffViewSet

router = SimpleRouter()
router.register("handoffs", HandoffViewSet, basename="api-handoff")

urlpatterns = router.urls
