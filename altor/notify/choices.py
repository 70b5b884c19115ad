"""What one person wants: per kind off, at once or in a digest; quiet hours and the digest's hour in their own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from altor.models import NoticePreference, User
from altor.notify.kinds import NoticeKind

MAIL: Final = ("off", "now", "digest")
OWN: Final = ("off", "now")


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's preference, or what holds without one. Times are local to `zone`."""

    zone: ZoneInfo
    preference: NoticePreference

    @classmethod
    def of(cls, person: User) -> Wishes:
        """One query when `notice_preference` was not prefetched. An unknown zone counts as UTC."""
        try:
            zone = ZoneInfo(person.timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        found = getattr(person, "notice_preference", None)
        return cls(zone, found or NoticePreference(person=person))

    def mail(self, name: str, kind: NoticeKind) -> str:
        return self._chosen(name, "mail", MAIL) or kind.mail

    def own(self, name: str, kind: NoticeKind) -> str:
        return self._chosen(name, "own", OWN) or kind.own

    def _chosen(self, name: str, column: str, known: tuple[str, ...]) -> str:
        value = (self.preference.choices.get(name) or {}).get(column, "")
        return value if value in known else ""

    @property
    def leaves_out(self) -> bool:
        return self.preference.quiet_rule == NoticePreference.Quiet.SKIP

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours end that `now` lies in (UTC); None outside of them. They may go over midnight."""
        start, end = self.preference.quiet_from, self.preference.quiet_until
        if start is None or end is None or start == end:
            return None
        local = now.astimezone(self.zone)
        over_midnight = end < start
        at = local.time()
        if not ((at >= start or at < end) if over_midnight else start <= at < end):
            return None
        days = 1 if over_midnight and at >= start else 0
        until = self._at(local, end, days)
        # In the hour that a clock set back repeats, the first one of the two may be over.
        return until if until > now else self._at(local, end.replace(fold=1), days)

    def next_digest(self, now: datetime) -> datetime:
        """The next time (UTC) that the person's digest is due, later than `now`."""
        local = now.astimezone(self.zone)
        hour = time(min(self.preference.digest_hour, 23))
        today = self._at(local, hour, 0)
        return today if today > now else self._at(local, hour, 1)

    def _at(self, local: datetime, at: time, days: int) -> datetime:
        return datetime.combine(local.date() + timedelta(days=days), at, tzinfo=self.zone).astimezone(UTC)
