"""The sidebar in a page of another site, third-party cookies blocked, in a real browser."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Frame, Page, Request, expect, sync_playwright

from altor.models import User
from escalations.interruptions.asking import Audience, answer, ask
from escalations.lifecycle.acting import Doer
from escalations.models import Handoff
from investigations.models import Feedback, HelpdeskConnection, Investigation, StepResult
from investigations.views.widget import ZENDESK_FRAMEWORK
from investigations.widget import tokens
from knowledge.models import Entry, Recognition
from knowledge.models.recognition import Answered, State
from tests import factories as make
from tests.escalations.oncall_scene import layer, people, rotation
from tests.helpdesks.test_zendesk_launch import PEM
from tests.helpdesks.test_zendesk_launch import start as zendesk_start
from tests.loopback import Upstream
from tests.pages.scene import LONG, PAYLOADS, make_hostile_run
from tests.ui.conftest import AXE, FLAGS, SHOTS, chromium
from tests.widget.host import host_page
from tests.widget.scene import frame_url, helpdesk, signed_query, ticket_of

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective));
"""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A profile that blocks third-party cookies, as people's browsers do."""
    path = chromium()
    if not path:
        missing = "NO CHROMIUM: the sidebar was not looked at by a browser (apt-get install chromium)"
        pytest.fail(missing) if os.environ.get("ALTOR_TEST_REQUIRE_ALL") == "1" else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("profile")
    (folder / "Default").mkdir()
    wanted = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
    (folder / "Default" / "Preferences").write_text(json.dumps(wanted))
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=path, args=FLAGS, viewport={"width": 700, "height": 1000}
        )
        context.add_init_script(_WATCH)
        yield context
        context.close()


@pytest.fixture(scope="module")
def host() -> Iterator[Upstream]:
    with host_page() as upstream:
        yield upstream


@dataclass
class Sidebar:
    """A helpdesk's page with the sidebar in it."""

    page: Page
    frame: Frame
    complaints: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)

    def wide(self) -> int:
        found: int = self.frame.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return found

    def axe(self) -> list[str]:
        if not self.frame.evaluate("typeof window.axe !== 'undefined'"):
            self.frame.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found: dict[str, Any] = self.frame.evaluate(
            "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", tags
        )
        return [f"{item['id']}: {node['target']}" for item in found["violations"] for node in item["nodes"][:3]]

    def in_order(self) -> None:
        assert self.axe() == []
        assert self.frame.evaluate("window.violations") == [] and self.complaints == []
        assert self.wide() <= 0
        assert self.frame.evaluate("document.querySelectorAll('h1').length") == 1
        assert self.cookies == []

    def press(self, name: str) -> None:
        """By keyboard: focus, Enter."""
        button = self.frame.get_by_role("button", name=name, exact=True)
        button.focus()
        self.page.keyboard.press("Enter")

    def confirm(self, verb: str) -> None:
        self.page.wait_for_timeout(450)  # a second click at once counts for nothing
        self.press(verb)


Go = Callable[..., Sidebar]


@pytest.fixture
def go(profile: BrowserContext, host: Upstream, live_server: Any, settings: Any) -> Iterator[Go]:
    """`go(address, …)` opens the helpdesk's page with that frame in it."""
    cache.clear()
    settings.BASE_URL = live_server.url
    opened: list[Page] = []

    def open_(
        url: str, *, width: int = 320, height: int = 900, theme: str = "light", kind: str = "altor", ticket: str = "",
        forgive: tuple[str, ...] = (), motion: Any = None, post: str = "",
    ) -> Sidebar:  # fmt: skip
        page = profile.new_page()
        opened.append(page)
        page.emulate_media(color_scheme=theme, reduced_motion=motion)  # type: ignore[arg-type]
        sidebar = Sidebar(page, page.main_frame)

        def look(request: Request) -> None:
            if request.url.startswith(live_server.url) and request.frame != page.main_frame:
                cookie = request.all_headers().get("cookie", "")
                sidebar.cookies += [f"{request.url}: {cookie}"] if cookie else []
            elif not request.url.startswith((live_server.url, host.url, "data:", *forgive)):
                sidebar.complaints.append(f"other site: {request.url}")

        page.on("requestfinished", look)
        page.on(
            "console",
            lambda m: (
                sidebar.complaints.append(m.text)
                if m.type in ("error", "warning") and not any(part in m.text for part in forgive)
                else None
            ),
        )
        page.on("pageerror", lambda e: sidebar.complaints.append(str(e)))
        query = {
            "frame": live_server.url + url,
            "width": width,
            "height": height,
            "host": kind,
            "ticket": ticket,
            "post": post,
        }
        page.goto(f"{host.url}/?{urlencode(query)}", wait_until="load")
        element = page.query_selector("#sidebar")
        assert element is not None
        found = element.content_frame()
        assert found is not None
        sidebar.frame = found
        return sidebar

    yield open_
    for page in opened:
        page.close()
    time.sleep(0.3)  # calls that are under way end before the tables are emptied


