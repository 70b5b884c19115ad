"""The lists that a team works off: what is on them, and that each shows only what may be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from knowledge.entries.changes import change_state
from knowledge.entries.saving import create_entry
from knowledge.entries.worklists import LISTS, counted, twins
from knowledge.models import Entry
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LISTED = {one.key: one for one in LISTS}


def _on(key: str) -> list[str]:
    return [entry.title for entry in LISTED[key].rows(Entry.objects.filter(space=""), NOW)]


def _made(cast: Cast, title: str, *, days: int, words: bool = True, **values: object) -> Entry:
    given = {"root_cause": "c", "remediation": "r"} if words else {}
    entry = create_entry({"title": title, **given}, actor=cast.agent, now=NOW - timedelta(days=days))
    Entry.objects.filter(pk=entry.pk).update(**values)
    entry.refresh_from_db()
    return entry


def test_each_list_holds_what_it_says(cast: Cast) -> None:
    _made(cast, "fresh", days=1, last_used_at=NOW)
    _made(cast, "used twice", days=40, reuses=2, last_used_at=NOW)
    _made(cast, "old", days=200)
    _made(cast, "draft", days=20, words=False)
    _made(cast, "not so", days=2, failures=2, last_used_at=NOW)
    soon = _made(cast, "soon", days=3, confidence="validated", review_on=(NOW + timedelta(days=10)).date())
    _made(cast, "later", days=3, confidence="validated", review_on=(NOW + timedelta(days=60)).date(), owner=None)
    _made(cast, "gone", days=300, confidence="archived", owner=None, failures=1)
    assert _on("review") == ["used twice", "old", "not so", "fresh"]
    assert _on("stale") == ["soon"] and _on("failing") == ["not so"] and _on("lying") == ["draft"]
    assert _on("unproven") == ["old"] and _on("unused") == ["old"] and _on("ownerless") == ["later"]
    cast.agent.is_active = False
    cast.agent.save()
    assert soon.title in _on("ownerless")
    assert counted(Entry.objects.filter(space=""), NOW)["review"] == 4


def test_entries_that_say_the_same_are_paired_once(cast: Cast) -> None:
    one = cast.entry()
    other = cast.entry(title="Retry storm after an update of the client")
    create_entry({"title": "Invoice shows the wrong tax rate"}, actor=cast.agent)
    (pair,) = twins(Entry.objects.visible_to(cast.agent))
    assert {pair.one, pair.other} == {one, other} and pair.alike > 0.85
    change_state(other, {"confidence": "archived"}, actor=cast.lead, reason="The same")
    assert twins(Entry.objects.visible_to(cast.agent)) == []


def test_no_list_or_count_shows_another_teams_entry(cast: Cast) -> None:
    cast.entry(team=cast.team, title="Ours alone")
    cast.entry(team=cast.team, title="Ours alone again")
    client = Client()
    client.force_login(cast.outsider)
    for key in (*LISTED, "twins", "no-such-list"):
        page = client.get(reverse("knowledge:entry-work"), {"list": key}).content.decode()
        assert "Ours alone" not in page and 'class="al-num">2<' not in page, key
    client.force_login(cast.agent)
    page = client.get(reverse("knowledge:entry-work"), {"list": "twins"}).content.decode()
    assert "Ours alone again" in page and WORDS["title"] not in page
