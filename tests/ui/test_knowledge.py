"""Knowledge in a browser: found while one types, written with a preview, saved by two at once."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests.pages import scene as scenes
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


def test_an_entry_is_found_while_one_types_and_opened_by_keyboard(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.agent)
    page = tab.open("/")
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/knowledge/")
    expect(page.locator("#kb-q")).to_be_focused()
    page.keyboard.type("refused since the cleint update")
    hit = page.locator(".al-kbhits li").first
    expect(hit).to_contain_text("Retry storm after a client update")
    expect(page.locator("#kb-results [role=status]")).to_contain_text("“client” was looked for as well")
    assert hit.locator("mark").count() > 0 and "q=refused" in page.url
    page.keyboard.press("Escape")
    page.locator("#kb-q").evaluate("(field) => field.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/knowledge/KB-*/")
    shoot(page, "entry-by-keyboard")
    page.keyboard.press("e")
    page.wait_for_url("**/edit/")
    assert tab.policy_violations() == [] and tab.complaints == []


def test_an_entry_is_written_with_a_preview_and_a_warning_of_a_second_one(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.agent, width=390, theme="dark")
    page = tab.open("/knowledge/new/")
    page.fill("#id_title", "Retry storm after an update of the client")
    page.fill("#id_symptoms", "Answers with **429** on every route.")
    preview = page.locator("#entry-preview")
    expect(preview.locator("strong", has_text="429")).to_be_visible()
    expect(preview).to_contain_text("says something alike")
    page.fill(
        "#id_detection", "source: clickhouse\nquery: DROP TABLE requests\nfires: found.row_count > 1.0\nsays: x\n"
    )
    expect(preview).to_contain_text("query")
    page.fill("#id_detection", "")
    page.fill("#id_customer_wording", "It will probably be fixed soon.")
    expect(preview.locator(".al-found")).to_contain_text("probably")
    shoot(page, "entry-written")
    assert tab.axe() == []
    page.fill("#id_title", "x")
    page.click("text=Save")
    expect(page.locator(".al-errors")).to_be_visible()
    assert page.input_value("#id_symptoms") == "Answers with **429** on every route."
    page.fill("#id_title", "Storm of tries after an update")
    page.click("text=Save")
    page.wait_for_url("**/knowledge/KB-*/")
    assert Entry.objects.latest("pk").title == "Storm of tries after an update"
    assert tab.policy_violations() == []


def test_of_two_who_edit_nobody_loses_a_word(visit: Any, scene: scenes.Scene) -> None:
    entry = Entry.objects.get(label="rl.retry_storm")
    tab = visit(scene.agent)
    page = tab.open(f"/knowledge/{entry.ref}/edit/")
    page.fill("#id_symptoms", "Mine.")
    save_entry(entry, {"symptoms": "Hers.", "remediation": "Her remedy."}, actor=scene.lead)
    page.click("text=Save as version")
    expect(page.locator("[role=alert]")).to_contain_text("saved version")
    assert page.input_value("#id_symptoms") == "Mine." and page.input_value("#id_remediation") == "Her remedy."
    expect(page.locator(".al-kbdiff ins").first).to_be_visible()
    shoot(page, "entry-conflict")
    assert tab.axe() == []
    page.click("text=Save as version")
    page.wait_for_url(f"**/knowledge/{entry.ref}/")
    entry.refresh_from_db()
    assert (entry.symptoms, entry.remediation) == ("Mine.", "Her remedy.")
    page.click("text=History")
    expect(page.locator(".al-kbdiff del").first).to_contain_text("Hers.")
    page.locator("text=Restore v1").first.click()
    page.wait_for_url(f"**/knowledge/{entry.ref}/")
    entry.refresh_from_db()
    assert "since an update" in entry.symptoms
    assert tab.policy_violations() == [] and [one for one in tab.complaints if "409" not in one] == []
