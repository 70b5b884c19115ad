"""Routes of the REST contract that belong to incidents, below /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from escalations.incidents.api import IncidentSuggestionViewSet, IncidentViewSet

router = SimpleRouter()
router.register("incidents", IncidentViewSet, basename="api-incident")
router.register("incident-suggestions", IncidentSuggestionViewSet, basename="api-incident-suggestion")

urlpatterns = router.urls
