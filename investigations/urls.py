"""Pages of investigations. References (INV-812, ZD-48213) stand in the addresses, never primary keys."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from investigations.views import (
    backtest,
    connections,
    customers,
    dry_runs,
    inbound,
    playbook_edit,
    playbook_publish,
    playbook_try,
    playbook_words,
    playbooks,
    practice,
    profile,
    proposal,
    run_actions,
    runs,
    textmodel,
    ticket_actions,
    tickets,
    today,
)


def _editor(begin: str, name: str) -> list[URLPattern]:
    """The pages of one draft: of a playbook (`playbook-save`), or of a new one (`playbook-new-save`)."""
    prefix = "playbook" if name == "playbook-edit" else name
    parts = {
        "save": playbook_edit.save,
        "check": playbook_edit.check,
        "discard": playbook_edit.discard,
        "restore": playbook_edit.restore,
        "upload": playbook_edit.upload,
        "undo": playbook_edit.undo,
        "publish": playbook_publish.publish,
        "takeup": playbook_publish.take_up,
        "try": playbook_try.try_step,
        "step": playbook_try.new_step,
    }
    return [
        path(begin, playbook_edit.edit, name=name),
        path(f"{begin}draft.yaml", playbook_edit.download, name=f"{prefix}-download"),
        *(path(f"{begin}{part}/", view, name=f"{prefix}-{part}") for part, view in parts.items()),
    ]


_pages: list[URLPattern] = [
    path("investigations/", runs.runs, name="runs"),
    path("investigations/<str:ref>/", runs.run, name="run"),
    path("investigations/<str:ref>/live/", runs.run_live, name="run-live"),
    path("investigations/<str:ref>/evidence/<str:ref_id>/", runs.evidence, name="evidence"),
    path("investigations/<str:ref>/export.json", run_actions.export, name="run-export"),
    path("investigations/<str:ref>/affected.csv", run_actions.affected_csv, name="run-affected"),
    path("investigations/<str:ref>/compare/", run_actions.compare, name="run-compare"),
    path("investigations/<str:ref>/cancel/", run_actions.cancel, name="run-cancel"),
    path("investigations/<str:ref>/again/", run_actions.again, name="run-again"),
    path("investigations/<str:ref>/feedback/", run_actions.feedback, name="run-feedback"),
    path("investigations/<str:ref>/steps/<str:step_id>/answer/", run_actions.answer, name="step-answer"),
    path("investigations/<str:ref>/question/", run_actions.question, name="run-question"),
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
    path("playbooks/words/", playbook_words.words, name="playbook-words"),
    *_editor("playbooks/new/", "playbook-new"),
    path("playbooks/<slug:key>/", playbooks.playbook, name="playbook"),
    path("playbooks/<slug:key>/diff/", playbooks.diff, name="playbook-diff"),
    *_editor("playbooks/<slug:key>/edit/", "playbook-edit"),
    path("playbooks/<slug:key>/v<int:number>/", playbooks.version, name="playbook-version"),
    path("playbooks/<slug:key>/v<int:number>/activate/", playbooks.activate, name="playbook-activate"),
    path("playbooks/<slug:key>/v<int:number>/approve/", playbook_publish.approve, name="playbook-approve"),
    path("playbooks/<slug:key>/v<int:number>/return/", playbook_publish.send_back, name="playbook-return"),
    path("playbooks/<slug:key>/v<int:number>/file.yaml", playbooks.source_file, name="playbook-file"),
    path("playbooks/<slug:key>/v<int:number>/dry-run/", dry_runs.start, name="dry-run-start"),
    path("dry-runs/<str:ref>/", dry_runs.dry_run, name="dry-run"),
    path("dry-runs/<str:ref>/live/", dry_runs.live, name="dry-run-live"),
    path("dry-runs/<str:ref>/cancel/", dry_runs.cancel, name="dry-run-cancel"),
    path("backtests/", backtest.backtests, name="backtests"),
    path("backtests/<str:ref>/", backtest.backtest, name="backtest"),
    path("backtests/<str:ref>/live/", backtest.live, name="backtest-live"),
    path("backtests/<str:ref>/cancel/", backtest.cancel, name="backtest-cancel"),
    path("backtests/<str:ref>/found/<str:ticket_ref>/", backtest.found, name="backtest-found"),
    path("classification/", textmodel.classification, name="classification"),
    path("classification/switch/", textmodel.switch, name="classification-switch"),
    path("classification/train/", textmodel.train, name="classification-train"),
    path("practice/", practice.practice, name="practice"),
    path("practice/tries/<int:pk>/", practice.attempt, name="practice-try"),
    path("practice/<str:ref>/", practice.case, name="practice-case"),
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
