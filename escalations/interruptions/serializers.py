"""Wire shapes of questions and interruption hours. Every list of fields is written out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from escalations.interruptions.ledger import Ledger
from escalations.interruptions.people import People
from escalations.interruptions.sessions import Counted
from escalations.interruptions.tally import Line
from escalations.models import Question, QuestionPerson

_LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"lead": {"type": "string"}, "text": {"type": "string"}}},
}


class QuestionSerializer(serializers.ModelSerializer[Question]):
    ref = serializers.CharField(read_only=True)
    ticket = serializers.CharField(source="ticket.ref", read_only=True)
    run = serializers.CharField(source="run.ref", default=None, read_only=True, allow_null=True)
    to = serializers.SerializerMethodField(help_text="team:…, rotation:… or person:…")
    lines = serializers.SerializerMethodField(help_text="The run in five lines, as it was when the question was asked")
    asked_by = serializers.CharField(source="asked_by.username", read_only=True)
    due_at = serializers.DateTimeField(read_only=True, help_text="Informative: nothing happens when it passes")
    answered_by = serializers.SerializerMethodField(help_text="User name, or the name given with the signed link")
    escalation = serializers.CharField(source="escalation.ref", default=None, read_only=True, allow_null=True)
    askers = serializers.SerializerMethodField(help_text="User names of whoever asked or joined, in that order")

    class Meta:
        model = Question
        fields = (
            "ref",
            "ticket",
            "run",
            "text",
            "lines",
            "to",
            "status",
            "asked_by",
            "askers",
            "asked_at",
            "due_at",
            "answer",
            "answered_by",
            "ended_at",
            "via",
            "escalation",
        )
        read_only_fields = fields

    def get_to(self, question: Question) -> str:
        if question.to_rotation is not None:
            return f"rotation:{question.to_rotation.slug}"
        if question.to_team is not None:
            return f"team:{question.to_team.slug}"
        return f"person:{question.to_person.username if question.to_person is not None else ''}"

    @extend_schema_field(_LINES)
    def get_lines(self, question: Question) -> list[dict[str, str]]:
        return list(question.lines)

    def get_answered_by(self, question: Question) -> str:
        return question.answered_by.username if question.answered_by is not None else question.answered_as

    def get_askers(self, question: Question) -> list[str]:
        asks = QuestionPerson.Part.ASKS
        return [one.user.username for one in question.people.all() if one.part == asks]


class QuestionAskInput(serializers.Serializer[Any]):
    ticket = serializers.CharField(max_length=80, help_text="Reference of the ticket")
    run = serializers.CharField(
        max_length=40, required=False, allow_blank=True, default="", help_text="Empty: the newest finished one"
    )
    to = serializers.CharField(max_length=120, help_text="team:…, rotation:… (whoever is on call) or person:…")
    text = serializers.CharField(max_length=4000)
    join = serializers.BooleanField(
        required=False, default=False, help_text="Join an open question of the same words instead of 409 already_asked"
    )


class EngineersAnswerInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4000)
    minutes = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=1440, help_text="How long it took"
    )


class QuestionWithdrawInput(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class SessionSerializer(serializers.Serializer[Counted]):
    begin = serializers.DateTimeField(source="session.begin")
    end = serializers.DateTimeField(source="session.end", help_text="The last act and ten minutes")
    acts = serializers.IntegerField(source="session.acts")
    is_paged = serializers.BooleanField(help_text="Time outside of working hours counts")
    is_clipped = serializers.BooleanField(help_text="A part lies outside of working hours and does not count")
    is_shared = serializers.BooleanField(help_text="A part was shared with other work of the same person")
    seconds = serializers.SerializerMethodField(help_text="What of it counts, unless hours were typed in")

    def get_seconds(self, one: Counted) -> float:
        return round(float(one.seconds), 3)


class TimeLineSerializer(serializers.Serializer[Line]):
    day = serializers.DateField(help_text="On the engineer's calendar")
    engineer = serializers.SerializerMethodField(help_text="User name, or the name that Linear or a link gave")
    seconds = serializers.SerializerMethodField(help_text="What counts: what was typed in, else what was measured")
    measured_seconds = serializers.SerializerMethodField()
    typed_minutes = serializers.SerializerMethodField(help_text="null where nothing was typed in")
    typed_by = serializers.CharField(source="typed.by", default="")
    note = serializers.CharField(source="typed.note", default="")
    interruptions = serializers.IntegerField()
    sessions = SessionSerializer(many=True)

    def get_engineer(self, one: Line) -> str:
        people: People = self.context["ledger"].people
        user = people.user(one.who)
        return user.username if user is not None else people.title(one.who)

    def get_seconds(self, one: Line) -> float:
        return round(float(one.seconds), 3)

    def get_measured_seconds(self, one: Line) -> float:
        return round(float(one.measured), 3)

    @extend_schema_field({"type": ["integer", "null"]})
    def get_typed_minutes(self, one: Line) -> int | None:
        return one.typed.minutes if one.typed is not None else None


class TimeSerializer(serializers.Serializer[Ledger]):
    seconds = serializers.FloatField(source="total.seconds")
    hours = serializers.FloatField(source="total.hours")
    typed_seconds = serializers.FloatField(source="total.typed_s", help_text="The part that people typed in")
    interruptions = serializers.IntegerField(source="total.interruptions")
    engineers = serializers.IntegerField(source="total.people")
    refocus_seconds = serializers.IntegerField(source="refocus_s", help_text="Beside the hours, never in them")
    days = TimeLineSerializer(source="lines", many=True)


class TypedInput(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="On the engineer's calendar")
    minutes = serializers.IntegerField(
        allow_null=True, min_value=0, max_value=1440, help_text="null: what was measured counts again"
    )
    engineer = serializers.CharField(
        max_length=120, required=False, allow_blank=True, default="",
        help_text="User name, or a name as Linear gives it; empty: yourself. Leads and administrators only",
    )  # fmt: skip
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
