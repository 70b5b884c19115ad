"""Takes the pictures of the how-to pages anew from a running demo (`make demo`), with Chromium.

    .venv/bin/python docs/images/take.py http://127.0.0.1:8000 http://localhost:<stand-in helpdesk>

One connection that it adds, Chatwoot's, stays in the demo; `manage.py demo --reset` begins anew.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

#: A page of another site may show one on loopback only without these checks; the pictures alone need it.
FLAGS: Final = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
HERE: Final = Path(__file__).parent
#: What the form of a connection is filled with. No secret: the picture shows where it goes.
FORMS: Final[dict[str, dict[str, str]]] = {
    "zendesk": {
        "base_url": "https://harborline.zendesk.com",
        "option_own_user_id": "5712804131",
        "option_email": "altor@harborline.example",
        "option_installation_id": "41873",
        "origins": "https://harborline.zendesk.com",
    },
    "freshdesk": {
        "base_url": "https://harborline.freshdesk.com",
        "option_own_user_id": "80014512",
        "origins": "https://harborline.freshdesk.com",
    },
    "chatwoot": {
        "base_url": "https://chat.harborline.example",
        "option_account_id": "1",
        "origins": "https://chat.harborline.example",
    },
    "front": {"base_url": "https://harborline.api.frontapp.com", "origins": "https://app.frontapp.com"},
    "helpscout": {"base_url": "https://api.helpscout.net/v2", "origins": "https://secure.helpscout.net"},
    "intercom": {"base_url": "https://api.eu.intercom.io", "option_workspace_id": "h4rb0r1n"},
    "generic": {
        "base_url": "https://desk.harborline.example",
        "option_ticket_url": "https://desk.harborline.example/tickets/{id}",
        "origins": "https://desk.harborline.example",
    },
}

_HOST: Final = """<!doctype html><style>body{{margin:0}} iframe{{border:0;width:100%;height:100vh}}</style>
<iframe src="{frame}"></iframe><script>
addEventListener("message", (e) => e.data?.type === "ready" && e.source.postMessage(
  {{altor: 1, type: "context", ticket: "48414", agent: "Ana"}}, "*"));
</script>"""


@contextmanager
def tab(browser: Browser, width: int, height: int) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    try:
        yield context.new_page()
    finally:
        context.close()


def take(altor: str, desk: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        sidebar(browser, desk)
        with tab(browser, 1100, 900) as page:
            page.goto(altor)
            page.fill("[name=login]", "admin")
            page.fill("[name=password]", "harbor-demo")
            page.click("button[type=submit]")
            page.wait_for_url(f"{altor}/")
            for kind in FORMS:
                form(page, altor, kind)
            connection(page, altor)
        signing_in(browser, altor)
        browser.close()


def sidebar(browser: Browser, desk: str) -> None:
    """A ticket of the stand-in helpdesk with the draft taken into its reply editor."""
    with tab(browser, 1440, 900) as page:
        page.goto(desk)
        ticket = page.locator("a[href^='/tickets/']", has_text="too many requests").first.get_attribute("href")
        page.goto(f"{desk}{ticket}")
        page.frame_locator("iframe").get_by_role("button", name="Insert reply").first.click()
        page.wait_for_function("document.querySelector('textarea').value.length > 0")
        page.screenshot(path=HERE / "sidebar-in-a-helpdesk.png")


def signing_in(browser: Browser, altor: str) -> None:
    """The code that an agent confirms, in a page that stands for a helpdesk which signs nothing."""
    host = FORMS["chatwoot"]["origins"]
    frame = f"{altor}/widget/chatwoot/main/"
    with tab(browser, 320, 400) as page:
        page.route(f"{host}/**", lambda route: route.fulfill(content_type="text/html", body=_HOST.format(frame=frame)))
        page.goto(f"{host}/")
        inner = page.frame_locator("iframe")
        inner.get_by_role("button", name="Sign in").click()
        inner.get_by_role("heading", name="Confirm this code").wait_for()
        page.screenshot(path=HERE / "sidebar-sign-in.png")


def form(page: Page, altor: str, kind: str) -> None:
    """The first three cards of a new connection's form, filled in."""
    page.goto(f"{altor}/helpdesks/new/{kind}/")
    fill(page, kind)
    page.set_viewport_size({"width": 1100, "height": 2600})
    cards = page.locator("main form .card")
    first, last = cards.nth(0).bounding_box(), cards.nth(2).bounding_box()
    if first is None or last is None:
        raise SystemExit(f"the form of {kind} shows no cards")
    page.screenshot(
        path=HERE / f"helpdesk-{kind}.png",
        clip={
            "x": first["x"] - 12,
            "y": first["y"] - 12,
            "width": first["width"] + 24,
            "height": last["y"] + last["height"] - first["y"] + 24,
        },
    )


def fill(page: Page, kind: str) -> None:
    for name, value in FORMS[kind].items():
        page.fill(f"main [name={name}]", value)
    for name in ("writes_notes", "writes_tags"):
        box = page.locator(f"main [name={name}]")
        if box.is_enabled():
            box.check()


def connection(page: Page, altor: str) -> None:
    page.goto(f"{altor}/helpdesks/new/chatwoot/")
    page.fill("main [name=origins]", FORMS["chatwoot"]["origins"])
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


if __name__ == "__main__":
    take(*(address.rstrip("/") for address in sys.argv[1:3]))
