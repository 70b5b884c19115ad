"""The reference page is held to the code, and its example verifies what Altor sends."""

from __future__ import annotations

import re

from altor.settings.environment import ROOT
from altor.webhooks.delivering import FAILING, KEPT, SCHEDULE
from altor.webhooks.events import TEST, event_types

PAGE = (ROOT / "docs" / "reference" / "outbound-webhooks.md").read_text()


def test_every_event_type_is_in_the_reference() -> None:
    table = PAGE.partition("| told when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z.]+)` \|", table, re.M)) == {*event_types(), TEST}


def test_the_schedule_in_the_reference_is_the_codes() -> None:
    assert "5 s, 1 min, 5 min, 30 min, 2 h, 6 h, 12 h" in PAGE
    assert [wait.total_seconds() for wait in SCHEDULE] == [5, 60, 300, 1800, 7200, 21_600, 43_200]
    assert (FAILING.days, KEPT.days) == (5, 30) and "five days" in PAGE and "30 days" in PAGE
