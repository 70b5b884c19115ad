"""Wire shapes. Every list of fields is written out; what is read and what may be written are separate classes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from altor.models import PhaseEvent
from altor.registry import parts
from investigations.models import (
    Customer,
    Evidence,
    Feedback,
    GateOverride,
    Investigation,
    StepResult,
    Ticket,
    TicketClaim,
    TicketClosure,
)
from investigations.services.closures import LONGEST_REASON

_WHY = {"type": "object", "additionalProperties": True}


class ClaimSerializer(serializers.ModelSerializer[TicketClaim]):
    edited_by = serializers.CharField(source="edited_by.username", default=None, read_only=True)

    class Meta:
        model = TicketClaim
        fields = ("id", "kind", "name", "value", "quote", "precision_s", "origin", "edited_by", "is_active")
        read_only_fields = fields


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = (
            "org_id",
            "name",
            "domains",
            "emails",
            "plan",
            "tier",
            "stripe_customer",
            "linear_customer",
            "mrr_minor",
            "mrr_currency",
            "renews_on",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class CustomerBriefSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ("org_id", "name", "plan", "tier")
        read_only_fields = fields


class TicketListSerializer(serializers.ModelSerializer[Ticket]):
    incident_class = serializers.CharField(read_only=True, help_text="Empty while it is not known")
    customer = CustomerBriefSerializer(read_only=True, allow_null=True)
    team = serializers.CharField(source="team.slug", read_only=True)
    owner = serializers.CharField(source="owner.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Ticket
        fields: tuple[str, ...] = (
            "ref",
            "helpdesk",
            "connection",
            "external_id",
            "url",
            "subject",
            "channel",
            "priority",
            "tags",
            "status",
            "incident_class",
            "customer",
            "team",
            "owner",
            "opened_at",
            "received_at",
            "updated_at",
            "resolved_at",
            "version",
        )
        read_only_fields = fields


class RequesterSerializer(serializers.Serializer[Ticket]):
    name = serializers.CharField(source="requester_name", read_only=True)
    email = serializers.CharField(source="requester_email", read_only=True)


class TicketSerializer(TicketListSerializer):
    requester = RequesterSerializer(source="*", read_only=True)
    claims = ClaimSerializer(many=True, read_only=True)
    clocks = serializers.SerializerMethodField(help_text="What the customer was promised, and how it stands")
    ownership = serializers.SerializerMethodField(help_text="Who has it since when, and how it was handed about")
    investigations = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField(help_text="What of the request was ignored or cut")

    class Meta(TicketListSerializer.Meta):
        fields = (
            *TicketListSerializer.Meta.fields,
            "description",
            "requester",
            "organization",
            "class_why",
            "customer_why",
            "claims",
            "clocks",
            "ownership",
            "investigations",
            "warnings",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": _WHY})
    def get_clocks(self, ticket: Ticket) -> list[dict[str, Any]]:
        return [clock for told in self._told(ticket) for clock in told["clocks"]]

    @extend_schema_field(_WHY)
    def get_ownership(self, ticket: Ticket) -> dict[str, Any]:
        return {name: value for told in self._told(ticket) for name, value in told["ownership"].items()}

    def _told(self, ticket: Ticket) -> list[dict[str, Any]]:
        """What the apps above say; asked once for both."""
        kept: dict[int, list[dict[str, Any]]] = self.__dict__.setdefault("_kept", {})
        if ticket.pk not in kept:
            kept[ticket.pk] = [tells(ticket) for tells in parts("TICKET_CLOCKS")]
        return kept[ticket.pk]

    def get_investigations(self, ticket: Ticket) -> list[str]:
        """References of the ticket's runs, newest first."""
        return [run.ref for run in ticket.investigations.all()]

    def get_warnings(self, ticket: Ticket) -> list[str]:
        found: list[str] = self.context.get("warnings", [])
        return found


class RunListSerializer(serializers.ModelSerializer[Investigation]):
    ref = serializers.CharField(read_only=True)
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    incident_class = serializers.CharField(source="ticket.incident_class", read_only=True)
    playbook = serializers.CharField(source="playbook.key", default=None, read_only=True, allow_null=True)
    playbook_version = serializers.IntegerField(
        source="playbook.version", default=None, read_only=True, allow_null=True
    )
    requested_by = serializers.CharField(source="requested_by.username", default=None, read_only=True, allow_null=True)
    previous = serializers.SerializerMethodField()

    class Meta:
        model = Investigation
        fields: tuple[str, ...] = (
            "ref",
            "ticket",
            "incident_class",
            "playbook",
            "playbook_version",
            "status",
            "trigger",
            "requested_by",
            "previous",
            "as_of",
            "queued_at",
            "started_at",
            "finished_at",
            "seconds",
            "upstream_seconds",
            "attempt",
            "failure",
            "top_label",
            "confidence",
            "severity",
        )
        read_only_fields = fields

    def get_previous(self, run: Investigation) -> str | None:
        return f"INV-{run.previous_id}" if run.previous_id else None


