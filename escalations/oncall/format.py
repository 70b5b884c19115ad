"""How a rotation is written down: seats, their layers from the top down, and in which hours a layer applies.

name: Support
team: support
owns: urgent triage
zone: Europe/Berlin
default: true
seats:
- key: primary
  name: Primary
  layers:
  - {people: [ana, ben], begins: 2026-11-30 09:00, every: 1, unit: week}

A layer may say `hours: {week: {mon-fri: 09:00-17:00}}` (see `escalations.clocks.format`; without a zone of their own
they are in the rotation's), or `calendar: KEY` instead of people. In the database people are ids, in files user names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, field_validator, model_validator

from altor.errors import InvalidInput
from altor.models import User
from escalations.clocks.format import WorkHours
from investigations.playbooks.messages import nearest
from investigations.playbooks.parts import Part

MOST_SEATS: Final = 6
MOST_LAYERS: Final = 8
MOST_PEOPLE: Final = 60

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]


def _wall(value: Any) -> Any:
    """`2026-11-30 09:00`, also as YAML reads it; a time with a zone is refused."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{value[:40]!r} is no time: write it like 2026-11-30 09:00") from None
    if not isinstance(value, datetime):
        raise ValueError("write it like 2026-11-30 09:00")  # noqa: TRY004  # pydantic reads ValueError
    if value.tzinfo is not None:
        raise ValueError("a layer begins at a time of its zone's wall clock: write it without a zone")
    if not 1970 <= value.year <= 2200:
        raise ValueError("a year from 1970 to 2200")
    return value.replace(second=0, microsecond=0)


def _kept_hours(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Checked, and kept as they were written."""
    if value is None:
        return None
    kept = {
        name: {str(key): spans for key, spans in part.items()} if isinstance(part, Mapping) else part
        for name, part in value.items()
    }
    WorkHours.model_validate(kept)
    return kept


class LayerForm(Part):
    """People who take turns, or a calendar that says who it is."""

    people: list[Annotated[str, StringConstraints(min_length=1, max_length=150)]] = Field(
        default_factory=list, max_length=MOST_PEOPLE, description="User names, in the order of their turns."
    )
    begins: Annotated[datetime, BeforeValidator(_wall)] | None = Field(
        None, description="The first handover, by the wall clock; each later one is at its time of day."
    )
    every: int = Field(1, ge=1, le=1000, description="How many units a turn lasts.")
    unit: Literal["hour", "day", "week"] = "week"
    zone: str = Field("", description="Of this layer's handovers; the rotation's when empty.")
    hours: dict[str, Any] | None = Field(None, description="It applies in these hours only.")
    calendar: str = Field("", max_length=40, description="Key of an imported calendar, instead of people.")

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value) if value else value

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return _kept_hours(value)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.calendar and (self.people or self.hours):
            raise ValueError("a layer has people or a calendar, not both")
        if not self.calendar and self.begins is None:
            raise ValueError("say when the first turn begins")
        return self


class SeatForm(Part):
    """One person at a time. Outside of `covers` nobody is needed, so that nobody there is no gap."""

    key: Key
    name: Words
    covers: dict[str, Any] | None = Field(
        None, description="Hours in which somebody is to be on call; always if empty."
    )
    layers: list[LayerForm] = Field(default_factory=list, max_length=MOST_LAYERS)

    @field_validator("covers")
    @classmethod
    def _covers(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return _kept_hours(value)


class RotationForm(Part):
    name: Words
    team: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    owns: Words = Field("urgent triage", description="What is theirs, in words.")
    zone: str = "UTC"
    default: bool = Field(False, description="Asked when nobody names a rotation of the team.")
    seats: list[SeatForm] = Field(min_length=1, max_length=MOST_SEATS)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value)

    @model_validator(mode="after")
    def _keys(self) -> Self:
        keys = [seat.key for seat in self.seats]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"two seats are called {twice[0]!r}")
        return self

    @property
    def usernames(self) -> list[str]:
        """Everybody in it, each once, in order."""
        return list(dict.fromkeys(name for seat in self.seats for layer in seat.layers for name in layer.people))


def check_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"no zone {value!r}{nearest(value, available_timezones())}")
    return value


def read_form(data: Any) -> RotationForm:
    """InvalidInput with the place of the first problem in words; `errors` has all, by dotted path."""
    if not isinstance(data, Mapping):
        raise InvalidInput("A rotation is a mapping: name, team, owns, zone, seats.")
    try:
        return RotationForm.model_validate(dict(data))
    except ValidationError as wrong:
        problems: dict[str, list[str]] = {}
        for one in wrong.errors():
            path = ".".join(str(part) for part in one["loc"])
            problems.setdefault(path, []).append(one["msg"].removeprefix("Value error, "))
        path, sentences = next(iter(problems.items()))
        raise InvalidInput(_ended(f"{_place(path)}{sentences[0]}"), errors=problems) from None


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(("?", ".")) else f"{sentence}."


def _place(path: str) -> str:
    """`seats.0.layers.1.begins` as people count: "seat 1, layer 2, begins: "."""
    words: list[str] = []
    for part in path.split("."):
        if part.isdecimal() and words:
            words[-1] = f"{words[-1].removesuffix('s')} {int(part) + 1}"
        elif part:
            words.append(part)
    return f"{', '.join(words)}: " if words else ""


def document_of(form: RotationForm, people: Mapping[str, User]) -> dict[str, Any]:
    """As a version stores it: without `default`, which another rotation may take over. `people` by user name;
    InvalidInput for a name that is missing there.
    """
    unknown = [name for name in form.usernames if name not in people]
    if unknown:
        known = set(User.objects.filter(is_active=True).values_list("username", flat=True))
        raise InvalidInput(_ended(f"Nobody is called {unknown[0]!r}{nearest(unknown[0], known)}"), unknown=unknown)
    data = form.model_dump(mode="json", exclude_defaults=True, exclude={"default"})
    for seat, kept in zip(form.seats, data["seats"], strict=True):
        for layer, row in zip(seat.layers, kept.get("layers", []), strict=True):
            if layer.people:
                row["people"] = [people[name].pk for name in layer.people]
    return data


def form_of(document: Mapping[str, Any], people: Mapping[int, User]) -> RotationForm:
    """As it is written. An id nobody has any more becomes `#12`."""
    return RotationForm.model_validate(
        {
            **document,
            "seats": [
                {
                    **seat,
                    "layers": [
                        {**layer, "people": [_name(pk, people) for pk in layer.get("people", [])]}
                        for layer in seat.get("layers", [])
                    ],
                }
                for seat in document["seats"]
            ],
        }
    )


def _name(pk: int, people: Mapping[int, User]) -> str:
    return people[pk].username if pk in people else f"#{pk}"


def ids_in(document: Mapping[str, Any]) -> set[int]:
    return {pk for seat in document["seats"] for layer in seat.get("layers", []) for pk in layer.get("people", [])}
