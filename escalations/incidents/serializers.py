"""Wire shapes of incidents. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from escalations.incidents.customers import Listed
from escalations.incidents.terms import LONGEST_EVERY, SHORTEST_EVERY
from escalations.models import FollowUp, Incident, IncidentCustomer, IncidentEvent, IncidentSuggestion, IncidentUpdate

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_OBJECTS = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
_STRINGS = {"type": "array", "items": {"type": "string"}}


class IncidentListSerializer(serializers.ModelSerializer[Incident]):
    ref = serializers.CharField(read_only=True)
    team = serializers.CharField(source="team.slug", read_only=True)
    commander = serializers.CharField(source="commander.username", default=None, read_only=True, allow_null=True)
    declared_by = serializers.CharField(source="declared_by.username", default=None, read_only=True, allow_null=True)
    escalation = serializers.CharField(source="escalation.ref", default=None, read_only=True, allow_null=True)
    run = serializers.CharField(source="run.ref", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Incident
        fields: tuple[str, ...] = (
            "ref",
            "title",
            "severity",
            "status",
            "cause",
            "team",
            "commander",
            "channel",
            "run",
            "escalation",
            "declared_by",
            "declared_at",
            "began_at",
            "fixed_at",
            "back_since",
            "ended_at",
            "closed_at",
            "update_every_min",
            "next_update_at",
            "cause_label",
            "cause_text",
            "unproven_reason",
        )
        read_only_fields = fields


class IncidentEventSerializer(serializers.ModelSerializer[IncidentEvent]):
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)
    details = serializers.SerializerMethodField(help_text="What of it is a figure or a reference")

    class Meta:
        model = IncidentEvent
        fields = ("what", "at", "by", "via", "text", "details")
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_details(self, event: IncidentEvent) -> dict[str, Any]:
        if self.context.get("reads_directory", True):
            return dict(event.data)
        return {name: value for name, value in event.data.items() if name != "orgs"}


class IncidentUpdateSerializer(serializers.ModelSerializer[IncidentUpdate]):
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)
    texts = serializers.SerializerMethodField(help_text="Language -> words, with placeholders")
    findings = serializers.SerializerMethodField(help_text="Of the language check, when it was published")
    drafts = serializers.SerializerMethodField(
        help_text="What became of it in each ticket: drafted, renewed, kept (the owner has a draft), nobody, resolved"
    )
    is_late = serializers.BooleanField(read_only=True)

    class Meta:
        model = IncidentUpdate
        fields = (
            "id",
            "stage",
            "texts",
            "findings",
            "override_reason",
            "promised_for",
            "next_update_at",
            "drafts",
            "is_late",
            "by",
            "at",
        )
        read_only_fields = fields

    @extend_schema_field(_TEXTS)
    def get_texts(self, update: IncidentUpdate) -> dict[str, str]:
        return dict(update.texts)

    @extend_schema_field(_OBJECTS)
    def get_findings(self, update: IncidentUpdate) -> list[dict[str, Any]]:
        return list(update.findings)

    @extend_schema_field(_OBJECTS)
    def get_drafts(self, update: IncidentUpdate) -> list[dict[str, Any]]:
        return list(update.drafts)


class IncidentCustomerSerializer(serializers.Serializer[Listed]):
    id = serializers.IntegerField(source="row.pk")
    org_id = serializers.CharField(help_text="Empty for who may not read the customer directory")
    name = serializers.CharField()
    found = serializers.ChoiceField(choices=IncidentCustomer.Found.choices, source="row.found")
    measured = serializers.CharField(source="row.shown")
    tickets = serializers.SerializerMethodField(help_text="Linked ones; empty: has not written")
    mrr_minor = serializers.SerializerMethodField(help_text="Minor units a month; null: not known")
    mrr_currency = serializers.SerializerMethodField()
    told_at = serializers.DateTimeField(source="row.told_at", allow_null=True)
    told_by = serializers.CharField(source="row.told_by.username", default=None, allow_null=True)
    told_how = serializers.CharField(source="row.told_how", allow_blank=True)

    @extend_schema_field(_STRINGS)
    def get_tickets(self, one: Listed) -> list[str]:
        return list(one.tickets)

    @extend_schema_field({"type": ["integer", "null"]})
    def get_mrr_minor(self, one: Listed) -> int | None:
        return one.row.customer.mrr_minor if one.row.customer is not None and not one.is_hidden else None

    def get_mrr_currency(self, one: Listed) -> str:
        return one.row.customer.mrr_currency if one.row.customer is not None and not one.is_hidden else ""


class FollowUpSerializer(serializers.ModelSerializer[FollowUp]):
    owner = serializers.CharField(source="owner.username", default=None, read_only=True, allow_null=True)
    done_by = serializers.CharField(source="done_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = FollowUp
        fields = ("id", "text", "owner", "due_on", "link", "done_at", "done_by")
        read_only_fields = fields


class IncidentSerializer(IncidentListSerializer):
    """With everything that belongs to it; `context["customers"]` as the caller may see them."""

    contract = serializers.SerializerMethodField(help_text="engineering v3; null where none covered it")
    tickets = serializers.SerializerMethodField()
    notice = serializers.SerializerMethodField(help_text="Language -> the kept notice for customers without a ticket")
    customers = serializers.SerializerMethodField()
    updates = IncidentUpdateSerializer(many=True, read_only=True)
    follow_ups = FollowUpSerializer(many=True, read_only=True)
    history = IncidentEventSerializer(many=True, read_only=True)

    class Meta(IncidentListSerializer.Meta):
        fields = (
            *IncidentListSerializer.Meta.fields,
            "contract",
            "tickets",
            "notice",
            "customers",
            "updates",
            "follow_ups",
            "history",
        )
        read_only_fields = fields

    @extend_schema_field({"type": ["string", "null"]})
    def get_contract(self, incident: Incident) -> str | None:
        return str(incident.version) if incident.version is not None else None

    @extend_schema_field(_STRINGS)
    def get_tickets(self, incident: Incident) -> list[str]:
        return [one.ticket.ref for one in incident.links.all() if one.unlinked_at is None]

    @extend_schema_field(_TEXTS)
    def get_notice(self, incident: Incident) -> dict[str, str]:
        return dict(incident.notice)

    @extend_schema_field(IncidentCustomerSerializer(many=True))
    def get_customers(self, incident: Incident) -> Any:
        return IncidentCustomerSerializer(self.context["customers"].listed, many=True).data


class IncidentSuggestionSerializer(serializers.ModelSerializer[IncidentSuggestion]):
    team = serializers.CharField(source="team.slug", read_only=True)
    run = serializers.CharField(source="run.ref", read_only=True)
    silent = serializers.IntegerField(read_only=True, help_text="Customers that have not written")
    figures = serializers.CharField(read_only=True)
    tickets = serializers.SerializerMethodField()

    class Meta:
        model = IncidentSuggestion
        fields = (
            "id",
            "cause",
            "title",
            "severity",
            "team",
            "run",
            "customers",
            "wrote",
            "silent",
            "threshold",
            "figures",
            "tickets",
            "found_at",
        )
        read_only_fields = fields

    @extend_schema_field(_STRINGS)
    def get_tickets(self, one: IncidentSuggestion) -> list[str]:
        return list(one.tickets)


class IncidentOriginInput(serializers.Serializer[Any]):
    """From where it is declared: one of these."""

    ticket = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    escalation = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    suggestion = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class IncidentDeclareInput(IncidentOriginInput):
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    severity = serializers.CharField(max_length=4, required=False, allow_blank=True, default="")
    commander = serializers.CharField(
        max_length=150, required=False, allow_blank=True, default="", help_text="Empty: on call, else the caller"
    )
    channel = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    note = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    tickets = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, allow_null=True, default=None, max_length=200,
        help_text="Of the proposed ones those that are linked; null: all",
    )  # fmt: skip
    update_every_min = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=LONGEST_EVERY, help_text="0: as the contract says"
    )
    join = serializers.BooleanField(
        required=False, default=False, help_text="Join an open incident of the same cause instead of 409 incident_open"
    )


class IncidentProposalSerializer(serializers.Serializer[Any]):
    """What declaring would do. Nothing is stored."""

    cause = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.CharField()
    why = serializers.CharField(help_text="Of the severity")
    commander = serializers.CharField(source="commander.username")
    tickets = serializers.SerializerMethodField()
    silent = serializers.SerializerMethodField(help_text="How many measured customers have no ticket")
    update_every_min = serializers.SerializerMethodField()
    like = serializers.CharField(
        source="like.ref", default=None, allow_null=True, help_text="The open one of the cause"
    )
    does = serializers.SerializerMethodField(help_text="Each thing it does, in a sentence")

    @extend_schema_field(_STRINGS)
    def get_tickets(self, wanted: Any) -> list[str]:
        return [one.ref for one in wanted.tickets]

    def get_silent(self, wanted: Any) -> int:
        return len(wanted.silent)

    def get_update_every_min(self, wanted: Any) -> int:
        return int(wanted.terms().every_min)

    @extend_schema_field(_STRINGS)
    def get_does(self, wanted: Any) -> list[str]:
        return list(wanted.does(self.context["now"]))


class IncidentNoteInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4000)


class IncidentUpdateInput(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=IncidentUpdate.Stage.choices)
    texts = serializers.DictField(
        child=serializers.CharField(max_length=5000, allow_blank=True), required=False, default=dict,
        help_text="Language -> words; left out: the stage's templates. {next_update} stands for the promised time",
    )  # fmt: skip
    next_update_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="null: as the interval says"
    )
    override_reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    check_only = serializers.BooleanField(required=False, default=False, help_text="Tell the findings, publish nothing")


class IncidentCheckSerializer(serializers.Serializer[Any]):
    findings = serializers.SerializerMethodField()

    @extend_schema_field(_OBJECTS)
    def get_findings(self, checked: Any) -> list[dict[str, Any]]:
        return list(checked.as_list())


class IncidentChangeInput(serializers.Serializer[Any]):
    """What is left out stays as it is. `why` for severity and interval."""

    severity = serializers.CharField(max_length=4, required=False)
    commander = serializers.CharField(max_length=150, required=False, help_text="User name")
    channel = serializers.CharField(max_length=300, required=False, allow_blank=True)
    update_every_min = serializers.IntegerField(required=False, min_value=SHORTEST_EVERY, max_value=LONGEST_EVERY)
    why = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class IncidentTicketInput(serializers.Serializer[Any]):
    ticket = serializers.CharField(max_length=80)
    remove = serializers.BooleanField(required=False, default=False, help_text="Take it out instead")
    why = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class IncidentMoveInput(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=["fixed", "recovered", "not_recovered"])
    text = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class IncidentCloseInput(serializers.Serializer[Any]):
    cause_label = serializers.CharField(max_length=60)
    cause_text = serializers.CharField(max_length=4000)
    unproven_reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class IncidentReasonInput(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=1000)


class IncidentToldInput(serializers.Serializer[Any]):
    customers = serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=1, max_length=1000)
    how = serializers.ChoiceField(choices=IncidentCustomer.How.choices, required=False, default="mail")
    undo = serializers.BooleanField(required=False, default=False)


class FollowUpInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=500)
    owner = serializers.CharField(max_length=150, help_text="User name")
    due_on = serializers.DateField()
    link = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class FollowUpDoneInput(serializers.Serializer[Any]):
    done = serializers.BooleanField()