class StepSerializer(serializers.ModelSerializer[StepResult]):
    verdict = serializers.CharField(read_only=True, help_text="normal, abnormal, inconclusive, or empty")
    answered_by = serializers.CharField(source="answered_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = StepResult
        fields = (
            "step_id",
            "position",
            "title",
            "source",
            "status",
            "verdict",
            "result",
            "facts",
            "error_kind",
            "error",
            "requests",
            "truncated",
            "newest_at",
            "attempt",
            "started_at",
            "finished_at",
            "seconds",
            "answer",
            "answered_by",
            "answered_at",
        )
        read_only_fields = fields


class EvidenceListSerializer(serializers.ModelSerializer[Evidence]):
    step = serializers.CharField(source="step.step_id", read_only=True)

    class Meta:
        model = Evidence
        fields: tuple[str, ...] = (
            "ref_id",
            "step",
            "source",
            "kind",
            "ref",
            "title",
            "summary",
            "verdict",
            "at",
            "fetched_at",
            "url",
            "figures",
            "row_count",
            "truncated",
            "sha256",
        )
        read_only_fields = fields


class EvidenceSerializer(EvidenceListSerializer):
    class Meta(EvidenceListSerializer.Meta):
        fields = (*EvidenceListSerializer.Meta.fields, "columns", "rows", "requests")
        read_only_fields = fields


class PhaseSerializer(serializers.ModelSerializer[PhaseEvent]):
    actor = serializers.CharField(source="actor.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = PhaseEvent
        fields = ("kind", "at", "recorded_at", "actor", "data")
        read_only_fields = fields


class FeedbackSerializer(serializers.ModelSerializer[Feedback]):
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Feedback
        fields = ("verdict", "grade", "label", "comment", "user", "at")
        read_only_fields = fields


class OverrideSerializer(serializers.ModelSerializer[GateOverride]):
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = GateOverride
        fields = ("gate", "missing", "reason", "user", "at")
        read_only_fields = fields


class RunSerializer(RunListSerializer):
    inputs = serializers.JSONField(read_only=True)
    phases = serializers.SerializerMethodField()
    steps = StepSerializer(many=True, read_only=True)
    evidence = EvidenceListSerializer(many=True, read_only=True)
    diagnosis = serializers.SerializerMethodField()
    gates = serializers.SerializerMethodField()
    overrides = OverrideSerializer(many=True, read_only=True)
    feedback = FeedbackSerializer(many=True, read_only=True)

    class Meta(RunListSerializer.Meta):
        fields = (
            *RunListSerializer.Meta.fields,
            "inputs",
            "phases",
            "steps",
            "evidence",
            "diagnosis",
            "gates",
            "overrides",
            "feedback",
            "live_version",
        )
        read_only_fields = fields

    @extend_schema_field(PhaseSerializer(many=True))
    def get_phases(self, run: Investigation) -> Any:
        return PhaseSerializer(self.context.get("phases", []), many=True).data

    @extend_schema_field({**_WHY, "nullable": True, "description": "The object of the command's JSON output"})
    def get_diagnosis(self, run: Investigation) -> Any:
        return self.context.get("diagnosis")

    @extend_schema_field(_WHY)
    def get_gates(self, run: Investigation) -> Any:
        return self.context.get("gates", {})


# ------------------------------------------------------------------------------------------------------------ written
class RequesterInput(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=200)
    email = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=254)
    timezone = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=60)


class OrganizationInput(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=200)
    domain = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=253)
    external_id = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=120)


class TicketInput(serializers.Serializer[Any]):
    """Documents the body of POST tickets/; `investigations.intake.payload` validates it, for every door the same."""

    id = serializers.CharField(max_length=64, help_text="The helpdesk's id; a number is read as text")
    helpdesk = serializers.CharField(required=False, default="generic", max_length=20)
    created_at = serializers.DateTimeField(required=False, allow_null=True)
    subject = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=5000)
    description = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    channel = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=40)
    priority = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=40)
    url = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=500)
    requester = RequesterInput(required=False, allow_null=True)
    organization = OrganizationInput(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=80), required=False, max_length=50)


class ClaimEditInput(serializers.Serializer[Any]):
    claim_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**62)
    kind = serializers.ChoiceField(choices=TicketClaim.Kind.choices, required=False)
    value = serializers.CharField(required=False, max_length=300)
    is_active = serializers.BooleanField(required=False)
    precision_s = serializers.IntegerField(required=False, min_value=1, max_value=10_000_000)


