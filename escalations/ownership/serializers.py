"""Wire shapes of escalations. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from escalations.models import SlaPolicyVersion
from escalations.ownership.listing import Row
from escalations.ownership.shown import clock_told, standing_told

_ANY = {"type": "object", "additionalProperties": True}


class SlaPolicySerializer(serializers.ModelSerializer[SlaPolicyVersion]):
    key = serializers.CharField(source="policy.key", read_only=True)
    title = serializers.CharField(source="policy.title", read_only=True)
    tier = serializers.CharField(source="policy.tier", read_only=True, help_text="Empty: any")
    incident_class = serializers.CharField(source="policy.incident_class", read_only=True, help_text="Empty: any")
    priority = serializers.CharField(source="policy.priority", read_only=True, help_text="Empty: any")
    document = serializers.SerializerMethodField(help_text="Targets, hours and pauses, as in the file")
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = SlaPolicyVersion
        fields = (
            "key",
            "title",
            "tier",
            "incident_class",
            "priority",
            "number",
            "is_active",
            "document",
            "origin",
            "comment",
            "created_at",
            "created_by",
        )
        read_only_fields = fields

    @extend_schema_field(_ANY)
    def get_document(self, version: SlaPolicyVersion) -> dict[str, Any]:
        return dict(version.document)


class SlaPolicyInput(serializers.Serializer[Any]):
    policy = serializers.JSONField(
        help_text="The policy as an object: key, title, case, hours, targets, as in its file"
    )
    comment = serializers.CharField(required=False, allow_blank=True, max_length=300, default="")
    based_on = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The newest version you know: 409 when there is a newer",
    )


class QueueRowSerializer(serializers.Serializer[Row]):
    ref = serializers.CharField(source="ticket.ref")
    subject = serializers.CharField(source="ticket.subject")
    status = serializers.CharField(source="ticket.status")
    priority = serializers.CharField(source="ticket.priority")
    incident_class = serializers.CharField(source="ticket.incident_class")
    team = serializers.CharField(source="ticket.team.slug")
    owner = serializers.CharField(source="ticket.owner.username", default=None, allow_null=True)
    opened_at = serializers.DateTimeField(source="ticket.opened_at")
    customer = serializers.SerializerMethodField()
    clocks = serializers.SerializerMethodField(help_text="Those that run or pause")
    standing = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_customer(self, row: Row) -> dict[str, Any] | None:
        """Plan, tier, renewal and revenue; null while the customer is not known."""
        who = row.ticket.customer
        if who is None:
            return None
        return {
            "org_id": who.org_id, "name": who.name, "plan": who.plan, "tier": who.tier, "renews_on": who.renews_on,
            "mrr_minor": who.mrr_minor, "mrr_currency": who.mrr_currency,
        }  # fmt: skip

    @extend_schema_field({"type": "array", "items": _ANY})
    def get_clocks(self, row: Row) -> list[dict[str, Any]]:
        return [clock_told(clock) for clock in getattr(row.ticket, "live_clocks", [])]

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_standing(self, row: Row) -> dict[str, Any] | None:
        """When something is due first, and how the ticket was handed about; null while it was not read yet."""
        return standing_told(row.standing, self.context["now"]) if row.standing is not None else None


class QueueSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    results = QueueRowSerializer(many=True)
