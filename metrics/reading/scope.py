"""Which cycles a figure is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import available_timezones

from altor.errors import InvalidInput
from altor.models import Team, User
from altor.roles import Role
from investigations.models import Ticket
from metrics.definitions.metric import Axis

#: By what figures can be grouped -> column.
GROUPS: Final = {"week": "week", "class": "incident_class", "team": "team_id", "tier": "tier"}
#: Weeks of the choices that pages offer.
RANGES: Final = (4, 12, 52)
DEFAULT_RANGE: Final = 12
LONGEST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Scope:
    """Weeks from `first` to `last` (Mondays, both included) and what is chosen; "" leaves open. `teams` None: all."""

    first: date
    last: date
    incident_class: str = ""
    team: str = ""
    tier: str = ""
    teams: tuple[int, ...] | None = None
    #: Weeks are those of this zone; "" of each ticket's team.
    zone: str = ""
    only_owned: User | None = field(default=None, compare=False)  # an engineer: own tickets

    @property
    def weeks(self) -> list[date]:
        return [self.first + timedelta(days=7 * n) for n in range((self.last - self.first).days // 7 + 1)]

    @property
    def before(self) -> Scope:
        """The period of the same length before this one."""
        length = timedelta(days=7 * len(self.weeks))
        return Scope(
            self.first - length, self.last - length, self.incident_class, self.team, self.tier, self.teams, self.zone,
            self.only_owned,
        )  # fmt: skip


def last_weeks(user: User, weeks: int, now: datetime, **chosen: str) -> Scope:
    """The last so many weeks, this one included, of what the person may see. InvalidInput as `scope`."""
    this = monday_of(now.date())
    return scope(user, this - timedelta(days=7 * (weeks - 1)), this, **chosen)


def scope(
    user: User, first: date, last: date, *, incident_class: str = "", team: str = "", tier: str = "", zone: str = ""
) -> Scope:
    """InvalidInput for a period that ends before it begins or is longer than ten years, for a team that is not theirs,
    and for a zone that does not exist. "-" as class or tier means: without one.
    """
    first, last = monday_of(first), monday_of(last)
    if last < first:
        raise InvalidInput("The period ends before it begins.")
    if (last - first).days > LONGEST_DAYS:
        raise InvalidInput("The period is longer than ten years.")
    if zone and zone not in available_timezones():
        raise InvalidInput(f"There is no time zone {zone!r}.")
    if user.role == Role.ENGINEER:
        return Scope(first, last, incident_class, "", tier, None, zone, user)
    mine = Team.objects.order_by("name") if user.role == Role.ADMIN else user.teams.order_by("name")
    teams = None if user.role == Role.ADMIN else tuple(mine.values_list("pk", flat=True))
    if team:
        chosen = mine.filter(slug=team).values_list("pk", flat=True).first()
        if chosen is None:
            raise InvalidInput(f"There is no team {team!r} of yours.")
        teams = (chosen,)
    return Scope(first, last, incident_class, team, tier, teams, zone)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def condition(wanted: Scope, axis: Axis) -> tuple[str, list[Any]]:
    """As SQL on `metrics_cycle`."""
    week, given = week_of(axis, wanted.zone)
    parts: list[str] = [f"{week} BETWEEN %s AND %s"]
    params: list[Any] = [*given, wanted.first, wanted.last]
    if wanted.zone:  # near enough for the index, exact by the above
        parts.append(f"{week_of(axis, '')[0]} BETWEEN %s AND %s")
        params += [wanted.first - timedelta(days=7), wanted.last + timedelta(days=7)]
    for value, column in ((wanted.incident_class, "incident_class"), (wanted.tier, "tier")):
        if value:
            parts.append(f"{column} = %s")
            params.append("" if value == "-" else value)
    if wanted.teams is not None:
        parts.append("team_id = ANY(%s)")
        params.append(list(wanted.teams))
    if wanted.only_owned is not None:
        sql, owned = Ticket.objects.visible_to(wanted.only_owned).order_by().values("pk").query.sql_with_params()
        parts.append(f"ticket_id IN ({sql})")
        params += owned
    return " AND ".join(parts), params


def week_of(axis: Axis, zone: str) -> tuple[str, list[Any]]:
    """The Monday of a cycle's week as SQL, and its parameters."""
    column, at = ("week", "closed_at") if axis is Axis.CLOSED else ("begun_week", "begun_at")
    return (f"(date_trunc('week', {at} AT TIME ZONE %s))::date", [zone]) if zone else (column, [])


def columns(groups: Sequence[str], axis: Axis, zone: str = "") -> tuple[list[str], list[Any]]:
    """As SQL, and the parameters. InvalidInput for what cannot be grouped by."""
    if strange := [name for name in groups if name not in GROUPS]:
        raise InvalidInput(f"Group by {', '.join(GROUPS)}, not by {strange[0]!r}.")
    if len(set(groups)) < len(groups):
        raise InvalidInput("Group by each of them once.")
    week, given = week_of(axis, zone)
    return [week if name == "week" else GROUPS[name] for name in groups], given if "week" in groups else []
