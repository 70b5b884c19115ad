"""The wire shape of what corrections propose for a playbook."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from investigations.models import PlaybookProposal


class ProposedEditSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(help_text="The hypothesis")  # type: ignore[assignment]  # a field called label
    when = serializers.CharField(help_text="The signal's condition")
    says = serializers.CharField(help_text="The signal in words; what it leaves to the facts is left open")
    side = serializers.ChoiceField(choices=["for", "against"])
    before = serializers.CharField(source="from", help_text="The weight in words")
    after = serializers.CharField()


class ProposedCandidateSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    confidence = serializers.FloatField()


class ProposedPastSerializer(serializers.Serializer[Any]):
    right = serializers.IntegerField(help_text="Confirmed past runs that stay right")
    better = serializers.IntegerField(help_text="That become right")
    worse = serializers.IntegerField(help_text="That become wrong: 0 for what is offered")
    wrong = serializers.IntegerField(help_text="That stay wrong")


class ProposedChangeSerializer(serializers.Serializer[Any]):
    edits = ProposedEditSerializer(many=True)
    past = ProposedPastSerializer()
    after = ProposedCandidateSerializer(many=True, help_text="The case's first candidates with the change")
    diff = serializers.SerializerMethodField()

    @staticmethod
    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_diff(change: dict[str, Any]) -> list[str]:
        """Lines of the unified difference to the version's file"""
        return [text for _, text in change["diff"]]


class RejectedChangeSerializer(serializers.Serializer[Any]):
    edits = ProposedEditSerializer(many=True)
    past = ProposedPastSerializer()
    tests = serializers.IntegerField(help_text="Expectations of the playbook's own tests that would fail")


class ProposedElsewhereSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    incident_class = serializers.CharField(source="class")
    words = serializers.ListField(child=serializers.CharField(), help_text="Words that lead to it")
    tags = serializers.ListField(child=serializers.CharField())


class PlaybookProposalSerializer(serializers.Serializer[Any]):
    """Of a `Told`: what the person may not see of the case is gone already."""

    ref = serializers.CharField(source="proposal.ref")
    status = serializers.ChoiceField(choices=PlaybookProposal.Status.choices, source="proposal.status")
    kind = serializers.ChoiceField(choices=PlaybookProposal.Kind.choices, source="proposal.kind")
    base_version = serializers.IntegerField(source="proposal.base.version", help_text="In force when it was made")
    investigation = serializers.CharField(
        source="run.ref", default=None, allow_null=True, help_text="The corrected run; null where you may not open it"
    )
    said = serializers.CharField(
        source="proposal.effect.said", default="", help_text="What the version says of the run"
    )
    found = serializers.CharField(help_text="What it really was", allow_blank=True)
    before = ProposedCandidateSerializer(
        many=True, source="proposal.effect.before", default=(), help_text="The case's first candidates as it is"
    )
    changes = ProposedChangeSerializer(many=True, source="proposal.changes", help_text="The least change first")
    rejected = RejectedChangeSerializer(
        many=True, source="proposal.effect.rejected", default=(), help_text="Repair the case and break something else"
    )
    checked = serializers.IntegerField(
        source="proposal.effect.checked", default=0, help_text="Confirmed past runs it was checked on"
    )
    tried = serializers.IntegerField(source="proposal.effect.tried", default=0)
    playbooks = ProposedElsewhereSerializer(
        many=True, source="proposal.effect.playbooks", default=(), help_text="Playbooks that know the cause"
    )
    created_at = serializers.DateTimeField(source="proposal.created_at")
    decided_at = serializers.DateTimeField(source="proposal.decided_at", allow_null=True)
    decided_by = serializers.CharField(source="proposal.decided_by.username", default=None, allow_null=True)
    reason = serializers.CharField(source="proposal.reason", allow_blank=True)