def heading(sidebar: Sidebar, text: str) -> None:
    expect(sidebar.frame.locator("h1")).to_have_text(text)


def shoot(sidebar: Sidebar, name: str) -> None:
    """A picture of the frame for a person to look at."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    tall = sidebar.frame.evaluate("Math.ceil(document.getElementById('view').getBoundingClientRect().height)")
    sidebar.page.evaluate("(tall) => { document.getElementById('sidebar').height = Math.max(320, tall); }", tall)
    sidebar.page.set_viewport_size({"width": 700, "height": max(400, tall + 20)})
    sidebar.page.locator("#sidebar").screenshot(path=f"{SHOTS}/widget-{name}.png")


def desk_of(host: Upstream, source: str = "generic", **values: Any) -> HelpdeskConnection:
    return helpdesk(source, "desk", origins=["https://elsewhere.example", host.url], **values)


def key_url(connection: HelpdeskConnection, **query: str) -> str:
    return f"{frame_url(connection, query or None)}#k={tokens.launch_key(connection)}"


def priya() -> User:
    return make.user("priya", teams=(make.team(),), first_name="Priya", last_name="N.")


# ----------------------------------------------------------------------------------------------------------- the way
def test_a_signed_link_starts_an_investigation_reads_it_and_inserts_the_reply(go: Go, host: Upstream) -> None:
    desk, person = desk_of(host), priya()
    make.playbook()
    ticket = ticket_of(desk, customer=make.customer(name="Northwind Freight"))
    query = signed_query(desk, agent=person.email, name="Priya N.")
    tab = go(frame_url(desk, query))
    heading(tab, ticket.subject)
    assert "sig=" not in tab.frame.evaluate("location.href")
    tab.press("Investigate")
    expect(tab.frame.locator("#bar")).to_contain_text(f"Investigate {ticket.ref}?")
    assert not Investigation.objects.exists()  # the first click does nothing yet
    tab.confirm("Investigate")
    expect(tab.frame.locator(".al-pill")).to_have_text("Queued")
    run = Investigation.objects.get()
    assert run.requested_by == person
    run.delete()
    make.finished_run(ticket)
    lead = tab.frame.locator(".cause a.said")
    expect(lead).to_have_text("A deployment changed the limiter", timeout=10_000)
    assert lead.get_attribute("target") == "_blank" and "noopener" in (lead.get_attribute("rel") or "")
    tab.press("Insert reply")
    expect(tab.page.locator("#editor")).to_have_value(make.diagnosis()["reply_draft"])
    expect(tab.frame.locator(".note")).to_contain_text("Inserted into your reply")
    told = tab.page.evaluate("window.heard.map((one) => one.data.type)")
    assert "ready" in told and "height" in told and "insert" in told
    tab.in_order()


def test_chatwoot_says_which_conversation_is_open_and_gets_a_copy(go: Go, host: Upstream, live_server: Any) -> None:
    desk = desk_of(host, "chatwoot")
    first = make.finished_run(ticket_of(desk, "77"))
    second = ticket_of(desk, "78", subject="Another conversation")
    tab = go(key_url(desk), kind="chatwoot", ticket="77")
    heading(tab, first.ticket.subject)
    assert "k=" not in tab.frame.evaluate("location.href")
    expect(tab.frame.locator("#view")).to_contain_text("Noor, as your helpdesk says.")
    tab.press("Insert reply")
    expect(tab.frame.locator(".note")).to_contain_text(
        "This helpdesk cannot take it. Copied: paste it into your reply."
    )
    tab.page.locator("#editor").focus()
    tab.page.keyboard.press("Control+V")
    assert tab.page.locator("#editor").input_value().replace("\r", "") == make.diagnosis()["reply_draft"]
    tab.page.evaluate("window.chatwoot(78)")
    heading(tab, second.subject)
    tab.in_order()


def test_no_cookie_goes_along_although_a_person_is_logged_in_next_door(
    go: Go, host: Upstream, profile: BrowserContext, live_server: Any
) -> None:
    desk = desk_of(host)
    make.finished_run(ticket_of(desk))
    client = Client()
    client.force_login(make.user(role="admin"))
    for cookie in client.cookies.values():
        profile.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    # One that would go along into any frame if the browser did not block it.
    everywhere = {"name": "everywhere", "value": "1", "domain": "localhost", "path": "/"}
    profile.add_cookies([{**everywhere, "sameSite": "None", "secure": True}])  # type: ignore[typeddict-item]
    beside = profile.new_page()
    answer = beside.goto(f"{live_server.url}/account/")
    assert beside.title().startswith("Your settings") and answer is not None
    assert "everywhere=1" in answer.request.all_headers()["cookie"]  # the cookies are there, and work
    beside.close()
    tab = go(frame_url(desk), ticket="48213")
    heading(tab, "Sign in to act as yourself")
    tab.page.evaluate("window.select('48213')")
    assert tab.cookies == [] and tab.frame.evaluate("document.cookie") == ""
    assert not tab.frame.evaluate("typeof session !== 'undefined'")
    profile.clear_cookies()


def test_a_page_that_is_not_configured_gets_no_frame(go: Go, host: Upstream) -> None:
    desk = helpdesk(origins=["https://elsewhere.example"])
    ticket_of(desk)
    tab = go(key_url(desk, ticket="48213"), forgive=("frame-ancestors", "Framing"))
    tab.page.wait_for_timeout(500)
    assert tab.frame.locator("#view").count() == 0
    assert tab.page.evaluate("window.heard") == []


def test_what_another_window_says_is_not_heard(go: Go, host: Upstream) -> None:
    desk = desk_of(host, "chatwoot")
    ticket_of(desk, "77")
    other = ticket_of(desk, "78", subject="Another conversation")
    tab = go(key_url(desk, ticket="77"), kind="none")
    expect(tab.frame.locator(".al-pill")).to_have_text("Not investigated")
    tab.frame.evaluate("window.postMessage({altor: 1, type: 'context', ticket: '78'}, '*')")
    tab.page.evaluate("window.select('../78')")
    tab.page.wait_for_timeout(300)
    assert tab.frame.locator("h1").inner_text() != other.subject
    tab.page.evaluate("window.select('78')")
    heading(tab, other.subject)


def test_a_person_signs_in_by_code_in_a_new_tab(
    go: Go, host: Upstream, profile: BrowserContext, live_server: Any
) -> None:
    desk, person = desk_of(host, "freshdesk", title="Support"), priya()
    run = make.finished_run(ticket_of(desk))
    tab = go(frame_url(desk, {"ticket": "48213"}))
    heading(tab, "Sign in to act as yourself")
    tab.in_order()
    shoot(tab, "sign-in-light")
    tab.press("Sign in")
    code = tab.frame.locator(".code").inner_text()
    tab.in_order()
    shoot(tab, "pairing-light")
    client = Client()
    client.force_login(person)
    for cookie in client.cookies.values():
        profile.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    with profile.expect_page() as opening:
        tab.frame.get_by_role("link", name="Open Altor").click()
    confirming = opening.value
    expect(confirming.locator(".al-paircode")).to_contain_text(code)
    if SHOTS:
        confirming.screenshot(path=f"{SHOTS}/widget-pair-page.png")
    confirming.get_by_role("button", name="The codes are the same").click()
    expect(confirming.locator("main")).to_contain_text("The sidebar acts as Priya N. now")
    confirming.close()
    profile.clear_cookies()
    tab.page.bring_to_front()
    heading(tab, run.ticket.subject)
    tab.press("Yes")
    tab.confirm("Record")
    expect(tab.frame.locator(".note")).to_contain_text("Thank you: it is recorded.")
    assert Feedback.objects.get(investigation=run).user == person
    tab.press("No")
    tab.frame.get_by_label("What was it really?").fill("A job of theirs.")
    tab.press("Record")
    expect(tab.frame.get_by_label("What was it really?")).to_have_count(0)
    assert Feedback.objects.filter(comment="A job of theirs.", user=person).exists()
    tab.in_order()


#: As much of Zendesk's framework as the sidebar meets.
_FRAMEWORK = """window.asked = [];
window.ZAFClient = {init: () => ({
  get: async () => ({"ticket.id": 48213, "currentUser.name": "Noor"}),
  invoke: (...what) => window.asked.push(what),
  on: () => {},
})};"""


def test_zendesk_opens_the_page_itself_and_its_framework_tells_the_ticket(
    go: Go, host: Upstream, profile: BrowserContext
) -> None:
    desk = desk_of(
        host, "zendesk", base_url="https://acme.zendesk.com", options={"installation_id": "360001"}, launch_secret=PEM
    )
    run = make.finished_run(ticket_of(desk))
    profile.route(ZENDESK_FRAMEWORK, lambda route: route.fulfill(body=_FRAMEWORK, content_type="text/javascript"))
    now = timezone.now().timestamp()
    tab = go(frame_url(desk), post=zendesk_start(iat=now, exp=now + 300), forgive=(ZENDESK_FRAMEWORK, "Clipboard"))
    heading(tab, run.ticket.subject)  # the frame is posted to, and may load after the page around it
    profile.unroute(ZENDESK_FRAMEWORK)
    tab.press("Insert reply")
    expect(tab.frame.locator(".note")).to_contain_text("Handed to your reply editor.")
    asked = tab.frame.evaluate("window.asked")
    assert ["comment.appendText", make.diagnosis()["reply_draft"]] in asked
    assert any(one[0] == "resize" for one in asked)
    assert tab.page.evaluate("window.heard") == []  # nothing goes to the page around it
    tab.in_order()


# -------------------------------------------------------------------------------------------------------- all states
def scene_none(desk: HelpdeskConnection) -> None:
    ticket_of(desk, customer=make.customer(name="Northwind Freight"))


def scene_running(desk: HelpdeskConnection) -> None:
    run = make.run(ticket_of(desk), status="running", started_at=timezone.now(), live_version=3)
    first = make.step(run, "traffic", 1, verdict="normal")
    make.evidence(first, "E1", verdict="normal", summary="0.2% are rejected.", at=None)
    make.step(run, "deployments", 2, status="running", seconds=None)
    make.step(run, "confirm", 3, status="waiting", seconds=None)


def scene_done(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk, customer=make.customer(name="Northwind Freight")))
    run.steps.filter(step_id="issues").update(status="done", verdict="normal")


def scene_failed_source(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk, customer=make.customer(name="Northwind Freight")))
    run.steps.filter(step_id="traffic").update(status=StepResult.Status.ASKED)  # and its gate is closed


def scene_failed(desk: HelpdeskConnection) -> None:
    make.run(ticket_of(desk), status="failed", failure="Parked after 3 attempts: the worker was killed.")


def scene_unknown(desk: HelpdeskConnection) -> None:
    desk.base_url, desk.secret = "https://desk.example/api", "obviously-fake-api-key"
    desk.save()


def scene_hostile(desk: HelpdeskConnection) -> None:
    ticket = ticket_of(desk, subject=f"{PAYLOADS[0]} {LONG}", customer=make.customer(name=PAYLOADS[1]))
    make_hostile_run(ticket)


def scene_handed_over(desk: HelpdeskConnection) -> None:
    """In a handoff, with an open and an answered question; names and words without a place to break."""
    ticket, now = ticket_of(desk, customer=make.customer(name="Northwind Freight")), timezone.now()
    make.finished_run(ticket)
    ana, ben = people("ana", "ben")
    turns = rotation(layer("ana"), now=now)
    handoff = Handoff.objects.create(
        rotation=turns, seat="primary", seat_name="Primary", team=turns.team, outgoing=ana, incoming=ben, ends_at=now,
        drafted_at=now, read_at=now,
    )  # fmt: skip
    handoff.items.create(ticket=ticket, state="Diagnosed", promised_at=now)
    eli = make.user("eli", role="engineer", first_name="Eli", last_name=LONG[:60])
    for text in (f"{PAYLOADS[0]} Does the limiter count {LONG}?", "Which job started then?"):
        question, _ = ask(ticket, text, Audience(person=eli), actor=ana, now=now)
    answer(question, f"The nightly export {PAYLOADS[1]}", Doer(eli), now=now)


def scene_known(desk: HelpdeskConnection) -> None:
    """A cause that is recognised, one that may be it, one that is near; words without a place to break."""
    ticket, now = ticket_of(desk, customer=make.customer(name="Northwind Freight")), timezone.now()
    run = make.finished_run(ticket)
    titles = ("Clients repeat without a pause after a 429", f"Quota {LONG}", "Deploy lowered the limit of one plan")
    states = (State.RECOGNISED, State.POSSIBLE, State.NEAR)
    for number, (title, state) in enumerate(zip(titles, states, strict=True), start=112):
        entry = Entry.objects.create(
            number=number, title=title, remediation=f"Ask for pauses. {LONG}", created_at=now, saved_at=now
        )
        Recognition.objects.create(
            entry=entry, investigation=run, version=1, query="0", answered=Answered.FIRED, state=state,
            says="43 of 100 requests", seconds=0.2, at=now,
        )  # fmt: skip


SCENES = {
    "none": scene_none, "running": scene_running, "done": scene_done, "failed-source": scene_failed_source,
    "failed": scene_failed, "unknown": scene_unknown, "hostile": scene_hostile,
    "handed-over": scene_handed_over, "known": scene_known,
}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SCENES)
def test_every_state_of_a_ticket_is_in_order(go: Go, host: Upstream, name: str, theme: str) -> None:
    desk, person = desk_of(host), priya()
    make.playbook()
    SCENES[name](desk)
    tab = go(frame_url(desk, {**signed_query(desk, agent=person.email), "theme": theme}))
    expect(tab.frame.locator("#view")).to_contain_text("Signed in as Priya N.")
    for width in (280, 480, 320):
        tab.page.evaluate("(width) => { document.getElementById('sidebar').width = width; }", width)
        tab.page.wait_for_function("(width) => document.getElementById('sidebar').clientWidth === width", arg=width)
        assert tab.wide() <= 0, width
    assert not tab.frame.evaluate("window.hacked")
    tab.in_order()
    shoot(tab, f"{name}-{theme}")
    tab.frame.evaluate("document.documentElement.dir = 'rtl'")
    assert tab.wide() <= 0
    if name == "handed-over":
        expect(tab.frame.get_by_role("link", name="Open the handoff")).to_be_visible()
        expect(tab.frame.get_by_role("img", name="Answered")).to_be_visible()
    if name == "known":
        expect(tab.frame.get_by_role("heading", name="This is KB-")).to_be_visible()
        expect(tab.frame.get_by_text("may be it")).to_be_visible()
        expect(tab.frame.get_by_text("Ask for pauses")).to_have_count(1)
    if name == "done" and theme == "light":
        shoot(tab, "done-rtl")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_without_a_ticket_is_in_order(go: Go, host: Upstream, live_server: Any, theme: str) -> None:
    desk = desk_of(host, "freshdesk")
    signing = desk_of(host)
    outsider = make.user(teams=(make.team("Elsewhere"),))
    for one in (desk, signing):
        make.finished_run(ticket_of(one))
    noise = ("the server responded with a status of 40",)

    def look(tab: Sidebar, title: str, name: str) -> None:
        heading(tab, title)
        tab.in_order()
        shoot(tab, f"{name}-{theme}")

    look(go(frame_url(desk), theme=theme), "Sign in to act as yourself", "sign-in")
    look(go(key_url(desk), theme=theme), "Which ticket?", "waiting")
    wrong = {**signed_query(signing), "sig": "0" * 64}
    look(go(frame_url(signing, wrong), theme=theme, forgive=noise), "This sidebar cannot be opened", "refused")
    mine = signed_query(signing, agent=outsider.email)
    look(go(frame_url(signing, mine), theme=theme, forgive=noise), "You cannot see this ticket", "forbidden")
    tab = go(key_url(desk, ticket="48213"), theme=theme, forgive=(*noise, "Failed to load resource"))
    expect(tab.frame.locator(".cause")).to_be_visible()
    desk.launch_secret = "another-obviously-fake-secret"
    desk.save()
    tab.press("Investigate again")
    tab.confirm("Investigate")
    look(tab, "This sidebar has ended", "expired")
    tab.press("Reload the sidebar")
    heading(tab, "This sidebar cannot be opened")  # the key is no longer good either


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_limits_and_lost_connections_are_told_and_mend_themselves(go: Go, host: Upstream, theme: str) -> None:
    desk = desk_of(host, "freshdesk")
    run = make.finished_run(ticket_of(desk))
    noise = ("Failed to load resource",)

    def limited(route: Any) -> None:
        route.fulfill(status=429, headers={"Retry-After": "2"}, json={"code": "rate_limited"})

    for name, title, act in (
        ("limited", "Too many requests", limited), ("offline", "Altor cannot be reached", lambda route: route.abort()),
    ):  # fmt: skip
        tab = go(frame_url(desk), theme=theme, forgive=noise, kind="none")
        tab.page.route("**/api/v1/widget/**", act)
        tab.press("Sign in")
        heading(tab, title)
        tab.in_order()
        shoot(tab, f"{name}-{theme}")
        tab.page.unroute("**/api/v1/widget/**")
        expect(tab.frame.locator(".code")).to_be_visible(timeout=10_000)
    tab = go(key_url(desk, ticket="48213"), theme=theme, forgive=noise, kind="none")
    heading(tab, run.ticket.subject)
    tab.page.route("**/api/v1/widget/**", lambda route: route.abort())
    tab.press("Investigate again")
    tab.confirm("Investigate")
    expect(tab.frame.locator(".note")).to_have_text("Altor cannot be reached. Nothing was done.")
    tab.in_order()


def test_a_running_sidebar_follows_the_run_and_keeps_the_focus(go: Go, host: Upstream) -> None:
    desk = desk_of(host, "freshdesk")
    scene_running(desk)
    run = Investigation.objects.get()
    tab = go(key_url(desk, ticket="48213"), motion="reduce")
    expect(tab.frame.locator("#view")).to_contain_text("Step 2 of 3 · Deployments near the onset")
    assert tab.frame.evaluate("getComputedStyle(document.querySelector('.al-spin')).animationName") == "none"
    focused = "document.activeElement.dataset.key"
    tab.frame.locator("[data-key=open]").focus()
    run.steps.filter(step_id="deployments").update(status="done")
    run.steps.filter(step_id="confirm").update(status="running")
    Investigation.objects.filter(pk=run.pk).update(live_version=4)
    expect(tab.frame.locator("#view")).to_contain_text("Step 3 of 3")
    assert tab.frame.evaluate(focused) == "open"
    expect(tab.frame.locator("#said")).to_have_text("Did the customer start a new job?")
    Investigation.objects.filter(pk=run.pk).update(
        status="done", diagnosis=make.diagnosis(), confidence=0.86, seconds=2.0, live_version=5
    )
    expect(tab.frame.locator("#said")).to_have_text("Diagnosed")
    expect(tab.frame.locator(".lines li")).to_have_count(5)


def test_escape_takes_the_question_back_and_a_double_click_does_nothing(go: Go, host: Upstream) -> None:
    desk = desk_of(host, "freshdesk")
    make.finished_run(ticket_of(desk))
    tab = go(key_url(desk, ticket="48213"))
    tab.press("Investigate again")
    expect(tab.frame.locator("#bar p")).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(tab.frame.locator("#bar p")).to_have_count(0)
    tab.press("Investigate again")
    tab.press("Investigate")  # at once
    tab.page.wait_for_timeout(200)
    assert Investigation.objects.count() == 1
