"""The packaged pages in a real browser: what goes in, what comes back, and from whom nothing is taken.

The vendors' frameworks are closed; a small stand-in plays them, and two loopback servers are the app's host and Altor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from investigations.helpdesks.freshdesk import app as freshdesk
from investigations.helpdesks.zendesk import app as zendesk
from tests.loopback import Answer, Asked, Upstream, serving
from tests.ui.conftest import browser  # noqa: F401  # the fixture

pytestmark = pytest.mark.ui
#: Keeps what it hears, and says what a test wants to whoever frames it.
ALTOR = """<!DOCTYPE html><title>Altor</title><script>
window.heard = [];
addEventListener('message', (event) => heard.push({origin: event.origin, data: event.data}));
</script>"""
ZAF = """
window.calls = [];
window.ZAFClient = {init: () => ({
  get: (paths) => Promise.resolve({
    'ticket.id': 35436, 'currentUser.id': 9001, 'currentUser.name': 'Ada', 'currentUser.email': 'ada@helpdesk.example',
  }),
  on: () => {},
  invoke: (...call) => calls.push(call),
})};
"""
FRESH = """
window.calls = [];
window.app = {initialized: () => Promise.resolve({
  data: {get: (name) => Promise.resolve(name === 'ticket' ? {ticket: {id: 35436}}
    : {loggedInUser: {id: 9001, contact: {name: 'Ada', email: 'ada@helpdesk.example'}}})},
  events: {on: () => {}},
  interface: {trigger: (...call) => calls.push(call)},
  instance: {resize: (...call) => calls.push(call)},
})};
"""
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
CONTEXT = {
    "altor": 1, "type": "context", "ticket": "35436",
    "agent": {"id": "9001", "name": "Ada", "email": "ada@helpdesk.example"},
}  # fmt: skip


def host(files: dict[str, bytes], below: str) -> Any:
    """A server of the package's pages."""

    def serve(asked: Asked) -> Answer:
        content = files.get(below + asked.path.lstrip("/"))
        if content is None:
            return Answer(404)
        kind = KINDS.get(PurePosixPath(asked.path).suffix, "image/svg+xml")
        return Answer(200, content.replace(b"{{{appclient}}}", b"/appclient.js"), {"Content-Type": kind})

    return serve


@pytest.fixture
def altor() -> Iterator[Upstream]:
    with serving(lambda asked: Answer(200, ALTOR.encode(), {"Content-Type": "text/html"})) as upstream:
        yield upstream


@pytest.fixture(params=["zendesk", "freshdesk"])
def sidebar(request: pytest.FixtureRequest, browser: Browser, altor: Upstream) -> Iterator[tuple[str, Page]]:  # noqa: F811
    """The helpdesk's name and its app's page, open, with the context handed over."""
    name = request.param
    address = f"{altor.url}/widget/{name}/acme/"
    if name == "zendesk":
        files, below, path = zendesk.files(address, email="a@altor.example", signed=False), "assets/", "iframe.html"
    else:
        files, below, path = freshdesk.files(address), "app/", "index.html"
        files["app/appclient.js"] = FRESH.encode()
    with serving(host(files, below)) as place:
        page = browser.new_page()
        sdk = "https://static.zdassets.com/**"
        page.route(sdk, lambda route: route.fulfill(body=ZAF, content_type="text/javascript"))
        page.goto(f"{place.url}/{path}")
        frame(page).wait_for_function("window.heard.length > 0")
        yield name, page
        page.close()


def frame(page: Page) -> Any:
    return page.frames[1]


