"""A real browser: Debian's Chromium, driven by Playwright, every page open under the enforced policy."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from altor.models import User
from tests import databases
from tests.pages import scene as scenes

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
#: The rules of axe whose outcome a theme can change.
COLOURS = ("color-contrast", "link-in-text-block")
#: Those that a width can change.
WIDTHS = ("target-size", "scrollable-region-focusable", "aria-hidden-focus")
#: Of the scene: its objects and the database's rows.
_kept: list[Any] = []
#: Where screenshots go, to be looked at by a person; none are kept without it.
SHOTS = os.environ.get("ALTOR_TEST_SHOTS", "")
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`);
});
"""


def chromium() -> str:
    """The browser's path; "" when none is installed."""
    named = os.environ.get("ALTOR_TEST_CHROMIUM", "")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with the module: while it is open its event loop counts as running, and nothing else may run one."""
    path = chromium()
    if not path:
        missing = "NO CHROMIUM: the pages were not looked at by a browser (apt-get install chromium)"
        if os.environ.get("ALTOR_TEST_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    # Playwright's loop runs in this thread while Django's ORM is used between its calls, never inside of them.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@dataclass
class Visit:
    """One browser tab of one person, with everything it complained about."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        self.page.goto(self.base + url, wait_until="load")
        return self.page

    def policy_violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.violations || []")
        return found

    def axe(self, *, only: Sequence[str] = ()) -> list[str]:
        """Violations of WCAG 2.0 to 2.2 A/AA and best practice, or of some rules; a line each. The policy stays on."""
        if not self.page.evaluate("typeof window.axe !== 'undefined'"):
            self.page.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        which = {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": tags}
        # From the top: what a scrolled page has half under its sticky header counts as too small a target.
        self.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        found: dict[str, Any] = self.page.evaluate(
            "(which) => axe.run(document, {runOnly: which, resultTypes: ['violations']})", which
        )
        return [
            f"{item['id']}: {node['target']} {node['failureSummary'].splitlines()[-1].strip()}"
            for item in found["violations"]
            for node in item["nodes"][:3]
        ]


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Any]:
    """`visit(user, theme, width)` opens a fresh profile of that person."""
    contexts: list[BrowserContext] = []

    def go(user: User | None, *, theme: str = "light", width: int = 1440, **options: Any) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, base_url=live_server.url, **options
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            for cookie in client.cookies.values():
                context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        context.add_init_script(_WATCH)
        page = context.new_page()
        visit = Visit(page, live_server.url)
        page.on("console", lambda m: visit.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: visit.complaints.append(str(e)))
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((live_server.url, "data:"))
                else visit.complaints.append(f"other origin: {r.url}")
            ),
        )
        return visit

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def scene(transactional_db: None) -> scenes.Scene:
    """Every page has something to show. Built once in a process: each test begins with the same rows."""
    if not _kept or not databases.are_ours():
        built = scenes.build()
        _kept[:] = [pickle.dumps(built), databases.rows()]
    else:
        databases.put_back(_kept[1])
    return cast("scenes.Scene", pickle.loads(_kept[0]))


def settled(page: Page, selector: str) -> None:
    """Wait for what htmx fills in later. It is there a moment before it listens: what is typed then would be lost."""
    page.wait_for_selector(selector)
    page.wait_for_function("!document.querySelector('.htmx-added, .htmx-settling, .htmx-swapping')")


def shoot(page: Page, name: str) -> None:
    """A picture of the whole page for a person to look at, when somewhere to put it is named."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
