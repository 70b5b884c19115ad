"""Which teams hand off, and how, as a configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.utils import timezone

from altor.configuration import Row, canonical, read_rows
from altor.errors import DomainError, InvalidInput
from altor.models import Team, User
from escalations.handoffs.switching import save_setting
from escalations.models import HandoffSetting


class _HandoffRow(Row):
    on: bool = True
    draft_before_min: int = 30
    escalate_after_min: int = 30


class HandoffsPart:
    """Settings by the team's short name. They come after rotations: without shifts there is nothing to hand off."""

    name: ClassVar[str] = "handoffs"
    file: ClassVar[str] = "handoffs.yaml"

    def owns(self, file: str) -> bool:
        return file == self.file

    def export(self) -> dict[str, str]:
        rows = HandoffSetting.objects.select_related("team").order_by("team__slug")
        return {self.file: canonical({row.team.slug: self._told(row).model_dump() for row in rows})}

    @staticmethod
    def _told(row: HandoffSetting) -> _HandoffRow:
        return _HandoffRow(
            on=row.is_on, draft_before_min=row.draft_before_min, escalate_after_min=row.escalate_after_min
        )

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        if self.file not in files:
            return
        wanted = read_rows(self.file, files[self.file], _HandoffRow)
        known = {row.team.slug: row for row in HandoffSetting.objects.select_related("team")}
        if prune:
            wanted |= {
                slug: self._told(row).model_copy(update={"on": False})
                for slug, row in known.items()
                if slug not in wanted
            }
        for slug, data in wanted.items():
            if slug in known and self._told(known[slug]) == data:
                continue
            team = Team.objects.filter(slug=slug).first()
            if team is None:
                raise InvalidInput(f"{self.file}: there is no team {slug!r}.")
            try:
                save_setting(
                    team, is_on=data.on, draft_before_min=data.draft_before_min,
                    escalate_after_min=data.escalate_after_min, actor=actor, now=timezone.now(),
                )  # fmt: skip
            except DomainError as error:
                raise InvalidInput(f"{self.file}: {slug}: {error.detail}") from None
