"""The playbook editor in a real browser: it saves by itself, keeps the cursor, and loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from investigations.models import PlaybookDraft
from investigations.playbooks.loader import LIBRARY, read_file
from investigations.services.drafts import save_draft
from investigations.services.playbooks import store_version
from tests import factories as make
from tests.playbooks import test_trying
from tests.playbooks.test_loader import GOOD
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]
LATENCY = read_file(LIBRARY / "latency.yaml")
EDIT = "/playbooks/latency/edit/"
telemetry = test_trying.telemetry  # the fixture


@pytest.fixture
def tab(visit: Any) -> Any:
    store_version(LATENCY, name="latency.yaml", origin="library")
    return visit(make.user("lena", role="lead", teams=(make.team(),)))


def saved(page: Any, words: str = "Saved") -> None:
    page.wait_for_function("(words) => document.getElementById('saved').textContent.startsWith(words)", arg=words)


def text() -> str:
    return PlaybookDraft.objects.open().get().text


def put_cursor(page: Any, words: str) -> None:
    """After the first place where the text holds `words`."""
    page.evaluate(
        """(words) => { const t = document.getElementById('text'); const at = t.value.indexOf(words) + words.length;
           t.focus(); t.setSelectionRange(at, at); }""",
        words,
    )


def cursor(page: Any) -> list[int]:
    found: list[int] = page.evaluate(
        "(() => { const t = document.getElementById('text'); return [t.selectionStart, t.scrollTop, t.scrollLeft]; })()"
    )
    return found


def test_what_is_typed_is_saved_and_checked_and_the_cursor_stays(tab: Any) -> None:
    page = tab.open(EDIT)
    put_cursor(page, "title: Time in databases, caches and external services")
    page.keyboard.type(" indeed")
    page.evaluate("document.getElementById('text').scrollTop = 900")
    before = cursor(page)
    saved(page)
    page.wait_for_selector("#check .al-changes >> text=indeed")
    assert cursor(page) == before and before[1] == 900
    assert page.evaluate("document.activeElement.id") == "text"
    assert text() == LATENCY.replace("caches and external services", "caches and external services indeed", 1)
    shoot(page, "editor-changed")
    page.wait_for_load_state("networkidle")  # a check that the reload cuts off would be a complaint of the browser
    page.reload()
    assert "services indeed" in page.input_value("#text") and tab.complaints == [] and tab.policy_violations() == []


def test_a_problem_is_marked_and_leads_to_its_line(tab: Any) -> None:
    page = tab.open(EDIT)
    put_cursor(page, "    question")
    page.keyboard.type("s")
    page.wait_for_selector("#problems-h >> text=problem")
    shoot(page, "editor-problem")
    line = LATENCY[: LATENCY.index("    question")].count("\n") + 1
    assert f"{line}\n" in page.locator("#lines b").all_text_contents()
    page.evaluate("document.getElementById('text').setSelectionRange(0, 0)")
    page.click(f"[data-problem][data-line='{line}']")
    start = page.evaluate("document.getElementById('text').selectionStart")
    assert page.input_value("#text")[:start].count("\n") + 1 == line
    put_cursor(page, "  - id: speed\n")
    page.keyboard.press("F8")
    assert page.evaluate("document.getElementById('text').selectionStart") == start


def test_keys_indent_and_leave(tab: Any) -> None:
    page = tab.open("/playbooks/new/")
    page.fill("#text", "steps:\n- a\n- b")
    page.evaluate("document.getElementById('text').setSelectionRange(7, 13)")
    page.keyboard.press("Tab")
    assert page.input_value("#text") == "steps:\n  - a\n  - b"
    page.keyboard.press("Shift+Tab")
    assert page.input_value("#text") == "steps:\n- a\n- b"
    page.keyboard.press("Control+z")
    assert page.input_value("#text") == "steps:\n  - a\n  - b"
    page.evaluate("document.getElementById('text').setSelectionRange(6, 6)")
    page.keyboard.press("Enter")
    page.keyboard.type("x: 1")
    assert page.input_value("#text") == "steps:\n  x: 1\n  - a\n  - b"
    page.keyboard.press("Control+s")
    saved(page)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "problems-h"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") not in ("text", "problems-h")


@pytest.mark.parametrize(
    "data",
    [LATENCY.replace("\n", "\r\n").encode(), b"\n\n# \tGr\xc3\xbc\xc3\x9fe\r\nkey: a\nend", b"key: " + b"x" * 50_000],
)
def test_a_file_goes_through_the_browser_byte_for_byte(tab: Any, tmp_path: Path, data: bytes) -> None:
    page = tab.open(EDIT)
    (tmp_path / "mine.yaml").write_bytes(data)
    with page.expect_navigation():
        page.set_input_files("#file", tmp_path / "mine.yaml")
    page.evaluate("document.getElementById('text').setSelectionRange(1e9, 1e9)")
    page.focus("#text")
    page.keyboard.type("#x")
    saved(page)
    with page.expect_download() as got:
        page.click("text=Download")
    assert Path(got.value.path()).read_bytes() == data + b"#x"


def test_another_tab_is_noticed_and_neither_text_is_lost(tab: Any) -> None:
    page = tab.open(EDIT)
    other = tab.page.context.new_page()
    other.goto(tab.base + EDIT)
    other.fill("#text", "# theirs\n")
    saved(other)
    page.fill("#text", "# mine\n")
    page.wait_for_selector("#unsaved:not([hidden])")
    assert "another tab" in page.inner_text("#unsaved") and text() == "# theirs\n"
    shoot(page, "editor-other-tab")
    page.click("#unsaved-mine")
    saved(page)
    assert text() == "# mine\n"


def test_signed_out_while_typing_nothing_is_lost(tab: Any) -> None:
    page = tab.open(EDIT)
    Session.objects.all().delete()
    page.fill("#text", "# written while signed out\n")
    saved(page, "Not saved: you are signed out")
    assert not PlaybookDraft.objects.exists()
    client = Client()
    client.force_login(make.User.objects.get(username="lena"))
    for cookie in client.cookies.values():
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": tab.base}])
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(tab.base + EDIT)
    assert page.input_value("#text") == "# written while signed out\n"
    saved(page)
    assert text() == "# written while signed out\n"


def test_text_of_an_older_version_that_comes_back_is_no_edit_of_the_newer_one(tab: Any) -> None:
    page = tab.open(EDIT)
    page.route("**/save/", lambda route: route.abort())
    page.fill("#text", LATENCY + "# mine\n")
    saved(page, "Not saved: the server")
    store_version(LATENCY.replace("title: Slow requests", "title: Theirs"), name="latency.yaml")
    page.unroute("**/save/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(tab.base + EDIT)
    saved(page)
    draft = PlaybookDraft.objects.get()
    assert draft.text == LATENCY + "# mine\n" and draft.base.version == 1
    page.wait_for_selector("text=Version 2 came into force since you began")


def test_a_save_that_ends_after_the_page_was_opened_shows_in_it(tab: Any) -> None:
    page = tab.open(EDIT)
    save_draft(owner=make.User.objects.get(), key="latency", text="# in the meantime\n", revision=0)
    page.wait_for_function("() => document.getElementById('text').value.startsWith('# in the meantime')")
    assert page.inner_text("#saved").startswith("Saved")


def test_a_server_that_is_away_is_said_and_tried_again(tab: Any) -> None:
    page = tab.open(EDIT)
    page.route("**/save/", lambda route: route.abort())
    page.fill("#text", "# later\n")
    saved(page, "Not saved: the server cannot be reached")
    assert not PlaybookDraft.objects.exists()
    page.unroute("**/save/")
    page.keyboard.press("Control+s")
    saved(page)
    assert text() == "# later\n"


def test_publishing_takes_the_last_letter_along(tab: Any) -> None:
    page = tab.open(EDIT)
    put_cursor(page, "title: Slow requests")
    page.keyboard.type("!")
    page.click("text=Publish…")
    page.wait_for_url("**/publish/")
    assert "Slow requests!" in page.inner_text("main")
    shoot(page, "editor-publish")
    page.fill("#comment", "Louder")
    page.click("button:text-is('Publish')")
    page.wait_for_url("**/v2/")
    assert not PlaybookDraft.objects.exists()


def test_a_step_is_tried_where_the_cursor_is(tab: Any) -> None:
    make.customer("org_a")
    page = tab.open(EDIT)
    put_cursor(page, "title: Time in databases")
    page.wait_for_function("() => document.getElementById('try-step').value === 'inside'")
    page.fill("#try-about", "org_a")
    page.click("#try-go")
    page.wait_for_selector("#tried h3, #tried .al-note")
    assert "not connected" in page.inner_text("#tried") or "not known" in page.inner_text("#tried")
    page.click("#try-go")  # once more: the form is not dead after one answer
    page.wait_for_selector("#tried h3, #tried .al-note")
    page.fill("#text", LATENCY + "# more\n")
    saved(page)


def test_words_are_found_beside_the_text(tab: Any) -> None:
    page = tab.open(EDIT)
    page.click("#words summary")
    page.fill("#words-q", "minutes_between")
    page.wait_for_function("() => document.querySelectorAll('#words-found dt').length < 5")
    assert "minutes_between" in page.inner_text("#words-found")
    assert reverse("investigations:playbook-words").endswith("/words/")


def test_an_answer_reads_well_light_and_dark(visit: Any, telemetry: Any) -> None:
    store_version(GOOD, name="sample.yaml")
    make.customer("org_a")
    lena = make.user("lena", role="lead", teams=(make.team(),))
    for theme, width in (("light", 1440), ("dark", 390)):
        tab = visit(lena, theme=theme, width=width)
        page = tab.open("/playbooks/sample/edit/")
        page.fill("#try-about", "org_a")
        page.click("#try-go")
        page.wait_for_selector("#tried table")
        page.evaluate("document.querySelectorAll('#tried details').forEach((d) => { d.open = true; })")
        shoot(page, f"editor-tried-{theme}-{width}")
        assert tab.axe() == [] and tab.complaints == [] and tab.policy_violations() == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_login_page_never_stands_in_the_place_of_an_answer(tab: Any) -> None:
    page = tab.open(EDIT)
    Session.objects.all().delete()
    page.fill("#try-about", "org_a")
    page.click("#try-go")
    saved(page, "You are signed out")
    assert page.inner_text("#tried") == ""
