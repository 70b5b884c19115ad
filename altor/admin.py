"""Administration of people, tokens, events, inbound and outbound deliveries, notices."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from altor.access import person
from altor.admin_site import Editable, Readable
from altor.models import (
    ApiToken,
    AuditEvent,
    IdempotencyRecord,
    InboundEndpoint,
    InboundEvent,
    Membership,
    Notice,
    NoticeChannel,
    NoticeDelivery,
    OutboundAttempt,
    OutboundDelivery,
    OutboundEndpoint,
    PhaseEvent,
    Team,
    User,
)
from altor.tokens import revoke_token


@admin.register(User)
class UserAdmin(Readable):
    """People are edited on their own page, which ends their sessions and keeps the last administrator."""

    list_display = ("username", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email", "first_name", "last_name")
    exclude = ("password", "user_permissions", "groups", "is_superuser")


@admin.register(Team)
class TeamAdmin(Editable):
    list_display = ("name", "slug", "timezone", "is_default")
    search_fields = ("name",)


@admin.register(Membership)
class MembershipAdmin(Readable):
    list_display = ("user", "team")
    list_select_related = ("user", "team")


@admin.register(ApiToken)
class ApiTokenAdmin(Readable):
    list_display = ("name", "user", "kind", "lookup", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = ("kind",)
    search_fields = ("name", "lookup", "user__username")
    secret_fields = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token, actor=person(request))
        self.message_user(request, "The chosen tokens are revoked.")


@admin.register(AuditEvent)
class AuditEventAdmin(Readable):
    list_display = ("at", "actor_label", "action", "object_kind", "object_ref", "origin")
    search_fields = ("action", "object_ref", "actor_label", "request_id")


@admin.register(PhaseEvent)
class PhaseEventAdmin(Readable):
    list_display = ("at", "ticket_ref", "subject_ref", "kind", "actor")
    list_select_related = ("actor",)
    list_filter = ("kind",)
    search_fields = ("ticket_ref", "subject_ref")


@admin.register(InboundEndpoint)
class InboundEndpointAdmin(Readable):
    list_display = ("source", "connection", "title", "ticket_prefix", "is_active")
    secret_fields = ("secrets",)


@admin.register(InboundEvent)
class InboundEventAdmin(Readable):
    list_display = ("received_at", "endpoint", "kind", "delivery_key", "status", "attempts", "result_ref")
    list_select_related = ("endpoint",)
    list_filter = ("status",)
    search_fields = ("delivery_key", "result_ref")


@admin.register(OutboundEndpoint)
class OutboundEndpointAdmin(Readable):
    list_display = ("slug", "title", "url", "is_active", "failing_since", "last_success_at")
    secret_fields = ("secrets",)


@admin.register(OutboundDelivery)
class OutboundDeliveryAdmin(Readable):
    list_display = ("created_at", "endpoint", "event_type", "message_id", "status", "attempts")
    list_select_related = ("endpoint",)
    list_filter = ("status",)
    search_fields = ("message_id", "key")


@admin.register(OutboundAttempt)
class OutboundAttemptAdmin(Readable):
    list_display = ("started_at", "delivery", "number", "status", "latency_ms", "error")
    list_select_related = ("delivery",)


@admin.register(NoticeChannel)
class NoticeChannelAdmin(Readable):
    list_display = ("slug", "title", "kind", "team", "is_active", "last_ok_at", "last_error")
    list_select_related = ("team",)
    secret_fields = ("secret",)


@admin.register(Notice)
class NoticeAdmin(Readable):
    list_display = ("created_at", "kind", "subject_ref", "title")
    list_filter = ("kind",)
    search_fields = ("subject_ref", "key")


@admin.register(NoticeDelivery)
class NoticeDeliveryAdmin(Readable):
    list_display = ("created_at", "notice", "place", "mode", "status", "attempts", "why")
    list_select_related = ("notice",)
    list_filter = ("status", "mode")


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(Readable):
    list_display = ("created_at", "user", "method", "path", "status")
    list_select_related = ("user",)
    secret_fields = ("response",)
