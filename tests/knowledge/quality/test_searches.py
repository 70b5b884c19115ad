"""The log of searches: one line for each search as it ended, no personal data, and what it teaches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from knowledge.models import SearchLog
from knowledge.quality.searches import KEPT, forget_old, found_nothing, given_up, opened, search, searches
from tests.knowledge.entries.conftest import Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_what_is_typed_letter_by_letter_is_one_search(cast: Cast) -> None:
    for place, text in enumerate(["ret", "retry", "retry sto", "retry storm"]):
        search(cast.agent, text, now=_at(place))
    assert list(SearchLog.objects.values_list("words", flat=True)) == ["retry storm"]
    search(cast.agent, "retry storm", now=_at(3600))
    search(cast.colleague, "retry", now=_at(3601))
    assert SearchLog.objects.count() == 3


def test_a_search_without_result_and_one_given_up_for_other_words_are_told_apart(cast: Cast) -> None:
    entry = cast.entry()
    search(cast.agent, "zebra crossing", now=_at(0))
    search(cast.colleague, "Zebra  crossing", now=_at(5))
    search(cast.agent, "client update", now=_at(20))
    search(cast.agent, "orders 429", now=_at(40))
    _, log = search(cast.agent, "retry storm", now=_at(60))
    assert log is not None
    opened(cast.agent, str(log.pk), entry)
    search(cast.agent, "invoice", now=_at(70))
    (nothing, *_) = found_nothing(NOW)
    assert (nothing.words.casefold(), nothing.times, nothing.people) == ("zebra crossing", 2, 2)
    assert {one.words for one in given_up(NOW)} == {"client update", "orders 429"}
    found = searches(NOW)
    assert (found.total, found.opened) == (6, 1)


def test_only_the_own_search_is_marked_as_opened_and_only_once(cast: Cast) -> None:
    first, second = cast.entry(), cast.entry(title="Another")
    _, log = search(cast.agent, "retry storm", now=NOW)
    assert log is not None
    opened(cast.colleague, str(log.pk), first)
    for wrong in ("", "x", "-1", "9" * 30):
        opened(cast.agent, wrong, first)
    log.refresh_from_db()
    assert log.opened is None
    opened(cast.agent, str(log.pk), first)
    opened(cast.agent, str(log.pk), second)
    log.refresh_from_db()
    assert log.opened == first


def test_no_personal_data_and_no_ticket_is_kept(cast: Cast) -> None:
    search(cast.agent, "error for kim.lee@copperlane.eu", now=NOW)
    assert "kim.lee" not in SearchLog.objects.get().words
    _, log = search(cast.agent, "a whole ticket " * 60, now=_at(100))
    assert log is None and SearchLog.objects.count() == 1


def test_old_searches_are_forgotten(cast: Cast) -> None:
    search(cast.agent, "old", now=NOW - KEPT - timedelta(days=1))
    search(cast.agent, "new", now=NOW)
    assert forget_old(NOW) == 1
    assert SearchLog.objects.get().words == "new"


def test_the_page_writes_a_search_down_and_marks_what_was_opened(cast: Cast) -> None:
    entry, client = cast.entry(), Client()
    client.force_login(cast.agent)
    address = reverse("knowledge:entries")
    client.get(address, {"q": "retry storm"})
    assert not SearchLog.objects.exists()  # an address that is followed is no search
    page = client.get(address, {"q": "retry storm"}, HTTP_HX_REQUEST="true").content.decode()
    log = SearchLog.objects.get()
    address = f"{reverse('knowledge:entry', args=[entry.ref])}?search={log.pk}"
    assert address in page
    assert client.get(address)["Location"] == reverse("knowledge:entry", args=[entry.ref])
    log.refresh_from_db()
    assert (log.opened, log.door) == (entry, "page")


def test_a_count_of_what_others_may_read_is_not_in_the_log(cast: Cast) -> None:
    cast.entry(by=cast.outsider, team=cast.elsewhere)
    search(cast.agent, "retry storm", now=NOW)
    assert SearchLog.objects.get().found == 0
