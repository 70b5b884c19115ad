"""Shapes of the REST contract for entries at work."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.models import EntryUse, EntryVote, Learned, Recognition, Watch
from knowledge.recognition.watching import INTERVALS


class RecognitionSerializer(serializers.ModelSerializer[Recognition]):
    entry = serializers.CharField(source="entry.ref", read_only=True)
    title = serializers.CharField(source="entry.title", read_only=True)
    investigation = serializers.CharField(source="investigation.ref", read_only=True)
    ticket = serializers.CharField(source="investigation.ticket.ref", read_only=True)
    facts = serializers.DictField(read_only=True)
    requests = serializers.ListField(child=serializers.DictField(), read_only=True, help_text="As sent")
    rows = serializers.ListField(child=serializers.ListField(), read_only=True, help_text="At most twenty")
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Recognition
        fields = (
            "entry", "title", "investigation", "ticket", "version", "answered", "state", "says", "error_kind", "facts",
            "requests", "columns", "rows", "row_count", "truncated", "seconds", "at",
        )  # fmt: skip
        read_only_fields = fields


class UseInput(serializers.Serializer[Any]):
    ticket = serializers.CharField(max_length=80)
    verdict = serializers.ChoiceField(choices=["helped", "failed"])


class UseSerializer(serializers.ModelSerializer[EntryUse]):
    entry = serializers.CharField(source="entry.ref", read_only=True)
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = EntryUse
        fields = ("entry", "ticket", "verdict", "is_own", "by", "at")
        read_only_fields = fields


class VoteInput(serializers.Serializer[Any]):
    is_helpful = serializers.BooleanField()
    comment = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=500, help_text="What is wrong or missing"
    )


class VoteSerializer(serializers.ModelSerializer[EntryVote]):
    entry = serializers.CharField(source="entry.ref", read_only=True)

    class Meta:
        model = EntryVote
        fields = ("entry", "version", "is_helpful", "comment", "at")
        read_only_fields = fields


class WatchInput(serializers.Serializer[Any]):
    every_hours = serializers.ChoiceField(choices=sorted(INTERVALS))


class WatchSerializer(serializers.ModelSerializer[Watch]):
    since = serializers.DateTimeField(allow_null=True)
    asked_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Watch
        fields = ("every_hours", "answered", "says", "since", "asked_at", "due_at", "failures", "error")
        read_only_fields = fields


class LearnedInput(serializers.Serializer[Any]):
    ticket = serializers.CharField(max_length=80)
    how = serializers.ChoiceField(choices=Learned.How.choices)
    entry = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=20, help_text="For linked and improved: KB-112"
    )
    why = serializers.ChoiceField(choices=Learned.Why.choices, required=False, default="", allow_blank=True)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class LearnedSerializer(serializers.ModelSerializer[Learned]):
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    entry = serializers.SerializerMethodField(help_text="Null for one that you may not read")
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Learned
        fields = ("ticket", "resolved_at", "how", "why", "reason", "entry", "by", "at")
        read_only_fields = fields

    def get_entry(self, said: Learned) -> str | None:
        return said.entry.ref if said.entry is not None and said.entry_id in self.context.get("readable", ()) else None
