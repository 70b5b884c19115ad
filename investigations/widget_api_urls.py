"""Below /api/v1/widget/."""

from __future__ import annotations

from django.urls import path

from investigations.api.widget import WidgetFeedback, WidgetRerun, WidgetStart, WidgetView
from investigations.api.widget_access import WidgetClaimView, WidgetLaunchView, WidgetPairView, WidgetTokenView

_TICKET = "<slug:helpdesk>/<str:external_id>/"
urlpatterns = [
    path("launch/", WidgetLaunchView.as_view(), name="api-widget-launch"),
    path("token/", WidgetTokenView.as_view(), name="api-widget-token"),
    path("pair/", WidgetPairView.as_view(), name="api-widget-pair"),
    path("pair/claim/", WidgetClaimView.as_view(), name="api-widget-claim"),
    path(_TICKET, WidgetView.as_view(), name="api-widget"),
    path(f"{_TICKET}start/", WidgetStart.as_view(), name="api-widget-start"),
    path(f"{_TICKET}rerun/", WidgetRerun.as_view(), name="api-widget-rerun"),
    path(f"{_TICKET}feedback/", WidgetFeedback.as_view(), name="api-widget-feedback"),
]
