"""The live run page and the keyboard, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from investigations.models import Investigation
from tests import factories as make
from tests.pages import scene as scenes
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


def _running_with_a_question() -> tuple[Any, Investigation]:
    support = make.team("Support")
    agent = make.user("priya", teams=(support,))
    steps = [dict(step) for step in make.playbook().document["steps"]]
    steps[2]["manual"] = {"ask": "Which job?", "answer": "text"}
    book = make.playbook("asks_for_text", is_active=False, steps=steps)
    run = make.run(
        make.ticket(in_team=support), status="running", started_at=timezone.now(), live_version=1, playbook=book
    )
    traffic = make.step(run, "traffic", 1, verdict="abnormal", result="43% rejected")
    make.evidence(traffic, "E1", requests=[make.QUERY], columns=["h"], rows=[["10:00"]], row_count=1)
    make.step(run, "confirm", 3, title="Which job?", source="manual", status="asked", seconds=None)
    return agent, run


def _grow(run: Investigation, **values: Any) -> None:
    Investigation.objects.filter(pk=run.pk).update(live_version=F("live_version") + 1, **values)


def test_polling_keeps_focus_text_and_open_details_and_stops_at_the_end(visit: Any) -> None:
    agent, run = _running_with_a_question()
    tab = visit(agent)
    codes: list[int] = []
    tab.page.on("response", lambda r: codes.append(r.status) if "/live/" in r.url else None)
    page = tab.open(f"/investigations/{run.ref}/")
    page.wait_for_timeout(2300)
    assert set(codes) == {204}, "nothing changed, so nothing was sent"
    page.click("#E1-q summary")
    field = page.locator("#a-confirm")
    field.fill("the nightly ex")
    # A new version arrives while the field is in use and the query is open.
    make.step(run, "deployments", 2, verdict="normal", result="Nothing was deployed")
    _grow(run)
    expect(page.locator("#step-deployments")).to_contain_text("Nothing was deployed", timeout=5000)
    assert page.evaluate("document.getElementById('E1-q').open")
    expect(field).to_be_focused()
    expect(field).to_have_value("the nightly ex")
    page.keyboard.type("port")
    page.locator("h1").click()  # the focus leaves, the half-filled form stays
    _grow(run, severity="SEV3")
    expect(page.locator("#run-meta")).to_contain_text("SEV 3", timeout=5000)
    expect(field).to_have_value("the nightly export")
    shoot(page, "live")
    _grow(run, status="done", diagnosis=make.diagnosis(), confidence=0.86, seconds=3.2)
    expect(page.locator("#run-meta")).to_contain_text("Done", timeout=5000)
    assert 286 in codes
    count = len(codes)
    page.wait_for_timeout(2500)
    assert len(codes) == count, "polling stopped"
    assert page.locator("#live[hx-get]").count() == 0
    assert tab.policy_violations() == [] and tab.complaints == []


def test_a_lost_connection_is_said_and_taken_back(visit: Any) -> None:
    agent, run = _running_with_a_question()
    tab = visit(agent)
    page = tab.open(f"/investigations/{run.ref}/")
    page.route("**/live/**", lambda route: route.abort())
    expect(page.locator("#connection")).to_be_visible(timeout=8000)
    page.unroute("**/live/**")
    expect(page.locator("#connection")).to_be_hidden(timeout=8000)


def test_the_keyboard_alone_walks_from_the_list_to_the_evidence_and_back(visit: Any, scene: scenes.Scene) -> None:
    page = visit(scene.admin).open("/")
    page.keyboard.press("Tab")
    expect(page.locator(".al-skip")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/investigations/")
    for _ in Investigation.objects.filter(pk__gte=scene.again.pk):  # the newest comes first
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/investigations/{scene.again.ref}/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.closest('[data-row]').id")
    assert focused == "E1"
    page.keyboard.press("q")
    assert page.evaluate("document.getElementById('E1-q').open")
    page.keyboard.press("d")
    page.wait_for_url("**/#reply")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    shoot(page, "shortcuts")
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#palette-q")).to_be_focused()
    page.keyboard.type("north")
    expect(page.locator("#palette-results a").first).to_be_visible(timeout=5000)
    shoot(page, "palette")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/tickets/" in url or "/customers/" in url)


def test_shortcuts_are_off_in_fields_and_when_switched_off(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.admin)
    page = tab.open("/tickets/new/")
    page.fill("#id_subject", "")
    page.focus("#id_subject")
    page.keyboard.type("g r /?")
    assert page.input_value("#id_subject") == "g r /?" and page.url.endswith("/tickets/new/")
    scene.admin.shortcuts_enabled = False
    scene.admin.save(update_fields=["shortcuts_enabled"])
    page = tab.open("/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_timeout(400)
    assert page.url.rstrip("/") == tab.base


def test_filter_chips_theme_and_drawer_work(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.admin, width=390)
    page = tab.open(f"/investigations/{scene.done.ref}/")
    page.click("[data-filter=github]")
    assert page.locator("#E1").is_hidden() and page.locator("#E2").is_visible()
    assert "show=github" in page.url
    page.reload()
    assert page.locator("#E1").is_hidden()
    expect(page.locator("[data-filter=github]")).to_have_attribute("aria-pressed", "true")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert page.locator("#rail").is_hidden()
    page.click(".al-menu")
    expect(page.locator("#rail")).to_be_visible()
    shoot(page, "drawer")
    page.click("#rail a[href='/tickets/']")
    page.wait_for_url("**/tickets/")
    assert tab.policy_violations() == [] and tab.complaints == []


def test_reduced_motion_and_forced_colours_are_respected(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.admin, reduced_motion="reduce", forced_colors="active")
    page = tab.open(f"/investigations/{scene.running.ref}/")
    assert page.evaluate("getComputedStyle(document.querySelector('.al-spin')).animationName") == "none"
    shoot(page, "forced-colours")
    assert tab.policy_violations() == [] and tab.complaints == []


def test_injected_style_and_handler_are_blocked_and_reported(visit: Any, scene: scenes.Scene) -> None:
    """The control: were the policy off, the tests above would prove nothing."""
    page = visit(scene.admin).open("/")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<p style="color:red" onclick="window.hacked=1" id=bad>x</p>\')'
    )
    page.click("#bad")
    assert not page.evaluate("window.hacked")
    assert len(page.evaluate("window.violations")) >= 1


def test_the_administration_works_under_the_policy(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.admin)
    for url in (
        "/admin/",
        "/admin/altor/user/",
        "/admin/investigations/evidence/",
        f"/admin/investigations/investigation/{scene.done.pk}/change/",
        "/admin/investigations/customer/add/",
    ):
        page = tab.open(url)
        assert tab.policy_violations() == [] and tab.complaints == [], url
        shoot(page, "admin-" + url.strip("/").replace("/", "-"))