class TicketCorrection(serializers.Serializer[Any]):
    """All parts are optional; what is left out stays as it is."""

    customer = serializers.CharField(required=False, max_length=120, help_text="org_id of the directory")
    incident_class = serializers.CharField(required=False, allow_blank=True, max_length=20)
    owner = serializers.CharField(
        required=False, max_length=150, help_text="Username of a colleague who sees the ticket"
    )
    claims = ClaimEditInput(many=True, required=False)


class StartRunInput(serializers.Serializer[Any]):
    playbook = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=60)
    as_of = serializers.DateTimeField(required=False, allow_null=True, help_text="The run's clock; default now")


class ClosureInput(serializers.Serializer[Any]):
    how = serializers.ChoiceField(choices=TicketClosure.How.choices)
    cause = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=60, help_text="The label of what it really was"
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_REASON)


class ReplyInput(serializers.Serializer[Any]):
    text = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=100_000,
        help_text="What was sent; kept redacted, at most 20,000 characters of it",
    )


class FeedbackInput(serializers.Serializer[Any]):
    """A verdict or a grade; `exact` is accepted, every other grade corrected."""

    verdict = serializers.ChoiceField(choices=["accepted", "corrected"], required=False)
    grade = serializers.ChoiceField(choices=Feedback.Grade.choices, required=False)
    label = serializers.CharField(required=False, allow_blank=True, default="", max_length=60)  # type: ignore[assignment]  # a field called label
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=10_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("verdict") or attrs.get("grade")):
            raise serializers.ValidationError({"verdict": "Give a verdict or a grade."})
        return attrs


class AffectedCustomerSerializer(serializers.Serializer[Any]):
    org_id = serializers.CharField()
    name = serializers.CharField(help_text="From the directory; the org_id of a customer that is not in it")
    value = serializers.FloatField(help_text="As measured since `since`; a share is 0 to 1")
    before = serializers.FloatField(allow_null=True)
    n = serializers.FloatField(help_text="Records since `since`")
    mrr_minor = serializers.IntegerField(allow_null=True, help_text="Revenue a month in minor units; null: not known")
    mrr_currency = serializers.CharField()
    tickets = serializers.ListField(
        child=serializers.CharField(), help_text="What they wrote about it, of the tickets that you may see"
    )


class AffectedListSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    unit = serializers.CharField(help_text="%, ms or s")
    since = serializers.CharField(allow_null=True)
    total = serializers.IntegerField(help_text="All that show it, also those beyond the list")
    customers = AffectedCustomerSerializer(many=True)


class AnswerInput(serializers.Serializer[Any]):
    answer = serializers.JSONField(allow_null=False)


class QuestionAnswerInput(serializers.Serializer[Any]):
    answer = serializers.JSONField(allow_null=False, help_text="A text, a number, true or false")
    name = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=60, help_text="The question's `name`, to be sure"
    )


class OverrideInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class AssignInput(serializers.Serializer[Any]):
    owner = serializers.CharField(max_length=150, help_text="User name")
    seen = serializers.CharField(
        required=False, allow_blank=True, max_length=150,
        help_text="User name of the owner as you saw it, empty for nobody; left out: whoever it is",
    )  # fmt: skip


class ReturnInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)
    team = serializers.SlugField(required=False, allow_blank=True, max_length=60, help_text="Of another team's queue")


class CustomerInput(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    domains = serializers.ListField(child=serializers.CharField(max_length=253), required=False, max_length=200)
    emails = serializers.ListField(child=serializers.EmailField(), required=False, max_length=500)
    plan = serializers.CharField(required=False, allow_blank=True, max_length=80)
    tier = serializers.CharField(required=False, allow_blank=True, max_length=40)
    stripe_customer = serializers.CharField(required=False, allow_blank=True, max_length=80)
    linear_customer = serializers.CharField(required=False, allow_blank=True, max_length=80)
    mrr_minor = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=10**15 - 1, help_text="Revenue a month, in minor units"
    )
    mrr_currency = serializers.RegexField(r"^[A-Za-z]{3}$", required=False, help_text="Three letters, e.g. EUR")
    renews_on = serializers.DateField(required=False, allow_null=True, help_text="When the contract is renewed next")


class CustomerRecordInput(CustomerInput):
    org_id = serializers.CharField(max_length=120)


class DirectoryInput(serializers.Serializer[Any]):
    customers = CustomerRecordInput(many=True)

    def validate_customers(self, rows: list[Any]) -> list[Any]:
        if len(rows) > 5000:
            raise serializers.ValidationError("At most 5000 customers at once.")
        return rows
