"""The pages of entries: what they refuse, and that nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import User
from knowledge.entries.changes import change_state
from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests import factories as make
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "title": "Exports stop at midnight", "language": "en", "incident_class": "", "label": "",
    "symptoms": "None since 0:00",
    "root_cause": "", "remediation": "", "escalation_criteria": "", "customer_wording": "", "detection": "",
    "components": "exports\nscheduler", "versions": "", "tiers": "", "team": "", "comment": "First",
}  # fmt: skip
DETECTION = """\
source: clickhouse
query: SELECT route, count() AS n FROM requests GROUP BY route
fires: found.row_count > 3.0
says: "{found.row_count|number} routes"
"""


def _as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _at(name: str, *args: Any) -> str:
    return reverse(f"knowledge:{name}", args=args)


def test_an_entry_is_written_and_read(cast: Cast) -> None:
    answer = _as(cast.agent).post(_at("entry-new"), {**FORM, "detection": DETECTION})
    entry = Entry.objects.get()
    assert answer.status_code == 302 and answer["Location"] == _at("entry", entry.ref)
    assert (entry.components, entry.team, entry.history.get().comment) == (["exports", "scheduler"], None, "First")
    assert entry.detection == {
        "source": "clickhouse", "query": "SELECT route, count() AS n FROM requests GROUP BY route",
        "fires": "found.row_count > 3.0", "says": "{found.row_count|number} routes",
    }  # fmt: skip
    page = _as(cast.reader).get(_at("entry", entry.ref.lower()), follow=True).content.decode()
    assert entry.title in page and "found.row_count &gt; 3.0" in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": ""}, "required"),
        ({"detection": "source: ["}, "line"),
        ({"detection": "source: clickhouse\nfires: found.x > 1.0\nsays: x"}, "query"),
        ({"detection": DETECTION.replace("found.row_count", "found.rows")}, "rows"),
        ({"customer_wording": "See INV-12"}, "INV-12"),
        ({"label": "no label"}, "class.cause"),
        ({"team": "elsewhere"}, "valid choice"),
    ],
)
def test_what_is_refused_is_said_and_what_was_typed_stays(cast: Cast, changed: dict[str, str], said: str) -> None:
    answer = _as(cast.agent).post(_at("entry-new"), {**FORM, "symptoms": "My own words", **changed})
    html = answer.content.decode()
    assert answer.status_code == 422 and said in html and "My own words" in html
    assert not Entry.objects.exists()


def test_the_second_of_two_keeps_both_peoples_words(cast: Cast) -> None:
    entry = cast.entry()
    form = {**FORM, "title": entry.title, "symptoms": "Mine", "remediation": entry.remediation, "base": "1"}
    save_entry(entry, {"symptoms": "Hers", "root_cause": "Her cause"}, actor=cast.lead)
    answer = _as(cast.agent).post(_at("entry-edit", entry.ref), form)
    html = answer.content.decode()
    assert answer.status_code == 409 and "saved version 2 meanwhile" in html
    assert 'name="base" value="2"' in html and "Hers" in html and ">\nMine</textarea>" in html
    entry.refresh_from_db()
    assert entry.revision == 2


def test_reviewers_change_the_state_and_mistakes_are_said(cast: Cast) -> None:
    entry = cast.entry()
    form = {
        "confidence": "validated", "audience": "internal", "governance": "open", "team": "", "owner": cast.lead.pk,
        "review_on": "", "reason": "Tried",
    }  # fmt: skip
    assert _as(cast.reader).post(_at("entry-state", entry.ref), form).status_code == 403
    refused = _as(cast.lead).post(_at("entry-state", entry.ref), {**form, "review_on": "2001-01-01"})
    assert refused.status_code == 422 and "review date" in refused.content.decode()
    assert _as(cast.lead).post(_at("entry-state", entry.ref), form).status_code == 302
    entry.refresh_from_db()
    assert (entry.confidence, entry.owner) == ("validated", cast.lead) and entry.review_on is not None


def test_an_author_archives_what_nobody_used(cast: Cast) -> None:
    entry = cast.entry()
    _as(cast.colleague).post(_at("entry-state", entry.ref), {"reason": "Twice"})
    entry.refresh_from_db()
    assert not entry.is_archived
    _as(cast.agent).post(_at("entry-state", entry.ref), {"reason": "Twice"})
    entry.refresh_from_db()
    assert entry.is_archived


def test_a_restricted_entry_is_edited_by_reviewers(cast: Cast) -> None:
    entry = change_state(cast.entry(), {"governance": "restricted"}, actor=cast.lead)
    assert _as(cast.agent).get(_at("entry-edit", entry.ref)).status_code == 302
    assert _as(cast.lead).get(_at("entry-edit", entry.ref)).status_code == 200


def test_a_wrong_link_is_said_beside_its_field(cast: Cast) -> None:
    entry, foreign = cast.entry(), make.ticket(in_team=cast.elsewhere)
    answer = _as(cast.agent).post(_at("entry-link", entry.ref), {"kind": "ticket", "ref": foreign.ref})
    html = answer.content.decode()
    assert answer.status_code == 422 and "that you may see" in html and f'value="{foreign.ref}"' in html
    ticket = make.ticket(in_team=cast.team, subject="A subject of ours")
    assert _as(cast.agent).post(_at("entry-link", entry.ref), {"kind": "ticket", "ref": ticket.ref}).status_code == 302
    assert "A subject of ours" in _as(cast.agent).get(_at("entry", entry.ref)).content.decode()
    assert "A subject of ours" not in _as(cast.outsider).get(_at("entry", entry.ref)).content.decode()
    pk = entry.links.get().pk
    assert _as(cast.agent).post(_at("entry-unlink", entry.ref, pk)).status_code == 302
    assert not entry.links.exists()


def test_a_detection_query_that_cannot_be_asked_says_why(cast: Cast) -> None:
    entry = cast.entry()
    address = _at("entry-detection", entry.ref)
    customer = make.customer("org_0042")
    nobody = _as(cast.agent).post(address, {"about": "TK-nothing"}).content.decode()
    assert "There is no ticket or customer" in nobody
    away = _as(cast.agent).post(address, {"about": customer.org_id}, headers={"HX-Request": "true"}).content.decode()
    assert "not connected" in away and "<html" not in away
    assert _as(cast.agent).post(_at("entry-detection", cast.entry(detection=None).ref)).status_code == 404
    assert _as(cast.reader).post(address, {"about": customer.org_id}).status_code == 403


def test_the_preview_warns_of_an_entry_that_says_the_same(cast: Cast) -> None:
    entry = cast.entry()
    form = {**FORM, "title": WORDS["title"], "symptoms": WORDS["symptoms"]}
    html = _as(cast.agent).post(_at("entry-preview"), form).content.decode()
    assert "says something alike" in html and entry.ref in html
    own = _as(cast.agent).post(_at("entry-preview"), {**form, "entry": entry.ref}).content.decode()
    assert "says something alike" not in own
    assert not Entry.objects.exclude(pk=entry.pk).exists()


def test_a_part_of_the_list_answers_what_is_typed(cast: Cast) -> None:
    entry = cast.entry()
    part = _as(cast.agent).get(_at("entries"), {"q": "retry storm"}, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("\n<div") or "<html" not in part
    assert entry.ref in part and "<mark>" in part
    filtered = _as(cast.agent).get(_at("entries"), {"incident_class": "billing"}).content.decode()
    assert "No entry matches" in filtered
    assert "No entry yet" in _as(cast.outsider).get(_at("entries")).content.decode() or entry.team is None
