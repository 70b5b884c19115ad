"""Wire shapes of on-call. Every list of fields is written out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from altor.models import User
from escalations.models import Rotation, RotationOverride, RotationVersion
from escalations.oncall.editing import usernames
from escalations.oncall.format import RotationForm, read_form
from escalations.oncall.now import OnCall
from escalations.oncall.schedule import Shift


class OnCallPersonSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField()


class OnCallSerializer(serializers.Serializer[Any]):
    rotation = serializers.CharField(help_text="Its short name")
    rotation_name = serializers.CharField()
    owns = serializers.CharField(help_text="What is theirs, in words")
    team = serializers.CharField()
    is_default = serializers.BooleanField(help_text="Asked when nobody names a rotation of the team")
    seat = serializers.CharField()
    seat_name = serializers.CharField()
    person = OnCallPersonSerializer(allow_null=True, help_text="Null: nobody")
    is_missed = serializers.BooleanField(help_text="Nobody is there although somebody should be")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    next_person = OnCallPersonSerializer(allow_null=True)
    next_begins_at = serializers.DateTimeField(allow_null=True)


class OnCallNowSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    seats = OnCallSerializer(many=True)


class RotationSerializer(serializers.ModelSerializer[Rotation]):
    team = serializers.CharField(source="team.slug", read_only=True)

    class Meta:
        model = Rotation
        fields = ("slug", "name", "team", "owns", "zone", "is_default", "is_active")
        read_only_fields = fields


class RotationDetailSerializer(serializers.ModelSerializer[Rotation]):
    team = serializers.CharField(source="team.slug", read_only=True)
    version = serializers.IntegerField(read_only=True, help_text="Number of the newest; 0: it has none yet")
    seats = serializers.JSONField(read_only=True, help_text="Seats and layers, as a configuration file has them")

    class Meta:
        model = Rotation
        fields = ("slug", "name", "team", "owns", "zone", "is_default", "is_active", "version", "seats")
        read_only_fields = fields


class RotationVersionSerializer(serializers.ModelSerializer[RotationVersion]):
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    seats = serializers.SerializerMethodField()

    class Meta:
        model = RotationVersion
        fields = ("number", "in_force_from", "comment", "origin", "created_at", "created_by", "seats")
        read_only_fields = fields

    def get_seats(self, row: RotationVersion) -> list[dict[str, Any]]:
        """Seats and layers, as a configuration file has them."""
        return list(usernames(row.document).model_dump(mode="json", exclude_defaults=True)["seats"])


class _RotationWritten(serializers.Serializer[Any]):
    """What a rotation's file says; the format checks it."""

    name = serializers.CharField(max_length=80)
    team = serializers.CharField(max_length=60, help_text="Short name")
    owns = serializers.CharField(max_length=80, required=False, help_text="What is theirs, in words")
    zone = serializers.CharField(max_length=60, required=False)
    default = serializers.BooleanField(required=False, help_text="Asked when nobody names a rotation of the team")
    seats = serializers.JSONField(help_text="Seats and layers, as a configuration file has them")
    comment = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)

    def form(self) -> RotationForm:
        """InvalidInput with the places of what is wrong."""
        written = ("name", "team", "owns", "zone", "default", "seats")
        return read_form({name: value for name, value in self.validated_data.items() if name in written})


class RotationInput(_RotationWritten):
    slug = serializers.CharField(
        max_length=60,
        required=False,
        default="",
        allow_blank=True,
        help_text="Short name; of the name if empty",
    )


class RotationChange(_RotationWritten):
    based_on = serializers.IntegerField(min_value=0, help_text="Number of the newest version that was looked at")
    in_force_from = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Now when left out; never in the past"
    )


class ScheduledShiftSerializer(serializers.Serializer[Any]):
    rotation = serializers.CharField()
    seat = serializers.CharField()
    person = OnCallPersonSerializer(allow_null=True, help_text="Null: nobody")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    is_missed = serializers.BooleanField(
        help_text="Nobody is there although somebody should be, in a part of it at least"
    )
    put_by = serializers.CharField(
        allow_blank=True, help_text="`override`, `layer 1` from the top, `absent` for a person who is gone, or empty"
    )


class ScheduleSerializer(serializers.Serializer[Any]):
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    shifts = ScheduledShiftSerializer(many=True)


class RotationOverrideSerializer(serializers.ModelSerializer[RotationOverride]):
    rotation = serializers.CharField(source="rotation.slug", read_only=True)
    person = serializers.CharField(source="person.username", read_only=True)
    instead_of = serializers.CharField(source="instead_of.username", default=None, read_only=True, allow_null=True)
    made_by = serializers.CharField(source="made_by.username", default=None, read_only=True, allow_null=True)
    is_swap = serializers.SerializerMethodField()

    class Meta:
        model = RotationOverride
        fields = (
            "id", "rotation", "seat", "person", "instead_of", "begins_at", "ends_at", "reason", "made_by", "made_at",
            "cancelled_at", "is_swap",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_swap(self, row: RotationOverride) -> bool:
        return row.swap_id is not None


class RotationOverrideInput(serializers.Serializer[Any]):
    rotation = serializers.SlugField(max_length=60)
    seat = serializers.CharField(max_length=40, required=False, default="", help_text="The first when left out")
    person = serializers.CharField(max_length=150, help_text="A user name; your own without the right to edit")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


def person_shape(person: User | None) -> dict[str, str] | None:
    return {"username": person.username, "name": str(person)} if person is not None else None


def seat_shape(one: OnCall) -> dict[str, Any]:
    return {
        "rotation": one.rotation.slug, "rotation_name": one.rotation.name, "owns": one.rotation.owns,
        "team": one.rotation.team.slug, "is_default": one.rotation.is_default, "seat": one.seat,
        "seat_name": one.seat_name, "person": person_shape(one.person), "is_missed": one.is_missed,
        "begins_at": one.begin, "ends_at": one.end, "next_person": person_shape(one.next_person),
        "next_begins_at": one.next_begin,
    }  # fmt: skip


def shift_shape(
    rotation: Rotation, seat: str, one: Shift, people: Mapping[int, User], missed: list[tuple[datetime, datetime]]
) -> dict[str, Any]:
    return {
        "rotation": rotation.slug, "seat": seat,
        "person": person_shape(people.get(int(one.person)) if one.person else None),
        "begins_at": one.begin, "ends_at": one.end, "put_by": one.source,
        "is_missed": not one.person and any(low < one.end and high > one.begin for low, high in missed),
    }  # fmt: skip
