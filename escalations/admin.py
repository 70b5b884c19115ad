"""Administration of escalations: to read. They are sent and moved on the pages, by REST and from Linear."""

from __future__ import annotations

from django.contrib import admin

from altor.admin_site import Readable
from escalations.models import (
    Contract,
    ContractVersion,
    Escalation,
    EscalationEvent,
    FollowUp,
    GapTask,
    Incident,
    IncidentEvent,
    IncidentSuggestion,
    Recovery,
    Verdict,
)


@admin.register(Contract)
class ContractAdmin(Readable):
    list_display = ("key", "title", "created_at")
    search_fields = ("key", "title")


@admin.register(ContractVersion)
class ContractVersionAdmin(Readable):
    list_display = ("contract", "number", "is_active", "origin", "comment", "created_at", "created_by")
    list_select_related = ("contract", "created_by")
    list_filter = ("is_active", "origin")


@admin.register(Escalation)
class EscalationAdmin(Readable):
    list_display = ("ref", "title", "severity", "status", "completeness", "ticket", "owner_team", "sent_at")
    list_select_related = ("ticket", "owner_team")
    list_filter = ("status", "severity", "completeness", "is_broken")
    search_fields = ("title", "cause", "ticket__ref")
    exclude = ("token", "link_nonce")


@admin.register(EscalationEvent)
class EscalationEventAdmin(Readable):
    list_display = ("escalation", "what", "at", "by", "via")
    list_select_related = ("escalation", "by")
    list_filter = ("what", "via")


@admin.register(Recovery)
class RecoveryAdmin(Readable):
    list_display = ("ref", "escalation", "status", "fixed_at", "measured_at", "back_since")
    list_select_related = ("escalation",)
    list_filter = ("status",)
    search_fields = ("escalation__title", "run__ticket__ref")


@admin.register(GapTask)
class GapTaskAdmin(Readable):
    list_display = ("escalation", "title", "due_at", "closed_at")
    list_select_related = ("escalation",)


@admin.register(Verdict)
class VerdictAdmin(Readable):
    list_display = ("escalation", "is_complete", "was_avoidable", "by", "at")
    list_select_related = ("escalation", "by")


@admin.register(Incident)
class IncidentAdmin(Readable):
    list_display = ("ref", "title", "severity", "status", "commander", "team", "declared_at", "next_update_at")
    list_select_related = ("commander", "team")
    list_filter = ("status", "severity")
    search_fields = ("title", "cause")
    exclude = ("token",)


@admin.register(IncidentEvent)
class IncidentEventAdmin(Readable):
    list_display = ("incident", "what", "at", "by", "via")
    list_select_related = ("incident", "by")
    list_filter = ("what", "via")


@admin.register(IncidentSuggestion)
class IncidentSuggestionAdmin(Readable):
    list_display = ("title", "severity", "customers", "wrote", "found_at", "dismissed_at", "became")
    list_select_related = ("became",)


@admin.register(FollowUp)
class FollowUpAdmin(Readable):
    list_display = ("incident", "text", "owner", "due_on", "done_at")
    list_select_related = ("incident", "owner")
