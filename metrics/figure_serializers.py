"""The wire shape of metrics and their figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from rest_framework import serializers

from altor.errors import InvalidInput
from metrics.definitions.metric import Axis, Good, Kind
from metrics.reading.scope import GROUPS

_DATES: Final = "A day; the whole week that holds it counts"


class MetricSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField(help_text="Figures of two versions are not comparable")
    kind = serializers.ChoiceField(choices=[str(kind) for kind in Kind])
    unit = serializers.ChoiceField(choices=["s", "share", "points", "count"], help_text="A share is from 0 to 1")
    good = serializers.ChoiceField(choices=[str(good) for good in Good])
    axis = serializers.ChoiceField(
        choices=[str(axis) for axis in Axis], help_text="By which week a cycle is counted: of its closing or beginning"
    )
    clock = serializers.CharField()
    formula = serializers.CharField()
    population = serializers.CharField()
    exclusions = serializers.CharField()
    defined_by = serializers.CharField(source="source", help_text="Where the definition comes from")
    example = serializers.CharField()
    anti_pattern = serializers.SerializerMethodField(help_text="What makes it look better than it is; null: nothing")
    settles_days = serializers.IntegerField(help_text="Until then a closing may still change the figure")

    def get_anti_pattern(self, metric: Any) -> str | None:
        return f"{metric.anti.title}: {metric.anti.text}" if metric.anti is not None else None


class MetricsSerializer(serializers.Serializer[Any]):
    metrics = MetricSerializer(many=True)


class FigureSerializer(serializers.Serializer[Any]):
    key = serializers.DictField(
        child=serializers.CharField(allow_blank=True), help_text="What it is grouped by; {} of the whole"
    )
    n = serializers.IntegerField(help_text="Cycles it rests on; of a ratio, its lower part")
    value = serializers.FloatField(allow_null=True, help_text="Median of a duration; null of nothing")
    p90 = serializers.FloatField(allow_null=True)
    hits = serializers.FloatField(help_text="Upper part of a share or ratio")
    anti_pattern = serializers.IntegerField(help_text="Cycles of it that show the anti-pattern")
    estimated = serializers.IntegerField(help_text="Cycles of it that were read back from the helpdesk's history")


class FiguresSerializer(serializers.Serializer[Any]):
    metric = MetricSerializer()
    first = serializers.DateField(source="from_day", help_text="Monday of the first week")
    last = serializers.DateField(source="to_day", help_text="Monday of the last week")
    zone = serializers.CharField(allow_blank=True, help_text="Weeks are of this zone; empty: of each ticket's team")
    total = FigureSerializer()
    figures = FigureSerializer(many=True)


class FiguresQuery(serializers.Serializer[Any]):
    to = serializers.DateField(required=False, help_text=f"{_DATES}; this week when it is not given")
    group_by = serializers.CharField(
        required=False, default="", max_length=40, help_text=f"Any of {', '.join(GROUPS)}, with commas between"
    )
    tz = serializers.CharField(
        required=False, default="", max_length=60, help_text="A time zone, such as Europe/Berlin"
    )
    team = serializers.SlugField(required=False, default="", max_length=60)
    tier = serializers.CharField(required=False, default="", max_length=40)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` and `class` are words of the language.
        return {
            "from": serializers.DateField(required=False, help_text=f"{_DATES}; twelve weeks when it is not given"),
            "class": serializers.CharField(required=False, default="", max_length=20, help_text="An incident class"),
            **super().get_fields(),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # A typing error must not show everything.
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in unknown})
        return attrs


def groups_of(written: str) -> list[str]:
    """InvalidInput for what cannot be grouped by."""
    groups = [name.strip() for name in written.split(",") if name.strip()]
    if strange := [name for name in groups if name not in GROUPS]:
        raise InvalidInput(f"Group by {', '.join(GROUPS)}, not by {strange[0]!r}.", errors={"group_by": ["unknown"]})
    return groups


def as_text(value: Any, teams: Mapping[int, str], group: str) -> str:
    if group == "team":
        return teams.get(value, "")
    return value.isoformat() if isinstance(value, date) else str(value or "")
