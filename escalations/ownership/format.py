"""The form of an SLA policy, as a file and in the editor, and what is refused.

key: enterprise
title: Enterprise customers
tier: enterprise
hours: {zone: Europe/Berlin, week: {mon-fri: 09:00-17:00}, holidays: DE}
first_reply: 30 min
next_reply: 1 h
resolution: {within: 8 h, hours: always}
pauses: [customer]
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator

from altor.configuration import canonical, parse
from altor.errors import InvalidInput
from escalations.clocks.format import AnyHours, hours_of
from escalations.clocks.hours import Hours
from escalations.models import SlaPolicyVersion
from escalations.models.ownership import TicketClock

LIBRARY: Final = Path(__file__).with_name("library")
LONGEST: Final = timedelta(days=366)
_UNITS: Final = {"h": 3600, "min": 60, "s": 1}
_PIECE: Final = re.compile(r"(\d+)\s*(h|min|s)\b")
CLASSES: Final = (
    "rate_limit", "latency", "webhook", "billing", "api_error", "authentication", "missing_data", "other",
)  # fmt: skip


def amount_of(value: Any) -> Any:
    """`1 h 30 min` as time. Days are refused: a day of open hours is not 24 of them."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if re.search(r"\d\s*d(ays?)?\b", text):
        raise ValueError("a day is no fixed time in open hours: write hours, such as 8 h")
    if not text or _PIECE.sub("", text).strip():
        raise ValueError(f"{value!r} is no time: write it like 30 min, 4 h or 1 h 30 min")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PIECE.findall(text)))


def amount_text(amount: timedelta) -> str:
    """As `amount_of` reads it."""
    left, said = round(amount.total_seconds()), []
    for unit, size in _UNITS.items():
        number, left = divmod(left, size)
        if number:
            said.append(f"{number} {unit}")
    return " ".join(said) or "0 s"


Amount = Annotated[timedelta, BeforeValidator(amount_of), PlainSerializer(amount_text)]


