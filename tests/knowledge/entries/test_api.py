"""Entries over REST: search, match, read, write, state, versions, links."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from altor.models import User
from knowledge.models import Entry
from tests import factories as make
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
API = "/api/v1/knowledge/"


def _as(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def _made(cast: Cast, **words: Any) -> dict[str, Any]:
    answer = _as(cast.agent).post(API, {**WORDS, **words}, format="json")
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_an_entry_is_made_read_and_changed(cast: Cast) -> None:
    made = _made(cast, comment="First")
    assert (made["confidence"], made["revision"], made["created_by"]) == ("not_validated", 1, "priya")
    assert made["detection"] == WORDS["detection"] | {"measure": {}} or "measure" not in made["detection"]
    address = f"{API}{made['ref']}/"
    assert _as(cast.reader).get(address).json() == made
    changed = _as(cast.colleague).patch(address, {"revision": 1, "title": "A better title"}, format="json").json()
    assert (changed["title"], changed["revision"], changed["symptoms"]) == ("A better title", 2, made["symptoms"])
    stale = _as(cast.agent).patch(address, {"revision": 1, "title": "Mine"}, format="json")
    assert stale.status_code == 409 and stale.json()["revision"] == 2
    without = _as(cast.agent).patch(address, {"title": "Mine"}, format="json")
    assert without.status_code == 400 and "revision" in without.json()["errors"]
    versions = _as(cast.reader).get(f"{address}versions/").json()
    assert [(one["number"], one["origin"], one["created_by"]) for one in versions] == [
        (2, "api", "jonas"), (1, "api", "priya"),
    ]  # fmt: skip
    restored = _as(cast.agent).post(f"{address}versions/1/restore/").json()
    assert (restored["revision"], restored["title"]) == (3, made["title"])


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"title": ""}, "title"),
        ({"detection": "SELECT 1"}, "detection"),
        ({"detection": {"source": "clickhouse"}}, "detection"),
        ({"label": "no label"}, "label"),
        ({"team": "nothing"}, "team"),
        ({"components": "api"}, "components"),
    ],
)
def test_bad_input_is_told_by_field(cast: Cast, words: dict[str, Any], field: str) -> None:
    answer = _as(cast.agent).post(API, {**WORDS, **words}, format="json")
    assert answer.status_code == 400 and list(answer.json()["errors"]) == [field], answer.content
    assert not Entry.objects.exists()


def test_the_state_is_changed_with_a_reason_that_is_kept(cast: Cast) -> None:
    address = f"{API}{_made(cast)['ref']}/"
    body = {"confidence": "validated", "owner": "jonas", "review_on": "2030-01-01", "reason": "Tried twice"}
    refused = _as(cast.agent).post(f"{address}state/", body, format="json")
    assert refused.status_code == 403
    answer = _as(cast.lead).post(f"{address}state/", body, format="json").json()
    assert (answer["confidence"], answer["owner"]) == ("validated", "jonas") or answer["review_on"] == "2030-01-01"
    changes = _as(cast.reader).get(f"{address}changes/").json()
    assert {(one["field"], one["after"], one["by"], one["reason"]) for one in changes[:3]} == {
        ("confidence", "validated", "lena", "Tried twice"), ("owner", "jonas", "lena", "Tried twice"),
        ("review_on", "2030-01-01", "lena", "Tried twice"),
    }  # fmt: skip
    for wrong in ({"owner": "nobody"}, {"team": "nothing"}, {"confidence": "sure"}, {"review_on": "1999-01-01"}):
        assert _as(cast.lead).post(f"{address}state/", wrong, format="json").status_code == 400, wrong


def test_links_are_shown_to_those_who_may_open_what_they_lead_to(cast: Cast) -> None:
    address = f"{API}{_made(cast)['ref']}/links/"
    ticket, foreign = make.ticket(in_team=cast.team), make.ticket(in_team=cast.elsewhere)
    run = make.finished_run(ticket)
    for kind, ref, kept in (
        ("ticket", ticket.ref, ticket.ref),
        ("investigation", run.ref.lower(), run.ref),
        ("issue", "eng-412", "ENG-412"),
        ("pull_request", "https://github.com/acme/api/pull/12", "acme/api#12"),
        ("document", "https://docs.example/retry", "https://docs.example/retry"),
    ):
        answer = _as(cast.agent).post(address, {"kind": kind, "ref": ref}, format="json")
        assert answer.status_code == 201 and kept in [one["ref"] for one in answer.json()], answer.content
        again = _as(cast.agent).post(address, {"kind": kind, "ref": ref}, format="json")
        assert len(again.json()) == len(answer.json())
    for kind, ref, status in (
        ("ticket", foreign.ref, 404), ("investigation", "INV-0", 404), ("escalation", "ESC-0", 404),
        ("issue", "fix the bug", 400), ("pull_request", "12", 400), ("document", "javascript:alert(1)", 400),
        ("document", "https://user:secret@docs.example/", 400),
    ):  # fmt: skip
        assert _as(cast.agent).post(address, {"kind": kind, "ref": ref}, format="json").status_code == status, ref
    everything = _as(cast.agent).get(address).json()
    assert [one["kind"] for one in everything] == ["document", "investigation", "issue", "pull_request", "ticket"]
    outside = _as(cast.outsider).get(address).json()
    assert [one["kind"] for one in outside] == ["document", "issue", "pull_request"]
    assert ticket.subject not in str(outside)
    gone = next(one for one in everything if one["kind"] == "issue")
    assert _as(cast.agent).delete(f"{address}{gone['pk']}/").status_code == 204
    assert _as(cast.agent).delete(f"{address}{gone['pk']}/").status_code == 204
    assert len(_as(cast.agent).get(address).json()) == 4


def test_a_search_tells_why_and_where(cast: Cast) -> None:
    _made(cast)
    _made(cast, title="Invoices are late", symptoms="Nothing since Monday", detection=None, label="")
    answer = _as(cast.reader).get(API, {"q": "client repeats retry storm"}).json()
    first = answer["results"][0]
    assert first["entry"]["title"] == WORDS["title"] and not answer["by_words_only"]
    assert {"text": "Retry", "hit": True} in first["title"]
    assert first["why"]["terms"][0]["weight"] > 0 and first["why"]["title"] > 0
    assert "".join(part["text"] for part in first["title"]) == WORDS["title"]
    listed = _as(cast.reader).get(API).json()
    assert [one["entry"]["title"] for one in listed["results"]] == ["Invoices are late", WORDS["title"]]
    assert _as(cast.reader).get(API, {"q": "late", "class": "latency"}).json()["results"] == []
    assert _as(cast.reader).get(API, {"colour": "red"}).status_code == 400
    assert _as(cast.reader).get(API, {"confidence": "sure"}).status_code == 400


def test_a_whole_ticket_is_matched_by_text_or_by_reference(cast: Cast) -> None:
    made = _made(cast)
    ticket, foreign = make.ticket(in_team=cast.team), make.ticket(in_team=cast.elsewhere)
    for body in ({"text": ticket.description}, {"subject": ticket.subject, "text": "x"}, {"ticket": ticket.ref}):
        answer = _as(cast.agent).post(f"{API}match/", body, format="json").json()
        assert answer["results"][0]["entry"]["ref"] == made["ref"], body
    assert _as(cast.agent).post(f"{API}match/", {"ticket": foreign.ref}, format="json").status_code == 404
    assert _as(cast.agent).post(f"{API}match/", {"text": "  "}, format="json").status_code == 400
