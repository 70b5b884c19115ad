"""Every page, light and dark, wide and narrow: no accessibility violation, no complaint, no sideways scroll."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages import scene as scenes
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]

#: Polls, so it is looked at in its own test.
MOVING = {"run-running"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_in_order(visit: Any, theme: str, width: int) -> None:
    scene = scenes.build()
    tab = visit(scene.admin, theme=theme, width=width)
    wrong: dict[str, list[str]] = {}
    for name, url in scenes.pages(scene).items():
        tab.complaints.clear()
        page = tab.open(url)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        found = tab.axe()
        found += [f"policy: {item}" for item in tab.policy_violations()]
        found += [f"console: {item}" for item in tab.complaints if not (name == "not-found" and "404" in item)]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            found.append(f"scrolls sideways by {wide} px")
        if page.evaluate("document.querySelectorAll('h1').length") != 1:
            found.append("not exactly one h1")
        if page.evaluate("document.documentElement.dataset.bsTheme") != theme:
            found.append("wrong theme")
        if page.evaluate("window.hacked"):
            found.append("a payload ran")
        if found:
            wrong[name] = found
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
        shoot(page, f"{name}-{theme}-{width}")
    assert wrong == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_is_in_order(visit: Any, theme: str) -> None:
    for width in (1440, 390):
        tab = visit(None, theme=theme, width=width)
        page = tab.open("/")
        assert page.title().startswith("Sign in")
        assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
        shoot(page, f"login-{theme}-{width}")
        page.fill("input[name=login]", "nobody")
        page.fill("input[name=password]", "obviously-wrong-password")
        page.click("button[type=submit]")
        page.wait_for_selector(".al-errors")
        assert tab.axe() == []
        shoot(page, f"login-refused-{theme}-{width}")
