"""Everything below /api/v1/. Unknown addresses answer in the API's shape too."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from rest_framework.routers import SimpleRouter

from altor.api.docs import SchemaView, api_docs
from altor.api.outbound import OutboundDeliveryViewSet, OutboundEndpointViewSet
from altor.api.people import MeView, TokenViewSet
from altor.api.views import unknown_address

router = SimpleRouter()
router.register("tokens", TokenViewSet, basename="api-token")
router.register("outbound/endpoints", OutboundEndpointViewSet, basename="api-outbound-endpoint")
router.register("outbound/deliveries", OutboundDeliveryViewSet, basename="api-outbound-delivery")

urlpatterns: list[URLPattern | URLResolver] = [
    path("widget/", include("investigations.widget_api_urls")),  # first: it is asked the most
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", api_docs, name="api-docs"),
    path("me/", MeView.as_view(), name="api-me"),
    *router.urls,
    path("metrics/", include("metrics.api_urls")),
    path("recovery/", include("metrics.recovery_api_urls")),
    path("", include("escalations.api_urls")),
    path("oncall/", include("escalations.oncall_api_urls")),
    path("", include("escalations.interruptions.api_urls")),
    path("", include("escalations.handoffs.api_urls")),
    path("", include("escalations.incidents.api_urls")),
    path("", include("knowledge.api_urls")),
    path("", include("investigations.api_urls")),
    re_path(r"^(?P<path>.*)$", unknown_address, name="api-unknown"),
]
