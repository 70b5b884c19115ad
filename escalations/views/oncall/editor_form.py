"""The rotation editor's form: rows of fields without a script. Buttons add and remove rows, and the page comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from escalations.oncall.format import MOST_LAYERS, MOST_PEOPLE, MOST_SEATS, RotationForm
from escalations.oncall.words import hours_of_text, hours_text

#: Empty places after the last person of a layer.
_SPARE: Final = 1
_LOCAL: Final = "%Y-%m-%dT%H:%M"


@dataclass(slots=True)
class LayerRow:
    """As its fields hold it. `people` are user names in order, "" where nobody was chosen."""

    people: list[str] = field(default_factory=list)
    begins: str = ""
    every: str = "1"
    unit: str = "week"
    hours: str = ""
    zone: str = ""
    calendar: str = ""

    @property
    def places(self) -> list[str]:
        return [*self.people, *[""] * _SPARE]

    def written(self) -> dict[str, Any]:
        if self.calendar:
            return {"calendar": self.calendar}
        every = self.every.strip()
        row: dict[str, Any] = {
            "people": [name for name in self.people if name], "begins": self.begins.replace("T", " "),
            "every": int(every) if every.isdecimal() and len(every) < 6 else 0, "unit": self.unit,
        }  # fmt: skip
        if self.hours.strip():
            row["hours"] = hours_of_text(self.hours)
        if self.zone:
            row["zone"] = self.zone
        return row


@dataclass(slots=True)
class SeatRow:
    key: str
    name: str = ""
    covers: str = ""
    layers: list[LayerRow] = field(default_factory=list)


@dataclass(slots=True)
class EditorForm:
    name: str = ""
    team: str = ""
    owns: str = "urgent triage"
    zone: str = "UTC"
    default: bool = False
    comment: str = ""
    since: str = ""
    base: str = ""
    seats: list[SeatRow] = field(default_factory=list)

    def written(self) -> dict[str, Any]:
        """As `read_form` takes it. InvalidInput for hours that cannot be read."""
        return {
            "name": self.name, "team": self.team, "owns": self.owns, "zone": self.zone, "default": self.default,
            "seats": [
                {
                    "key": seat.key, "name": seat.name, "layers": [layer.written() for layer in seat.layers],
                    **({"covers": hours_of_text(seat.covers)} if seat.covers.strip() else {}),
                }
                for seat in self.seats
            ],
        }  # fmt: skip


def editor_of(form: RotationForm, *, base: int, default: bool) -> EditorForm:
    return EditorForm(
        form.name, form.team, form.owns, form.zone, default, base=str(base),
        seats=[
            SeatRow(
                seat.key, seat.name, hours_text(seat.covers),
                [
                    LayerRow(
                        list(layer.people), layer.begins.strftime(_LOCAL) if layer.begins else "", str(layer.every),
                        layer.unit, hours_text(layer.hours), layer.zone, layer.calendar,
                    )
                    for layer in seat.layers
                ],
            )
            for seat in form.seats
        ],
    )  # fmt: skip


def editor_from(post: Mapping[str, str]) -> EditorForm:
    """What was posted, as far as there are fields; nothing is judged here."""

    def text(name: str, most: int = 200) -> str:
        return str(post.get(name, ""))[:most]

    def number(name: str, most: int) -> int:
        given = text(name, 4)
        return min(int(given), most) if given.isdecimal() else 0

    found = EditorForm(
        text("name"), text("team"), text("owns"), text("zone"), bool(post.get("default")), text("comment", 300),
        text("since", 20), text("base", 8),
    )  # fmt: skip
    for i in range(number("seats", MOST_SEATS)):
        seat = SeatRow(text(f"s{i}-key", 40), text(f"s{i}-name"), text(f"s{i}-covers", 500))
        for j in range(number(f"s{i}-layers", MOST_LAYERS)):
            stem = f"s{i}-l{j}"
            people = [text(f"{stem}-p{k}", 150) for k in range(number(f"{stem}-people", MOST_PEOPLE))]
            while people and not people[-1]:
                people.pop()
            seat.layers.append(
                LayerRow(
                    people, text(f"{stem}-begins", 20), text(f"{stem}-every", 6), text(f"{stem}-unit", 8),
                    text(f"{stem}-hours", 500), text(f"{stem}-zone", 60), text(f"{stem}-calendar", 40),
                )
            )  # fmt: skip
        found.seats.append(seat)
    return found


def changed(form: EditorForm, what: str, begins: datetime) -> bool:
    """Carry out a button: add-seat, remove-seat:0, add-layer:0, remove-layer:0:1, people:0:1, up:0:1. False for none of
    these. `begins` is offered as the first handover of a new layer.
    """
    verb, *numbers = what.split(":")
    places = [int(one) for one in numbers if one.isdecimal()]
    fresh = LayerRow(begins=begins.strftime(_LOCAL))
    seat = form.seats[places[0]] if places and places[0] < len(form.seats) else None
    layer = places[1] if len(places) > 1 and seat is not None and places[1] < len(seat.layers) else None
    match verb:
        case "add-seat" if len(form.seats) < MOST_SEATS:
            taken = {one.key for one in form.seats}
            key = next(name for n in range(1, 99) if (name := f"seat-{n}") not in taken)
            key = "secondary" if "secondary" not in taken and len(taken) == 1 else key
            form.seats.append(SeatRow(key, key.replace("-", " ").capitalize(), layers=[fresh]))
        case "remove-seat" if seat is not None and len(form.seats) > 1:
            form.seats.remove(seat)
        case "add-layer" if seat is not None and len(seat.layers) < MOST_LAYERS:
            # Above the others: it is there to win where it applies.
            seat.layers.insert(0, fresh)
        case "remove-layer" if seat is not None and layer is not None:
            seat.layers.pop(layer)
        case "up" if seat is not None and layer:
            seat.layers[layer - 1], seat.layers[layer] = seat.layers[layer], seat.layers[layer - 1]
        case "people" if seat is not None and layer is not None:
            seat.layers[layer].people += ["", "", ""]
        case _:
            return False
    return True
