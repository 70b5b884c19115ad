"""The light way to a rotation, in a browser: from nothing to somebody in the header, and one change in the editor."""

from __future__ import annotations

from typing import Any

import pytest

from escalations.models import Rotation
from tests import factories as make
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


def test_a_lead_begins_a_rotation_and_enter_saves_in_the_editor(visit: Any) -> None:
    team = make.team(is_default=True)
    lead = make.user("lena", role="lead", teams=(team,), first_name="Lena", last_name="Lead")
    make.user("ana", teams=(team,), first_name="Ana", last_name="Reyes")
    tab = visit(lead, width=1440)
    page = tab.open("/on-call/")
    page.click("text=Choose people")
    page.get_by_role("checkbox", name="Ana Reyes").check()
    page.get_by_role("checkbox", name="Lena Lead").check()
    page.click("button:has-text('Start')")
    page.wait_for_selector(".al-fact")
    assert "Urgent triage: Ana Reyes" in " ".join(page.inner_text(".al-fact").split())
    page.click("a:has-text('Edit')")
    page.click("button:has-text('Add a seat')")
    page.wait_for_selector("#ed-s1")
    page.select_option("#s1-l0-p0", label="Lena Lead")
    page.click("button:has-text('Preview')")
    page.wait_for_selector("#ed-p")
    shoot(page, "rotation-preview")
    # Enter in a field saves what stands there; it does not press the first button of a row.
    page.fill("#ed-comment", "A second person")
    page.press("#ed-comment", "Enter")
    page.wait_for_url("**/on-call/support/")
    assert Rotation.objects.get().versions.count() == 2
    assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
