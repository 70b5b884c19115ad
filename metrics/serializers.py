"""The wire shape of metrics."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from metrics.services.diagnosis_quality import DEFAULT, PERIODS


class QualityQuery(serializers.Serializer[Any]):
    period = serializers.ChoiceField(
        choices=list(PERIODS), default=DEFAULT, help_text="Days back from now in which the diagnosis was reached"
    )
    playbook = serializers.SlugField(required=False, default="", max_length=60, help_text="A playbook's key")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # A typing error must not show everything.
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in unknown})
        return attrs


class ShareSerializer(serializers.Serializer[Any]):
    hits = serializers.IntegerField()
    n = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="0 to 1; null for fewer than five")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval (Wilson)")
    high = serializers.FloatField(allow_null=True)


class CorrectionSerializer(serializers.Serializer[Any]):
    said = serializers.CharField(allow_blank=True)
    found = serializers.CharField()
    n = serializers.IntegerField()


class _Figures(serializers.Serializer[Any]):
    judged = serializers.IntegerField(help_text="Finished runs with a verdict; the last one counts")
    right = ShareSerializer()
    stated = serializers.FloatField(allow_null=True, help_text="Mean confidence of the judged runs, 0 to 1")
    expected_calibration_error = serializers.FloatField(allow_null=True, help_text="Null for fewer than five")
    brier = serializers.FloatField(allow_null=True, help_text="Null for fewer than five")
    corrections = CorrectionSerializer(many=True, help_text="The five most frequent ones")


class QualityBinSerializer(serializers.Serializer[Any]):
    """Diagnoses stated with a confidence in [low, high)."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    right = ShareSerializer()
    stated = serializers.FloatField()


class PlaybookQualitySerializer(_Figures):
    playbook = serializers.CharField(allow_null=True, help_text="Null: runs without a playbook")
    title = serializers.CharField()
    incident_class = serializers.CharField(allow_blank=True)


class GradeCountsSerializer(serializers.Serializer[Any]):
    exact = serializers.IntegerField()
    one_hop = serializers.IntegerField()
    area = serializers.IntegerField()
    wrong = serializers.IntegerField()


class CalibrationSerializer(serializers.Serializer[Any]):
    """The map in force from raw probability to confidence."""

    version = serializers.CharField(help_text="Of the data it was fitted on")
    fitted_on = serializers.DateField(allow_null=True)
    cases = serializers.IntegerField()


class QualitySerializer(_Figures):
    period_days = serializers.IntegerField(allow_null=True, help_text="Null: all time")
    since = serializers.DateTimeField(allow_null=True)
    playbook = serializers.CharField(allow_null=True)
    finished = serializers.IntegerField(help_text="Finished runs of the period, judged or not")
    grades = GradeCountsSerializer()
    ungraded = serializers.IntegerField()
    bins = QualityBinSerializer(many=True, help_text="Tenths of stated confidence that hold a judged run")
    playbooks = PlaybookQualitySerializer(many=True)
    calibration = CalibrationSerializer()
