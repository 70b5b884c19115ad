"""Wire shapes of handoffs. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from altor.models import User
from escalations.handoffs.giving import LONGEST
from escalations.models import Handoff, HandoffItem


class HandoffItemSerializer(serializers.ModelSerializer[HandoffItem]):
    ref = serializers.CharField(read_only=True, help_text="Of the ticket (TK-10134) or the escalation (ESC-57)")
    kind = serializers.SerializerMethodField()
    subject = serializers.CharField(read_only=True)
    urgency = serializers.SerializerMethodField()
    next_step = serializers.CharField(source="shown_next_step", read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, read_only=True, allow_null=True)
    evidence = serializers.SerializerMethodField(help_text="Lines of the newest diagnosis")
    promises = serializers.SerializerMethodField(help_text="What the customer was promised, the next one first")

    class Meta:
        model = HandoffItem
        fields = (
            "ref",
            "kind",
            "subject",
            "urgency",
            "status",
            "state",
            "evidence",
            "run_ref",
            "next_step",
            "note",
            "deadline_at",
            "deadline_kind",
            "promises",
            "is_beyond",
            "is_single",
            "came_late",
            "decided_by",
            "decided_at",
            "reason",
        )
        read_only_fields = fields
        extra_kwargs = {
            "is_beyond": {"help_text": "To accept it takes `keeps_promise`: it is due after the outgoing shift"}
        }

    is_single = serializers.BooleanField(read_only=True, help_text="Accepted on its own, never with the rest")

    @extend_schema_field({"type": "string", "enum": ["ticket", "escalation"]})
    def get_kind(self, item: HandoffItem) -> str:
        return "ticket" if item.ticket_id is not None else "escalation"

    @extend_schema_field({"type": "string", "enum": ["urgent", "promised", "soon", "rest"]})
    def get_urgency(self, item: HandoffItem) -> str:
        return HandoffItem.Urgency(item.urgency).name.lower()

    @extend_schema_field(
        {"type": "array", "items": {"type": "object", "properties": {"lead": {"type": "string"},
                                                                     "text": {"type": "string"}}}}
    )  # fmt: skip
    def get_evidence(self, item: HandoffItem) -> list[dict[str, Any]]:
        return [{"lead": lead, "text": text} for lead, text in item.evidence]

    @extend_schema_field(
        {"type": "array", "items": {"type": "object", "properties": {"due_at": {"type": "string",
                                    "format": "date-time"}, "words": {"type": "string"}}}}
    )  # fmt: skip
    def get_promises(self, item: HandoffItem) -> list[dict[str, Any]]:
        return [{"due_at": at, "words": words} for at, words in item.promises]


class HandoffListSerializer(serializers.ModelSerializer[Handoff]):
    ref = serializers.CharField(read_only=True)
    rotation = serializers.CharField(source="rotation.slug", read_only=True)
    team = serializers.CharField(source="team.slug", read_only=True)
    outgoing = serializers.CharField(source="outgoing.username", read_only=True)
    incoming = serializers.CharField(
        source="incoming.username", default=None, read_only=True, allow_null=True, help_text="Null: nobody follows"
    )
    revision = serializers.IntegerField(read_only=True, help_text="One more with each item that came or went")

    class Meta:
        model = Handoff
        fields: tuple[str, ...] = (
            "ref",
            "rotation",
            "seat",
            "team",
            "outgoing",
            "incoming",
            "ends_at",
            "incoming_from",
            "status",
            "note",
            "drafted_at",
            "read_at",
            "signed_at",
            "closed_at",
            "unaccepted_at",
            "revision",
        )
        read_only_fields: tuple[str, ...] = fields


class HandoffSerializer(HandoffListSerializer):
    items = serializers.SerializerMethodField(help_text="Those of tickets you may read")
    hidden = serializers.SerializerMethodField(help_text="How many more there are")

    class Meta(HandoffListSerializer.Meta):
        fields = (*HandoffListSerializer.Meta.fields, "items", "hidden")
        read_only_fields = fields

    @extend_schema_field(HandoffItemSerializer(many=True))
    def get_items(self, handoff: Handoff) -> Any:
        rows = handoff.items.visible_to(self._user).select_related("ticket", "escalation", "decided_by")
        return HandoffItemSerializer(rows, many=True).data

    @extend_schema_field(int)
    def get_hidden(self, handoff: Handoff) -> int:
        return handoff.items.count() - handoff.items.visible_to(self._user).count()

    @property
    def _user(self) -> User:
        user: User = self.context["user"]
        return user


class HandoffWordsSerializer(serializers.Serializer[Any]):
    item = serializers.CharField(max_length=80, help_text="Reference of the ticket or escalation")
    note = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    next_step = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST, help_text="Empty: the one that was read"
    )


class HandoffWriteInput(serializers.Serializer[Any]):
    note = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    items = HandoffWordsSerializer(many=True, required=False, default=list)

    def words(self) -> tuple[str | None, dict[str, dict[str, str]]]:
        given = self.validated_data
        return given.get("note"), {
            one["item"]: {name: one[name] for name in ("note", "next_step") if name in one} for one in given["items"]
        }


class HandoffSignInput(HandoffWriteInput):
    revision = serializers.IntegerField(
        required=False, allow_null=True, default=None, help_text="As you saw it: 409 when items came or went since"
    )


class HandoffAcceptInput(serializers.Serializer[Any]):
    item = serializers.CharField(
        required=False, allow_blank=True, max_length=80, default="", help_text="Empty: the rest, together"
    )
    keeps_promise = serializers.BooleanField(
        required=False, default=False, help_text="Needed where `is_beyond`: you keep what was promised"
    )


class HandoffRefuseInput(serializers.Serializer[Any]):
    item = serializers.CharField(max_length=80)
    reason = serializers.CharField(max_length=300)


class HandoffTakeInput(serializers.Serializer[Any]):
    item = serializers.CharField(
        required=False, allow_blank=True, max_length=80, default="", help_text="Empty: everything that is offered"
    )
    keeps_promise = serializers.BooleanField(
        required=False, default=False, help_text="Needed where `is_beyond`, unless you name somebody else"
    )
    to = serializers.CharField(
        required=False, allow_blank=True, max_length=150, default="",
        help_text="User name of whoever gets it, for leads; empty: you",
    )  # fmt: skip


class HandoffTakenSerializer(serializers.Serializer[Any]):
    taken = serializers.ListField(child=serializers.CharField(), help_text="References of what has moved")
    refused = serializers.ListField(child=serializers.CharField(), help_text="Sentences on what could not")
    handoff = HandoffSerializer()
