"""The guide is held to the code."""

from __future__ import annotations

from altor.models import NoticeChannel
from altor.notify.delivering import KEPT, SCHEDULE
from altor.notify.kinds import KINDS
from altor.notify.senders import SENDERS
from altor.notify.senders.services import SCHEMAS
from altor.settings.environment import ROOT

PAGE = (ROOT / "docs" / "how-to" / "notifications.md").read_text()


def test_every_service_is_in_the_guide() -> None:
    assert set(SENDERS) == set(NoticeChannel.Kind.values)
    assert [schema for schema in SCHEMAS if f"`{schema}`" not in PAGE] == []


def test_schedule_and_defaults_in_the_guide_are_the_codes() -> None:
    assert "10 s, 1 min, 5 min, 30 min and 2 h" in PAGE
    assert [wait.total_seconds() for wait in SCHEDULE] == [10, 60, 300, 1800, 7200]
    assert KEPT.days == 30 and "kept for 30 days" in PAGE.replace("\n", " ")
    assert {name for name, kind in KINDS.items() if kind.mail == "digest"} == {"diagnosis.ready"}
    assert {kind.mail for name, kind in KINDS.items() if name != "diagnosis.ready"} == {"now"}
