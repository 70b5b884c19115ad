"""Pages of escalations. References (ESC-57) stand in the addresses, never primary keys."""

from __future__ import annotations

from django.urls import path

from escalations.views import (
    attachments,
    board,
    contract_edit,
    contracts,
    escalate,
    escalation,
    link,
    packets,
    policies,
    queue,
)

app_name = "escalations"
urlpatterns = [
    path("e/<str:token>/", link.by_link, name="by-link"),
    path("e/<str:token>/files/<str:ident>/", attachments.by_link, name="attachment-by-link"),
    path("attachments/<str:ident>/", attachments.attachment, name="attachment"),
    path("escalations/", board.board, name="board"),
    path("escalations/<str:ref>/", escalation.escalation, name="escalation"),
    path("escalations/<str:ref>/act/", escalation.act_, name="act"),
    path("escalations/<str:ref>/packet/", packets.frozen, name="packet"),
    path("packets/schema.json", packets.schema, name="packet-schema"),
    path("investigations/<str:ref>/packet/", packets.packet_preview, name="packet-preview"),
    path("investigations/<str:ref>/packet.json", packets.packet_json, name="packet-json"),
    path("contracts/", contracts.contracts, name="contracts"),
    path("contracts/new/", contract_edit.new, name="contract-new"),
    path("contracts/check/", contract_edit.check, name="contract-check"),
    path("contracts/<slug:key>/", contracts.contract, name="contract"),
    path("contracts/<slug:key>/edit/", contract_edit.edit, name="contract-edit"),
    path("contracts/<slug:key>/diff/", contracts.diff, name="contract-diff"),
    path("contracts/<slug:key>/withdraw/", contracts.withdraw_, name="contract-withdraw"),
    path("contracts/<slug:key>/v<int:number>/", contracts.version, name="contract-version"),
    path("contracts/<slug:key>/v<int:number>/activate/", contracts.activate_, name="contract-activate"),
    path("contracts/<slug:key>/v<int:number>/restore/", contracts.restore_, name="contract-restore"),
    path("contracts/<slug:key>/v<int:number>/simulation/", contracts.simulation, name="contract-simulation"),
    path("queue/", queue.queue, name="queue"),
    path("queue/act/", queue.act, name="queue-act"),
    path("sla-policies/", policies.policies, name="sla-policies"),
    path("sla-policies/new/", policies.new, name="sla-policy-new"),
    path("sla-policies/check/", policies.check, name="sla-policy-check"),
    path("sla-policies/queues/<slug:slug>/", policies.queue_owner, name="queue-owner"),
    path("sla-policies/<slug:key>/", policies.policy, name="sla-policy"),
    path("sla-policies/<slug:key>/edit/", policies.edit, name="sla-policy-edit"),
    path("sla-policies/<slug:key>/diff/", policies.diff, name="sla-policy-diff"),
    path("sla-policies/<slug:key>/withdraw/", policies.withdraw_, name="sla-policy-withdraw"),
    path("sla-policies/<slug:key>/v<int:number>/", policies.version, name="sla-policy-version"),
    path("sla-policies/<slug:key>/v<int:number>/activate/", policies.activate_, name="sla-policy-activate"),
    path("tickets/<str:ref>/ownership/", queue.ownership, name="ownership"),
    path("tickets/<str:ref>/ownership/hand/", queue.hand, name="ownership-hand"),
    path("tickets/<str:ref>/escalation/", escalate.panel, name="panel"),
    path("tickets/<str:ref>/escalate/", escalate.escalate, name="escalate"),
    path("tickets/<str:ref>/escalate/discard/", escalate.discard, name="escalate-discard"),
]
