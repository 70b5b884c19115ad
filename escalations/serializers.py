"""Wire shapes of escalations. Every list of fields is written out; what is read and written are separate classes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from escalations.contracts.format import SEVERITIES
from escalations.lifecycle.windows import WINDOWS
from escalations.models import ContractVersion, Escalation, EscalationEvent, EscalationTicket

_ITEMS = "Each {id, title, why, state (met, answered, tried, missing), evidence, says, ask, hint, answer, supplies}"
_SEVERITIES = [(name, name) for name in SEVERITIES]


class LinkSerializer(serializers.ModelSerializer[EscalationTicket]):
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    customer = serializers.CharField(source="ticket.customer.org_id", default=None, read_only=True, allow_null=True)
    investigation = serializers.CharField(source="run.ref", default=None, read_only=True, allow_null=True)

    class Meta:
        model = EscalationTicket
        fields = ("ticket", "customer", "investigation", "linked_at")
        read_only_fields = fields


class HappenedSerializer(serializers.ModelSerializer[EscalationEvent]):
    by = serializers.CharField(source="by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = EscalationEvent
        fields = ("what", "at", "by", "via", "text", "data")
        read_only_fields = fields


class WindowSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=[(name, name) for name in WINDOWS])
    state = serializers.CharField(source="reading.state", help_text="idle, running, paused, fulfilled or cancelled")
    target_s = serializers.FloatField(help_text="Open time, in seconds")
    elapsed_s = serializers.FloatField(help_text="Open time, in seconds")
    due_at = serializers.DateTimeField(source="reading.due_at", allow_null=True)
    broken_at = serializers.DateTimeField(source="reading.broken_at", allow_null=True)
    pause = serializers.CharField(source="reading.pause", allow_blank=True)


class EscalationListSerializer(serializers.ModelSerializer[Escalation]):
    ref = serializers.CharField(read_only=True)
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    investigation = serializers.CharField(source="run.ref", read_only=True)
    contract = serializers.CharField(source="version.contract.key", read_only=True)
    contract_version = serializers.IntegerField(source="version.number", read_only=True)
    owner_team = serializers.CharField(source="owner_team.slug", default=None, read_only=True, allow_null=True)
    owner_person = serializers.CharField(source="owner_person.username", default=None, read_only=True, allow_null=True)
    accepted_by = serializers.CharField(source="accepted_by.username", default=None, read_only=True, allow_null=True)
    sent_by = serializers.CharField(source="sent_by.username", default=None, read_only=True, allow_null=True)
    rejection = serializers.CharField(
        read_only=True, help_text=f"One of {', '.join(Escalation.Rejection.values)}; empty: it was not returned"
    )

    class Meta:
        model = Escalation
        fields: tuple[str, ...] = (
            "ref",
            "title",
            "status",
            "severity",
            "proposed_severity",
            "completeness",
            "ticket",
            "investigation",
            "contract",
            "contract_version",
            "owner_team",
            "owner_person",
            "accepted_by",
            "sent_by",
            "sent_at",
            "ended_at",
            "acknowledge_by",
            "update_by",
            "resolve_by",
            "is_broken",
            "waits_for",
            "rejection",
        )
        read_only_fields = fields


class EscalationSerializer(EscalationListSerializer):
    tickets = LinkSerializer(source="links", many=True, read_only=True)
    history = HappenedSerializer(many=True, read_only=True)
    checklist = serializers.JSONField(read_only=True, help_text=f"As it stood at sending. {_ITEMS}")
    windows = serializers.SerializerMethodField()
    after = serializers.CharField(
        source="after.ref", default=None, read_only=True, allow_null=True,
        help_text="The one of the ticket that was returned or taken back before this one was sent",
    )  # fmt: skip
    followed_by = serializers.SlugRelatedField[Escalation](
        slug_field="ref", many=True, read_only=True, help_text="What was sent after this one came back"
    )

    class Meta(EscalationListSerializer.Meta):
        fields = (
            *EscalationListSerializer.Meta.fields,
            "cause",
            "severity_why",
            "override_reason",
            "note",
            "checklist",
            "after",
            "followed_by",
            "tickets",
            "windows",
            "history",
        )
        read_only_fields = fields

    def get_windows(self, escalation: Escalation) -> list[dict[str, Any]]:
        """Each {name, state, target_s, elapsed_s, due_at, broken_at, pause}."""
        return [dict(WindowSerializer(window).data) for window in self.context["windows"]]


class EscalateInput(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(
        choices=_SEVERITIES, required=False, allow_blank=True, default="", help_text="Empty: as the diagnosis proposes"
    )
    severity_why = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=1000, help_text="Needed for another than the proposed"
    )
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)
    answers = serializers.DictField(
        child=serializers.CharField(max_length=4000, allow_blank=True), required=False, default=dict,
        help_text="Item of the checklist: what a person says to it",
    )  # fmt: skip
    override_reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=1000, help_text="Sends it incomplete, by those who may"
    )
    provisional = serializers.BooleanField(
        required=False, default=False, help_text="Sends it at once where the contract lets it; gaps become tasks"
    )
    join = serializers.BooleanField(
        required=False, default=False, help_text="Join an open escalation of the same cause instead of refusing"
    )


class ProposalSerializer(serializers.Serializer[Any]):
    """What an escalation would be as things stand."""

    investigation = serializers.CharField(source="run.ref")
    contract = serializers.CharField(source="version.contract.key")
    contract_version = serializers.IntegerField(source="version.number")
    contract_why = serializers.CharField(source="chosen_because")
    severity = serializers.CharField()
    proposed_severity = serializers.CharField(source="proposed", help_text="Empty: the diagnosis asks for none")
    severity_why = serializers.CharField(source="why")
    title = serializers.CharField()
    is_complete = serializers.BooleanField()
    may_be_provisional = serializers.BooleanField()
    may_override = serializers.SerializerMethodField()
    checklist = serializers.SerializerMethodField(help_text=_ITEMS)
    joins = serializers.CharField(
        source="like.ref", default=None, allow_null=True, help_text="An open escalation of the same cause"
    )

    def get_may_override(self, proposal: Any) -> bool:
        return bool(proposal.may_override(self.context["user"]))

    def get_checklist(self, proposal: Any) -> list[dict[str, Any]]:
        return [item.as_dict() for item in proposal.items]


class ActInput(serializers.Serializer[Any]):
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)


class RejectInput(ActInput):
    reason = serializers.ChoiceField(choices=Escalation.Rejection.choices)


class JudgeInput(serializers.Serializer[Any]):
    is_complete = serializers.BooleanField(help_text="The packet was complete")
    was_avoidable = serializers.BooleanField(help_text="Support could have resolved it")
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)


class ChangeInput(serializers.Serializer[Any]):
    """Severity, or owner: a team, a person, or both. `why` is told."""

    severity = serializers.ChoiceField(choices=_SEVERITIES, required=False)
    owner_team = serializers.SlugField(required=False, allow_blank=True, max_length=60)
    owner_person = serializers.CharField(required=False, allow_blank=True, max_length=150)
    why = serializers.CharField(max_length=1000)


class ContractSerializer(serializers.ModelSerializer[ContractVersion]):
    key = serializers.CharField(source="contract.key", read_only=True)
    title = serializers.CharField(source="contract.title", read_only=True)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = ContractVersion
        fields = (
            "key",
            "title",
            "number",
            "is_active",
            "origin",
            "comment",
            "created_at",
            "created_by",
            "source_yaml",
            "document",
        )
        read_only_fields = fields


class ContractInput(serializers.Serializer[Any]):
    source_yaml = serializers.CharField(max_length=200_000, trim_whitespace=False)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    activate = serializers.BooleanField(required=False, default=True)
    based_on = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, help_text="The newest version that was looked at"
    )


class SimulatedSerializer(serializers.Serializer[Any]):
    escalation = serializers.CharField(source="escalation.ref")
    severity = serializers.CharField(source="escalation.severity")
    would_be_sent = serializers.BooleanField(source="is_sent")
    missing = serializers.SerializerMethodField()
    windows_over = serializers.ListField(source="broken", child=serializers.CharField())
    was_incomplete = serializers.BooleanField()
    was_broken = serializers.BooleanField()

    def get_missing(self, row: Any) -> list[str]:
        return [item.id for item in row.missing]


class SimulationSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    sent = serializers.IntegerField()
    refused = serializers.IntegerField()
    broken = serializers.IntegerField()
    outside = serializers.IntegerField(help_text="Escalations of the time that its area does not cover")
    is_cut = serializers.BooleanField()
    rows = SimulatedSerializer(many=True)
