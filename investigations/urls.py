"""Pages of investigations. References (INV-812, ZD-48213) stand in the addresses, never primary keys."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from investigations.views import (
    connections,
    customers,
    inbound,
    playbooks,
    profile,
    proposal,
    run_actions,
    runs,
    ticket_actions,
    tickets,
    today,
)

_pages: list[URLPattern] = [
    path("investigations/", runs.runs, name="runs"),
    path("investigations/<str:ref>/", runs.run, name="run"),
    path("investigations/<str:ref>/live/", runs.run_live, name="run-live"),
    path("investigations/<str:ref>/evidence/<str:ref_id>/", runs.evidence, name="evidence"),
    path("investigations/<str:ref>/export.json", run_actions.export, name="run-export"),
    path("investigations/<str:ref>/compare/", run_actions.compare, name="run-compare"),
    path("investigations/<str:ref>/cancel/", run_actions.cancel, name="run-cancel"),
    path("investigations/<str:ref>/again/", run_actions.again, name="run-again"),
    path("investigations/<str:ref>/feedback/", run_actions.feedback, name="run-feedback"),
    path("investigations/<str:ref>/steps/<str:step_id>/answer/", run_actions.answer, name="step-answer"),
    path("investigations/<str:ref>/gates/<str:gate>/override/", run_actions.override, name="gate-override"),
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/new/", tickets.new_ticket, name="ticket-new"),
    path("tickets/<str:ref>/", tickets.ticket, name="ticket"),
    path("tickets/<str:ref>/investigate/", tickets.investigate, name="ticket-investigate"),
    path("tickets/<str:ref>/reply/", ticket_actions.replied, name="ticket-reply"),
    path("tickets/<str:ref>/resolve/", ticket_actions.resolved, name="ticket-resolve"),
    path("tickets/<str:ref>/reopen/", ticket_actions.reopened, name="ticket-reopen"),
    path("tickets/<str:ref>/correct/<str:what>/", tickets.correct, name="ticket-correct"),
    path("tickets/<str:ref>/claims/<int:pk>/", tickets.edit_claim, name="claim"),
    path("customers/", customers.customers, name="customers"),
    path("customers/new/", customers.new_customer, name="customer-new"),
    path("customers/of/<path:org_id>/", customers.customer, name="customer"),
    path("playbooks/", playbooks.playbooks, name="playbooks"),
    path("playbooks/schema.json", playbooks.schema, name="playbook-schema"),
    path("playbooks/new/", playbooks.edit, name="playbook-new"),
    path("playbooks/<slug:key>/", playbooks.playbook, name="playbook"),
    path("playbooks/<slug:key>/diff/", playbooks.diff, name="playbook-diff"),
    path("playbooks/<slug:key>/edit/", playbooks.edit, name="playbook-edit"),
    path("playbooks/<slug:key>/v<int:number>/", playbooks.version, name="playbook-version"),
    path("playbooks/<slug:key>/v<int:number>/activate/", playbooks.activate, name="playbook-activate"),
    path("playbooks/<slug:key>/v<int:number>/file.yaml", playbooks.source_file, name="playbook-file"),
    path("connections/", connections.connections, name="connections"),
    path("connections/<slug:source>/", connections.edit, name="connection"),
    path("connections/<slug:source>/test/", connections.test, name="connection-test"),
    path("connections/<slug:source>/remove/", connections.remove, name="connection-remove"),
    path("installation/", profile.profile, name="profile"),
    path("installation/propose/", proposal.propose, name="profile-propose"),
    path("installation/confirm/", proposal.confirm, name="profile-confirm"),
    path("installation/import/", profile.upload, name="profile-import"),
    path("installation/export.json", profile.download, name="profile-export"),
    path("inbound/", inbound.inbound, name="inbound"),
    path("inbound/endpoints/new/", inbound.new_endpoint, name="endpoint-new"),
    path("inbound/endpoints/<int:pk>/secret/", inbound.endpoint_secret, name="endpoint-secret"),
    path("inbound/<int:pk>/", inbound.event, name="inbound-event"),
    path("inbound/<int:pk>/replay/", inbound.replay, name="inbound-replay"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", today.today, name="today"),
    path("", include((_pages, "investigations"))),
]
