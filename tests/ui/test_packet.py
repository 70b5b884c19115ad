"""The packet on paper and under the pointer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from tests.pages import scene as scenes
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]
#: What is left of a sheet between the margins, in CSS pixels.
SHEETS = {"A4": (688, 1005), "Letter": (710, 937)}


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_first_sheet_holds_what_one_decides_by_in_black_on_white(
    visit: Any, scene: scenes.Scene, sheet: str
) -> None:
    tab = visit(scene.admin, theme="dark", width=SHEETS[sheet][0])
    page = tab.open(reverse("escalations:packet-preview", args=[scene.done.ref]) + "?show=print")
    page.emulate_media(media="print")
    first = page.locator(".pp-first")
    assert (first.bounding_box() or {})["height"] <= SHEETS[sheet][1]
    for told in ("SEV2", "Impact", "Suspected", "What to do"):
        assert told in first.inner_text()
    assert not page.locator(".pp-bar").is_visible()
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    paper = page.pdf(format=sheet)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) >= 2
    shoot(page, f"packet-print-{sheet}")


def test_the_markdown_is_copied_with_one_click_and_references_lead_to_evidence(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.agent)
    page = tab.open(reverse("investigations:run", args=[scene.done.ref]))
    page.click("[popovertarget=run-more]")
    page.click("text=Packet for engineering")
    page.wait_for_selector("#pk-s")
    page.click(".al-why a.al-mono >> nth=0")
    assert page.url.endswith("#E2") and page.locator("#E2").is_visible()
    page.click("nav[aria-label='Form of the packet'] >> text=Markdown")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("text=Copy >> nth=0")
    page.wait_for_function("document.getElementById('said').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#packet-text").inner_text()
    assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
