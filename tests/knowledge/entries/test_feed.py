"""The public feed: what customers may read and nothing beside it, for everybody, and off until somebody wants it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from knowledge.entries.changes import change_state
from knowledge.entries.links import add_link
from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
FEED = "/api/v1/knowledge/feed.json"
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def switched_on(settings: Any) -> None:
    settings.PUBLIC_FEED = True


def opened(cast: Cast, **words: Any) -> Entry:
    entry = cast.entry(**words)
    wanted = {"audience": "customer", "confidence": "validated", "owner": cast.agent}
    return change_state(entry, wanted, actor=cast.lead, now=NOW)


def titles(client: Client) -> list[str]:
    return [item["title"] for item in client.get(FEED).json()["items"]]


def test_an_entry_for_customers_is_told_in_the_words_that_are_for_them(cast: Cast) -> None:
    entry = opened(cast)
    add_link(entry, kind="document", ref="https://wiki.altor.example/secret-page", actor=cast.lead)
    answer = Client().get(FEED)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/feed+json; charset=utf-8"
    feed = answer.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "http://testserver" + FEED and feed["home_page_url"] == "http://testserver/"
    assert set(feed) == {"version", "title", "home_page_url", "feed_url", "items"}
    (item,) = feed["items"]
    assert set(item) == {
        "id", "title", "content_html", "content_text", "language", "tags", "date_published", "date_modified",
    }  # fmt: skip
    assert item["id"] == f"urn:uuid:{entry.uid}" and item["title"] == WORDS["title"] and item["language"] == "en"
    assert item["content_text"] == WORDS["customer_wording"]
    assert item["content_html"].startswith("<p>Requests were refused") and item["tags"] == ["Rate limiting"]
    assert datetime.fromisoformat(item["date_published"]) == NOW <= datetime.fromisoformat(item["date_modified"])
    inside = [
        WORDS["root_cause"], WORDS["remediation"], WORDS["escalation_criteria"], WORDS["label"], "orders API", "4.2.0",
        "enterprise", "clickhouse", "priya", "lena", entry.ref, "secret-page", "revision",
    ]  # fmt: skip
    assert [text for text in inside if text in answer.content.decode()] == []


def test_nothing_else_is_in_it_not_even_for_an_administrator(cast: Cast) -> None:
    shown = opened(cast, title="For everybody")
    cast.entry(title="Internal and new")
    change_state(cast.entry(title="Validated inside"), {"confidence": "validated"}, actor=cast.lead)
    change_state(cast.entry(title="Not validated"), {"audience": "customer"}, actor=cast.lead)
    change_state(cast.entry(title="Of partners"), {"audience": "partner", "confidence": "validated"}, actor=cast.lead)
    of_team = cast.entry(title="Of a team", team=cast.team)
    change_state(of_team, {"audience": "partner", "confidence": "validated"}, actor=cast.lead)
    change_state(opened(cast, title="Archived"), {"confidence": "archived"}, actor=cast.lead, reason="Old")
    Entry.objects.create(
        space="scratch", title="Scratch", audience="customer", confidence="validated", created_at=NOW, saved_at=NOW
    )
    assert titles(Client()) == [shown.title]
    admin = Client()
    admin.force_login(cast.admin)
    assert titles(admin) == [shown.title]


def test_it_is_off_by_default(cast: Cast, settings: Any) -> None:
    opened(cast)
    settings.PUBLIC_FEED = False
    answer = Client().get(FEED)
    assert answer.status_code == 404 and answer["Content-Type"] == "application/problem+json"
    assert "Access-Control-Allow-Origin" not in answer and answer["Cache-Control"] == "no-store"


def test_it_may_be_kept_and_asked_for_again(cast: Cast) -> None:
    entry, client = opened(cast), Client()
    first = client.get(FEED)
    assert first["Cache-Control"] == "public, max-age=300" and first["Access-Control-Allow-Origin"] == "*"
    known = Client()
    known.force_login(cast.lead)
    for answer in (first, known.get(FEED)):
        assert not answer.cookies and answer["Vary"] == "Accept"
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        again = client.get(FEED, headers=headers)
        assert again.status_code == 304 and not again.content and again["ETag"] == first["ETag"], headers
        assert again["Access-Control-Allow-Origin"] == "*"
    save_entry(entry, {"customer_wording": "Please wait a moment."}, actor=cast.lead, now=NOW + timedelta(days=900))
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        assert client.get(FEED, headers=headers).status_code == 200, headers


def test_a_withdrawn_entry_is_gone_from_what_was_kept_too(cast: Cast) -> None:
    entry, client = opened(cast), Client()
    first = client.get(FEED)
    change_state(entry, {"audience": "internal"}, actor=cast.lead, now=NOW + timedelta(days=900))
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        answer = client.get(FEED, headers=headers)
        assert answer.status_code == 200 and answer.json()["items"] == [], headers


def test_pages_follow_each_other_at_its_own_address(cast: Cast) -> None:
    made = [opened(cast, title=f"Cause number {number}").title for number in range(3)]
    client, found, address = Client(), [], FEED + "?limit=2&other=1"
    while address:
        page = client.get(address).json()
        found += [item["title"] for item in page["items"]]
        address = page.get("next_url", "")
        assert not address or (address.startswith("http://testserver" + FEED + "?cursor=") and "other" not in address)
    assert found == made[::-1]
    assert client.get(FEED + "?cursor=nonsense").status_code == 400


def test_hostile_words_come_out_inert(cast: Cast) -> None:
    opened(cast, customer_wording="<script>alert(1)</script> [x](javascript:alert(1)) ![i](https://spy.example/i.png)")
    html = Client().get(FEED).json()["items"][0]["content_html"]
    assert "<script" not in html and 'javascript:alert(1)"' not in html and "<img" not in html


def test_it_is_read_only_and_limited_by_address(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.settings import api_settings

    client = Client()
    for method in ("post", "put", "patch", "delete", "options"):
        answer = getattr(client, method)(FEED)
        assert answer.status_code == 405 and "Access-Control-Allow-Origin" not in answer, method
    assert client.head(FEED).status_code == 200
    assert client.get(FEED, headers={"accept": "application/json"})["Content-Type"].startswith("application/json")
    assert client.get(FEED, headers={"accept": "application/feed+json"}).status_code == 200
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "feed", "2/hour")
    codes = [client.get(FEED, REMOTE_ADDR="192.0.2.7").status_code for _ in range(3)]
    assert codes == [200, 200, 429] and client.get(FEED, REMOTE_ADDR="192.0.2.8").status_code == 200


def test_the_number_of_queries_does_not_grow(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        opened(cast, title=f"Cause number {number}")
    with django_assert_max_num_queries(6):
        body = Client().get(FEED).content
    assert len(json.loads(body)["items"]) == 5
