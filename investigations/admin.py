"""Administration of customers, tickets, connections, playbooks and runs. Decisions are taken on the pages."""

from __future__ import annotations

from django.contrib import admin

from altor.admin_site import Editable, Readable
from investigations.models import (
    Connection,
    Customer,
    Evidence,
    Feedback,
    GateOverride,
    InstallationProfile,
    Investigation,
    PlaybookVersion,
    StepResult,
    Ticket,
    TicketClaim,
)


@admin.register(Customer)
class CustomerAdmin(Editable):
    list_display = ("org_id", "name", "plan", "tier", "stripe_customer", "linear_customer")
    list_filter = ("plan", "tier")
    search_fields = ("org_id", "name", "stripe_customer")


@admin.register(Ticket)
class TicketAdmin(Readable):
    list_display = ("ref", "subject", "status", "incident_class", "customer", "team", "owner", "opened_at")
    list_select_related = ("customer", "team", "owner")
    list_filter = ("status", "incident_class", "team")
    search_fields = ("ref", "subject", "external_id")


@admin.register(TicketClaim)
class TicketClaimAdmin(Readable):
    list_display = ("ticket", "kind", "value", "origin", "is_active")
    list_select_related = ("ticket",)
    list_filter = ("kind", "origin")
    search_fields = ("value", "ticket__ref")


@admin.register(Connection)
class ConnectionAdmin(Readable):
    """Edited on the connections page, which checks the address and tests the key."""

    list_display = ("source", "name", "base_url", "is_active", "health", "checked_at", "last_ok_at", "latency_ms")
    list_filter = ("source", "health")
    secret_fields = ("secret",)


@admin.register(InstallationProfile)
class InstallationProfileAdmin(Readable):
    list_display = ("pk", "created_at", "created_by", "comment")
    list_select_related = ("created_by",)


@admin.register(PlaybookVersion)
class PlaybookVersionAdmin(Readable):
    list_display = ("key", "version", "title", "incident_class", "is_active", "origin", "created_at")
    list_filter = ("key", "is_active", "origin")
    search_fields = ("key", "title", "sha256")


@admin.register(Investigation)
class InvestigationAdmin(Readable):
    list_display = ("ref", "ticket", "playbook", "status", "attempt", "top_label", "confidence", "seconds", "queued_at")
    list_select_related = ("ticket", "playbook")
    list_filter = ("status", "trigger", "severity")
    search_fields = ("ticket__ref", "top_label", "event_key")


@admin.register(StepResult)
class StepResultAdmin(Readable):
    list_display = ("investigation", "position", "step_id", "source", "status", "verdict", "seconds")
    list_select_related = ("investigation",)
    list_filter = ("status", "source", "error_kind")
    search_fields = ("step_id",)


@admin.register(Evidence)
class EvidenceAdmin(Readable):
    list_display = ("investigation", "ref_id", "source", "kind", "verdict", "at", "fetched_at")
    list_select_related = ("investigation",)
    list_filter = ("source", "verdict", "kind")


@admin.register(GateOverride)
class GateOverrideAdmin(Readable):
    list_display = ("investigation", "gate", "user", "at", "reason")
    list_select_related = ("investigation", "user")


@admin.register(Feedback)
class FeedbackAdmin(Readable):
    list_display = ("investigation", "verdict", "label", "user", "at")
    list_select_related = ("investigation", "user")
    list_filter = ("verdict",)
