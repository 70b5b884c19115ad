"""Routes of the REST contract, below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from investigations.api.automation import (
    AutomationSimulationView,
    AutomationSwitchView,
    AutomationVersionViewSet,
    AutomationView,
)
from investigations.api.backtests import BacktestViewSet
from investigations.api.customers import CustomerViewSet
from investigations.api.inbound import EndpointViewSet, InboundEventViewSet
from investigations.api.installation import ConnectionViewSet, ProfileView
from investigations.api.playbooks import PlaybookViewSet
from investigations.api.runs import InvestigationViewSet
from investigations.api.tickets import TicketViewSet
from investigations.hooks import receive

router = SimpleRouter()
router.register("tickets", TicketViewSet, basename="api-ticket")
router.register("investigations", InvestigationViewSet, basename="api-investigation")
router.register("customers", CustomerViewSet, basename="api-customer")
router.register("playbooks", PlaybookViewSet, basename="api-playbook")
router.register("backtests", BacktestViewSet, basename="api-backtest")
router.register("connections", ConnectionViewSet, basename="api-connection")
router.register("automation/versions", AutomationVersionViewSet, basename="api-automation-version")
router.register("inbound/events", InboundEventViewSet, basename="api-inbound-event")
router.register("inbound/endpoints", EndpointViewSet, basename="api-inbound-endpoint")

urlpatterns = [
    path("profile/", ProfileView.as_view(), name="api-profile"),
    path("automation/", AutomationView.as_view(), name="api-automation"),
    path("automation/simulation/", AutomationSimulationView.as_view(), name="api-automation-simulation"),
    path("automation/switch/", AutomationSwitchView.as_view(), name="api-automation-switch"),
    path("hooks/<slug:source>/<slug:connection>/", receive, name="api-hook"),
    *router.urls,
]
