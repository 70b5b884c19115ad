"""Wire shapes of knowledge. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.models import ReplyTemplateVersion


class ReplyTemplateSerializer(serializers.ModelSerializer[ReplyTemplateVersion]):
    key = serializers.CharField(source="template.key", read_only=True)
    title = serializers.CharField(source="template.title", read_only=True)
    kind = serializers.CharField(source="template.kind", read_only=True, help_text="acknowledgement, holding or answer")
    incident_class = serializers.CharField(source="template.incident_class", read_only=True, help_text="Empty: any")
    cause = serializers.CharField(
        source="template.label", read_only=True, help_text="Its label; `inconclusive`; empty: any named cause"
    )
    language = serializers.CharField(source="template.language", read_only=True)
    tone = serializers.CharField(source="template.tone", read_only=True)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = ReplyTemplateVersion
        fields = (
            "key",
            "title",
            "kind",
            "incident_class",
            "cause",
            "language",
            "tone",
            "number",
            "is_active",
            "origin",
            "comment",
            "created_at",
            "created_by",
            "greeting",
            "observed",
            "scope",
            "next_step",
            "eta",
            "closing",
        )
        read_only_fields = fields


class ReplyPreviewInput(serializers.Serializer[Any]):
    investigation = serializers.CharField(max_length=40, help_text="A finished investigation: INV-7")


class ReplyFactSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.JSONField(help_text="As it was measured")
    shown = serializers.CharField(help_text="As it is told", allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField(), help_text="Ids of the investigation's evidence")


class ReplyStatementSerializer(serializers.Serializer[Any]):
    part = serializers.CharField(help_text="greeting, observed, scope, next_step, eta or closing")
    text = serializers.CharField()
    kind = serializers.CharField(help_text="fact, unknown, promise or courtesy")
    facts = ReplyFactSerializer(many=True)


class ReplyPreviewSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    statements = ReplyStatementSerializer(many=True)
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Placeholders that nothing is known for")
    fits = serializers.BooleanField(help_text="Whether the template would be offered for this diagnosis")
