"""Wire shapes of root-cause entries. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from knowledge.entries.content import LONGEST
from knowledge.models import Entry, EntryChange, EntryVersion
from knowledge.models.entries import Audience, Confidence, Governance, LinkKind
from knowledge.search.finding import MOST, as_parts


class EntrySerializer(serializers.ModelSerializer[Entry]):
    ref = serializers.CharField(read_only=True, help_text="KB-112")
    owner = serializers.CharField(source="owner.username", default=None, read_only=True, allow_null=True)
    team = serializers.CharField(
        source="team.slug", default=None, read_only=True, allow_null=True, help_text="Null: for every team"
    )
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    saved_by = serializers.CharField(source="saved_by.username", default=None, read_only=True, allow_null=True)
    detection = serializers.JSONField(
        read_only=True, allow_null=True, help_text="The detection query; see its reference"
    )

    class Meta:
        model = Entry
        fields = (
            "ref", "uid", "revision", "title", "language", "incident_class", "label", "symptoms", "root_cause",
            "detection", "remediation", "escalation_criteria", "customer_wording", "components", "versions", "tiers",
            "confidence", "audience", "governance", "team", "owner", "review_on", "reuses", "failures", "last_used_at",
            "created_at", "created_by", "saved_at", "saved_by",
        )  # fmt: skip
        read_only_fields = fields


class _Words(serializers.Serializer[Any]):
    """The content; `knowledge.entries.content` checks it, for every door the same."""

    title = serializers.CharField(max_length=300)
    language = serializers.CharField(required=False, max_length=8)
    incident_class = serializers.CharField(required=False, allow_blank=True, max_length=20)
    label = serializers.CharField(  # type: ignore[assignment]  # a field of that name
        required=False, allow_blank=True, max_length=60
    )
    symptoms = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    root_cause = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    detection = serializers.JSONField(required=False, allow_null=True)
    remediation = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    escalation_criteria = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    customer_wording = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    components = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    versions = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    tiers = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=300, help_text="Of the version")

    def validate_detection(self, value: Any) -> Any:
        if value is not None and not isinstance(value, dict):
            raise serializers.ValidationError("A detection query is an object.")
        return value


class EntryInput(_Words):
    team = serializers.CharField(required=False, allow_blank=True, max_length=60, help_text="Slug; empty: every team")


class EntryPatch(_Words):
    title = serializers.CharField(required=False, max_length=300)
    revision = serializers.IntegerField(required=True, min_value=1, max_value=2**31 - 1, help_text="The one you read")

    def validate(self, attrs: Any) -> Any:
        # A partial update skips what is required.
        if "revision" not in attrs:
            raise serializers.ValidationError({"revision": ["Say which revision you have read."]})
        return attrs


class StateInput(serializers.Serializer[Any]):
    confidence = serializers.ChoiceField(choices=Confidence.choices, required=False)
    audience = serializers.ChoiceField(choices=Audience.choices, required=False)
    governance = serializers.ChoiceField(choices=Governance.choices, required=False)
    team = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=60)
    owner = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=150)
    review_on = serializers.DateField(required=False, allow_null=True)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500)


class EntryVersionSerializer(serializers.ModelSerializer[EntryVersion]):
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    content = serializers.JSONField(read_only=True, help_text="Field -> value")

    class Meta:
        model = EntryVersion
        fields = ("number", "origin", "comment", "created_at", "created_by", "content")
        read_only_fields = fields


class StateChangeSerializer(serializers.ModelSerializer[EntryChange]):
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = EntryChange
        fields = ("field", "before", "after", "why", "reason", "version", "at", "by")
        read_only_fields = fields


class EntryLinkSerializer(serializers.Serializer[Any]):
    pk = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=LinkKind.choices)
    ref = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    title = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class EntryLinkInput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=LinkKind.choices)
    ref = serializers.CharField(max_length=400, help_text="ZD-48213, INV-812, ESC-57, ENG-412, acme/api#12, https://…")
    title = serializers.CharField(required=False, allow_blank=True, max_length=200)


class _FilterFields(serializers.Serializer[Any]):
    label = serializers.CharField(  # type: ignore[assignment]  # a field of that name
        required=False, default="", allow_blank=True, max_length=60
    )
    component = serializers.CharField(required=False, default="", allow_blank=True, max_length=80)
    confidence = serializers.ListField(
        child=serializers.ChoiceField(choices=Confidence.choices), required=False, default=list,
        help_text="None: all but archived ones",
    )  # fmt: skip
    audience = serializers.ChoiceField(
        choices=Audience.choices, required=False, default="", allow_blank=True, help_text="The narrowest that is wanted"
    )
    tier = serializers.CharField(required=False, default="", allow_blank=True, max_length=40, help_text="Of a customer")
    language = serializers.CharField(required=False, default="", allow_blank=True, max_length=8)
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=MOST)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        found = super().get_fields()
        found["class"] = serializers.CharField(required=False, default="", allow_blank=True, max_length=20)
        return found


class SearchQuery(_FilterFields):
    q = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class MatchInput(_FilterFields):
    text = serializers.CharField(required=False, allow_blank=True, max_length=100_000, help_text="What the ticket says")
    subject = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    ticket = serializers.CharField(required=False, allow_blank=True, max_length=80, help_text="Or its reference here")


class TermSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="A word, or two beside each other")
    weight = serializers.FloatField(help_text="Its share of what all shared terms count, 0 to 1")


class WhySerializer(serializers.Serializer[Any]):
    words = serializers.FloatField(help_text="BM25 against the best of the candidates, 0 to 1")
    whole = serializers.FloatField(allow_null=True, help_text="Cosine of text and entry; null without the model")
    heading = serializers.FloatField(allow_null=True, help_text="Cosine of text and title; null without the model")
    title = serializers.FloatField(help_text="Share of the title's words, by their rarity, that the text has")
    names = serializers.ListField(child=serializers.CharField(), help_text="Identifiers that both have")
    terms = TermSerializer(many=True)


class PartSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    hit = serializers.BooleanField()


class FoundSerializer(serializers.Serializer[Any]):
    entry = EntrySerializer()
    score = serializers.FloatField(source="match.score", help_text="Orders this answer; no probability")
    why = WhySerializer(source="match")
    title = serializers.SerializerMethodField(help_text="The title, what was looked for told apart")
    passage = serializers.SerializerMethodField(help_text="The passage that has most of it")

    @extend_schema_field(PartSerializer(many=True))
    def get_title(self, found: Any) -> list[dict[str, Any]]:
        return as_parts(found.title)

    @extend_schema_field(PartSerializer(many=True))
    def get_passage(self, found: Any) -> list[dict[str, Any]]:
        return as_parts(found.passage)


class ListedSerializer(serializers.Serializer[Any]):
    entry = EntrySerializer()
    score = serializers.FloatField(required=False)
    why = WhySerializer(required=False)
    title = PartSerializer(many=True, required=False)
    passage = PartSerializer(many=True, required=False)


# One answer with its results in it, not an item of a list.
@extend_schema_serializer(many=False)
class SearchResultSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ListedSerializer(many=True)
    mended = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Word as typed -> word that was looked for"
    )
    by_words_only = serializers.BooleanField(required=False, help_text="The model is missing: fewer are found")
    seconds = serializers.FloatField(required=False)
