"""The rules as a document: ordered, with a default at the end, and the business hours they speak of.

The whole set is one document with immutable versions, because rules mean something only in their order.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from altor.errors import InvalidInput

#: The calendar that counts for tickets of teams without one of their own.
INSTALLATION: Final = "installation"
MOST_RULES: Final = 100
_Text = Annotated[str, Field(min_length=1, max_length=120)]


class Mode(StrEnum):
    WATCH = "watch"  # taken in and classified; no run
    SUGGEST = "suggest"  # no run by itself; one click starts it
    AUTOMATIC = "automatic"  # the run starts by itself


def _time_zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError(f"there is no time zone {name!r}")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calendar(_Part):
    """Business hours. Days are 0 (Monday) to 6; `closes` at 00:00 means the end of the day."""

    timezone: Annotated[str, AfterValidator(_time_zone)] = ""  # "" = the team's, for the installation its profile's
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4)
    opens: time = time(9)
    closes: time = time(17)
    holidays: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError("the hours must end after they begin; for nights, use `outside` of the day's hours")
        return self


class Conditions(_Part):
    """All that are given must hold; an empty one holds always. Words are compared without regard to case."""

    classes: tuple[_Text, ...] = ()
    tiers: tuple[_Text, ...] = ()
    tags_any: tuple[_Text, ...] = ()
    tags_none: tuple[_Text, ...] = ()
    connections: tuple[_Text, ...] = ()  # "zendesk/main"; "zendesk" = all of that kind
    priorities: tuple[_Text, ...] = ()
    hours: Literal["any", "inside", "outside"] = "any"
    calendar: str = Field("", max_length=60)  # a team's slug or "installation"; "" = of the ticket's team
    class_known: Literal["any", "yes", "no"] = "any"


class Rule(_Part):
    key: str = Field("", max_length=40, pattern=r"^[a-z0-9-]*$")  # stable: the quota's places are counted by it
    title: str = Field(min_length=1, max_length=120)
    active: bool = True
    when: Conditions = Conditions()
    mode: Mode
    quota_per_hour: int | None = Field(None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.quota_per_hour is not None and self.mode is not Mode.AUTOMATIC:
            raise ValueError("only an automatic rule has a quota")
        return self


class RuleSet(_Part):
    """The first active rule that holds decides; without one the default does."""

    rules: tuple[Rule, ...] = Field((), max_length=MOST_RULES)
    default: Mode = Mode.AUTOMATIC
    quota_per_hour: int | None = Field(None, ge=0, le=100_000)  # of the whole installation; None = no limit
    calendars: dict[str, Calendar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        keys = [rule.key for rule in self.rules if rule.key]
        if len(keys) != len(set(keys)):
            raise ValueError("two rules have the same key")
        return self

    def rule(self, key: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.key == key), None)

    def replaced(self, **changes: Any) -> RuleSet:
        """A copy with changes. The changes are validated values already."""
        return self.model_copy(update=changes)

    def as_data(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def read_rules(data: Any) -> RuleSet:
    """A rule set from foreign data. InvalidInput names the place, e.g. `rules.2.when.classes`."""
    try:
        return RuleSet.model_validate(data)
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, item["loc"])), "message": item["msg"].removeprefix("Value error, ")}
            for item in error.errors()
        ]
        first = problems[0]
        where = f"{first['field']}: " if first["field"] else ""
        raise InvalidInput(f"The rules are not valid: {where}{first['message']}.", problems=problems) from None