def calls(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("window.calls")
    return found


def say(page: Page, data: str) -> None:
    """Altor's page says it to its parent; a height that is always taken tells that it was heard."""
    before = len(calls(page))
    frame(page).evaluate(
        f"parent.postMessage({data}, '*'); parent.postMessage({{altor: 1, type: 'height', px: 333}}, '*')"
    )
    page.wait_for_function(f"window.calls.slice({before}).some((call) => JSON.stringify(call).includes('333px'))")


def test_the_ticket_and_the_agent_are_handed_over(sidebar: tuple[str, Page], altor: Upstream) -> None:
    _, page = sidebar
    heard = frame(page).evaluate("window.heard")
    assert heard[0]["data"] == CONTEXT
    assert heard[0]["origin"] == page.evaluate("location.origin") != altor.url


def test_text_for_the_editor_is_taken_as_text(sidebar: tuple[str, Page]) -> None:
    name, page = sidebar
    say(page, r"{altor: 1, type: 'insert', text: 'Hello <img src=x>\nAda'}")
    inserted = calls(page)[0]
    if name == "zendesk":
        assert inserted == ["comment.appendText", "Hello <img src=x>\nAda"]
    else:
        assert inserted[0] == "setValue"
        assert inserted[1]["text"] == "Hello &lt;img src=x&gt;<br>Ada"
        assert inserted[1]["replace"] is False


def test_heights_stay_within_reason(sidebar: tuple[str, Page]) -> None:
    _, page = sidebar
    say(page, "{altor: 1, type: 'height', px: 9e9}")
    say(page, "{altor: 1, type: 'height', px: -5}")
    said = str(calls(page))
    assert "2000px" in said
    assert "'80px'" in said


@pytest.mark.parametrize(
    "data",
    [
        "null", "'text'", "{type: 'insert', text: 'x'}", "{altor: 2, type: 'insert', text: 'x'}",
        "{altor: 1, type: 'insert', text: {}}", "{altor: 1, type: 'height', px: '100'}",
        "{altor: 1, type: 'height', px: NaN}", "{altor: 1, type: 'context', ticket: '1'}",
    ],
)  # fmt: skip
def test_what_is_not_of_the_protocol_does_nothing(sidebar: tuple[str, Page], data: str) -> None:
    _, page = sidebar
    say(page, data)
    assert len(calls(page)) == 1


def test_nobody_else_is_listened_to(sidebar: tuple[str, Page], altor: Upstream) -> None:
    """Another window of Altor's own origin, and the app's own page: right origin or right window is not enough."""
    _, page = sidebar
    insert = "{altor: 1, type: 'insert', text: 'from elsewhere'}"
    page.evaluate(f"window.postMessage({insert}, '*')")
    page.evaluate(
        "(url) => new Promise((done) => { const other = document.createElement('iframe');"
        " other.onload = done; other.src = url; document.body.append(other); })",
        f"{altor.url}/other/",
    )
    page.frames[2].evaluate(f"parent.postMessage({insert}, '*')")
    say(page, "null")
    assert "from elsewhere" not in str(calls(page))


def test_the_ticket_is_told_to_altors_origin_only(sidebar: tuple[str, Page]) -> None:
    """A frame that was led elsewhere hears nothing."""
    _, page = sidebar
    with serving(lambda asked: Answer(200, ALTOR.encode(), {"Content-Type": "text/html"})) as elsewhere:
        page.evaluate(
            "(url) => new Promise((done) => { const frame = document.getElementById('altor');"
            " frame.addEventListener('load', done, {once: true}); frame.src = url; })",
            f"{elsewhere.url}/",
        )
        # Messages to one window keep their order: what the script said on this load would come first.
        page.evaluate("document.getElementById('altor').contentWindow.postMessage('last', '*')")
        frame(page).wait_for_function("window.heard.length > 0")
        assert frame(page).evaluate("window.heard[0].data") == "last"


def test_the_script_serves_a_page_that_zendesk_opens_directly(browser: Browser, altor: Upstream) -> None:  # noqa: F811
    """No frame of ours around it: the messages go to the page's own window."""
    script = Path("altor/static/altor/zendesk-sidebar.js").read_text()
    page = browser.new_page()
    page.goto(f"{altor.url}/widget/zendesk/acme/?origin=https://acme.zendesk.com&app_guid=1")
    page.evaluate(ZAF.replace("on: () => {}", "on: (name, told) => told()"))
    page.evaluate(script)
    page.wait_for_function("window.heard.length > 0")
    assert page.evaluate("window.heard[0].data") == CONTEXT
    page.evaluate("window.postMessage({altor: 1, type: 'insert', text: 'Hello'}, location.origin)")
    page.wait_for_function("window.calls.length > 0")
    assert page.evaluate("window.calls[0]") == ["comment.appendText", "Hello"]
    page.close()
