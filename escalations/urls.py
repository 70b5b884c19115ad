"""Pages of escalations."""

from __future__ import annotations

from django.urls import path

from escalations.views import policies, queue

app_name = "escalations"
urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("queue/act/", queue.act, name="queue-act"),
    path("tickets/<str:ref>/ownership/", queue.ownership, name="ownership"),
    path("tickets/<str:ref>/ownership/hand/", queue.hand, name="ownership-hand"),
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
]
