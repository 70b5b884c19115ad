"""Every page, light and dark, wide and narrow: no accessibility violation, no complaint, no sideways scroll."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages import scene as scenes
from tests.ui.conftest import COLOURS, WIDTHS, shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]

#: Polls, so it is looked at in its own test.
MOVING = {"run-running"}


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_in_order(visit: Any, scene: scenes.Scene, width: int) -> None:
    """Each page is loaded once and switched to dark: the themes differ in colours only, which are looked at wide in
    light and narrow in dark.
    """
    tab = visit(scene.admin, width=width, reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    for name, url in scenes.pages(scene).items():
        tab.complaints.clear()
        tab.page.emulate_media(color_scheme="light")
        page = tab.open(url)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        # What a width changes and what a theme changes is looked at narrow and in dark, everything else once.
        found = tab.axe() if width == 1440 else []
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            found.append(f"scrolls sideways by {wide} px")
        if page.evaluate("document.querySelectorAll('h1').length") != 1:
            found.append("not exactly one h1")
        if page.evaluate("document.documentElement.dataset.bsTheme") != "light":
            found.append("wrong theme")
        _shoot_closed(page, f"{name}-light-{width}")
        page.emulate_media(color_scheme="dark")
        page.evaluate(
            """() => {
              document.documentElement.dataset.bsTheme = "dark";
              document.querySelectorAll("details").forEach((d) => { d.open = true; });
            }"""
        )
        found += [f"dark: {item}" for item in tab.axe(only=(*COLOURS, *WIDTHS))] if width == 390 else []
        found += [f"policy: {item}" for item in tab.policy_violations()]
        found += [f"console: {item}" for item in tab.complaints if not (name == "not-found" and "404" in item)]
        if page.evaluate("window.hacked"):
            found.append("a payload ran")
        if found:
            wrong[name] = found
        _shoot_closed(page, f"{name}-dark-{width}")
    assert wrong == {}


def _shoot_closed(page: Any, name: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    shoot(page, name)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_opens_in_the_theme_of_the_system(visit: Any, scene: scenes.Scene, theme: str) -> None:
    tab = visit(scene.admin, theme=theme)
    page = tab.open(scenes.pages(scene)["run-done"])
    assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
    assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_is_in_order(visit: Any, theme: str) -> None:
    for width in (1440, 390):
        tab = visit(None, theme=theme, width=width)
        page = tab.open("/")
        assert page.title().startswith("Sign in")
        assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
        assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
        shoot(page, f"login-{theme}-{width}")
        page.fill("input[name=login]", "nobody")
        page.fill("input[name=password]", "obviously-wrong-password")
        page.click("button[type=submit]")
        page.wait_for_selector(".al-errors")
        assert tab.axe() == []
        shoot(page, f"login-refused-{theme}-{width}")
