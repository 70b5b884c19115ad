"""The reply editor in a browser: filled into the run's page, saved and checked as it is typed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from knowledge.models import Reply
from tests.pages import scene as scenes
from tests.ui.conftest import settled, shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


def test_a_reply_is_saved_and_checked_while_it_is_typed(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.agent)
    page = tab.open(scenes.pages(scene)["run-again"])
    settled(page, "#reply-editor")
    page.fill("#reply-text", "Hello Noor, the key is sk_live_obviouslyFake0123456789abcd.")
    page.wait_for_selector("#reply-check .al-found .leak")
    assert "must not read" in page.inner_text("#reply-check") and page.input_value("#reply-revision") == "2"
    page.fill("#reply-text", "Hello Noor, we write again within 26 hours.")
    page.wait_for_selector("text=Take this time")
    page.click("text=Take this time")
    page.wait_for_selector("#panel-reply [role=status] >> text=The time is taken from the text.")
    shoot(page, "reply-editor")
    page.click("#panel-reply >> text=Mark as sent")
    page.wait_for_selector("#panel-reply .al-pill--done")
    reply = Reply.objects.latest("pk")
    assert (reply.status, reply.author) == ("sent", scene.agent) and reply.next_update_at is not None
    assert tab.policy_violations() == [] and tab.complaints == [] and tab.axe() == []


def test_what_was_written_is_replaced_only_after_a_yes(visit: Any, scene: scenes.Scene) -> None:
    page = visit(scene.agent).open(scenes.pages(scene)["ticket"])
    settled(page, "#reply-editor")
    page.fill("#reply-text", "My own words.")
    expect(page.locator("#reply-revision")).to_have_value("2")
    page.select_option("#reply-kind", "holding")
    page.wait_for_selector("text=Replace what I wrote")
    page.click("text=Keep it")
    page.wait_for_selector("text=Replace what I wrote", state="detached")
    assert page.input_value("#reply-text") == "My own words."
