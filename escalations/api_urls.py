"""Routes of the REST contract that belong to escalations, below /api/v1/."""

from __future__ import annotations

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from escalations.api.attachments import AttachmentView, TicketAttachmentsView
from escalations.api.contracts import ContractViewSet
from escalations.api.escalate import EscalateView
from escalations.api.escalations import EscalationViewSet
from escalations.api.ownership import QueueView, SlaPolicyViewSet
from escalations.api.packets import PacketView
from escalations.api.widget import WidgetEscalate

router = SimpleRouter()
router.register("escalations", EscalationViewSet, basename="api-escalation")
router.register("sla-policies", SlaPolicyViewSet, basename="api-sla-policy")
router.register("contracts", ContractViewSet, basename="api-contract")

urlpatterns = [
    path("widget/<slug:helpdesk>/<str:external_id>/escalate/", WidgetEscalate.as_view(), name="api-widget-escalate"),
    path("investigations/<str:ref>/escalations/", EscalateView.as_view(), name="api-escalate"),
    re_path(
        r"^investigations/(?P<ref>INV-[0-9]{1,17})/packet/$", PacketView.as_view(), name="api-investigation-packet"
    ),
    re_path(
        r"^tickets/(?P<ref>[A-Za-z0-9][A-Za-z0-9._:\-]{0,79})/attachments/$",
        TicketAttachmentsView.as_view(),
        name="api-ticket-attachments",
    ),
    re_path(r"^attachments/(?P<ident>[0-9a-f]{32})/$", AttachmentView.as_view(), name="api-attachment"),
    path("queue/", QueueView.as_view(), name="api-queue"),
    *router.urls,
]