class Target(BaseModel):
    """A promise with hours of its own."""

    model_config = ConfigDict(extra="forbid")

    within: Amount
    hours: AnyHours | None = None

    @field_validator("within")
    @classmethod
    def _sensible(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= LONGEST:
            raise ValueError("a target lies between 1 min and 366 times 24 h")
        return value


def _target(value: Any) -> Any:
    return {"within": value} if isinstance(value, str | timedelta) else value


def _written(target: Target | None) -> Any:
    if target is None:
        return None
    within = amount_text(target.within)
    return within if target.hours is None else {"within": within, "hours": hours_text(target.hours)}


AnyTarget = Annotated[Target | None, BeforeValidator(_target), PlainSerializer(_written)]


class Warn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(0.75, gt=0, lt=1, description="Of the target that has passed.")
    before: Amount = Field(timedelta(minutes=15), description="Open time before the end.")


#: What a ticket waits for.
Pause = Literal["customer", "hold", "engineering"]


class PolicyForm(BaseModel):
    """A policy; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, populate_by_name=True)

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")
    title: str = Field(min_length=1, max_length=120)
    tier: str = Field("", max_length=40, description="Of the customer; empty for any.")
    incident_class: str = Field("", alias="class", description="Empty for any.")
    priority: str = Field("", max_length=40, description="As the helpdesk calls it; empty for any.")
    hours: AnyHours = "always"
    first_reply: AnyTarget = None
    next_reply: AnyTarget = None
    resolution: AnyTarget = None
    pauses: list[Pause] = Field(default=["customer"], description="What stops the clock of the resolution.")
    reopened: Literal["continue", "restart"] = "continue"
    warn: Warn = Field(default_factory=Warn)
    unowned_after: Annotated[timedelta | None, BeforeValidator(amount_of)] = Field(
        None, description="Open time after which a ticket without an owner is told of; empty for never."
    )

    #: Names of the fields that say for which tickets it is; they never change with a version.
    CASE: ClassVar[tuple[str, ...]] = ("tier", "incident_class", "priority")

    @field_validator("tier", "priority")
    @classmethod
    def _lower(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("it holds a NUL character")
        return value.lower()

    @field_validator("incident_class")
    @classmethod
    def _is_a_class(cls, value: str) -> str:
        if value and value not in CLASSES:
            raise ValueError(f"there is no incident class {value!r}: {', '.join(CLASSES)}, or empty for any")
        return value

    @field_validator("unowned_after")
    @classmethod
    def _some_time(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not timedelta(minutes=1) <= value <= LONGEST:
            raise ValueError("write at least 1 min, or leave it out")
        return value

    @property
    def targets(self) -> dict[str, Target | None]:
        """Kind of the clock -> what is promised."""
        return {str(kind): getattr(self, kind) for kind in TicketClock.Kind}

    def hours_for(self, kind: str) -> Hours:
        target: Target | None = getattr(self, kind)
        return hours_of(target.hours if target is not None and target.hours is not None else self.hours)


def read_policy(data: Mapping[str, Any]) -> PolicyForm:
    """The policy, checked. InvalidInput with `errors`: field -> sentences."""
    try:
        form = PolicyForm.model_validate(data)
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for one in error.errors(include_url=False):
            names = [str(part) for part in one["loc"] if not str(part).startswith(("function-", "literal["))]
            said = one["msg"].removeprefix("Value error, ")
            place = ".".join(name for name in names if name not in ("Target", "WorkHours")).removesuffix(".within")
            if one["type"] == "literal_error" and "hours" in names and len(error.errors()) > 1:
                continue  # of the two ways to write hours, the week was meant
            found.setdefault(place, []).append(said)
        first = next(iter(found.items()), ("", ["it cannot be read"]))
        raise InvalidInput(f"{first[0]}: {first[1][0]}".removeprefix(": "), errors=found) from None
    if not any(form.targets.values()):
        raise InvalidInput(
            "A policy promises something: give first_reply, next_reply or resolution.",
            errors={"first_reply": ["at least one of the three targets is needed"]},
        )
    return form


def document_of(form: PolicyForm) -> dict[str, Any]:
    """What a version keeps: everything but key, title and case, JSON-able, without what is as it always is."""
    data: dict[str, Any] = {"hours": hours_text(form.hours)}
    data |= {kind: _written(target) for kind, target in form.targets.items() if target is not None}
    data["pauses"] = sorted(form.pauses)
    data["reopened"] = form.reopened
    data["warn"] = {"share": form.warn.share, "before": amount_text(form.warn.before)}
    if form.unowned_after is not None:
        data["unowned_after"] = amount_text(form.unowned_after)
    return data


def hours_text(hours: AnyHours) -> Any:
    """As it is written in a file."""
    if hours == "always":
        return hours
    found: dict[str, Any] = {"zone": hours.zone, "week": {day: _spans(spans) for day, spans in hours.week.items()}}
    if hours.holidays:
        found["holidays"] = hours.holidays
    if hours.days:
        found["days"] = {day.isoformat(): _spans(spans) for day, spans in hours.days.items()}
    return found


def _spans(spans: tuple[tuple[int, int], ...]) -> Any:
    if not spans:
        return "closed"
    said = [f"{_clock(first)}-{_clock(last if last <= 86_400 else last - 86_400)}" for first, last in spans]
    return said[0] if len(said) == 1 else said


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"


def digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def form_of(version: SlaPolicyVersion) -> PolicyForm:
    """A stored version; it was checked when it was stored."""
    return PolicyForm.model_validate({**_case(version), **version.document})


def as_file(version: SlaPolicyVersion) -> str:
    """The policy with these promises as a configuration file."""
    case = {name: value for name, value in _case(version).items() if value}
    return canonical({**case, **{name: _dated(value) for name, value in version.document.items()}})


def _dated(value: Any) -> Any:
    """Dates as YAML writes them; the database keeps them as text."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: {date.fromisoformat(day): spans for day, spans in part.items()} if name == "days" else _dated(part)
        for name, part in value.items()
    }


def _case(version: SlaPolicyVersion) -> dict[str, Any]:
    of = version.policy
    return {"key": of.key, "title": of.title, "tier": of.tier, "class": of.incident_class, "priority": of.priority}


def from_text(name: str, text: str) -> PolicyForm:
    """A policy as YAML. InvalidInput names `name` where it is no YAML."""
    data = parse(name, text)
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{name} is a mapping: key, title, the case and the targets.")
    return read_policy({str(key): value for key, value in data.items()})


def from_file(name: str, text: str) -> PolicyForm:
    """A file's policy. InvalidInput names the file."""
    try:
        form = from_text(name, text)
    except InvalidInput as error:
        said = error.detail if error.detail.startswith(name) else f"{name}: {error.detail}"
        raise InvalidInput(said, **error.extra) from None
    if form.key != Path(name).stem:
        raise InvalidInput(f"{name} holds the policy {form.key!r}: name the file {form.key}.yaml.")
    return form


def library_files() -> list[Path]:
    return sorted(LIBRARY.glob("*.yaml"))
