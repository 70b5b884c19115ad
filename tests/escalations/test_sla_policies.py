"""SLA policies: as files, in the editor, over REST, and which of them a ticket is under."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from altor.configuration import apply_folder, difference, write_folder
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent, Team, User
from altor.tokens import create_token
from escalations.models import SlaPolicy, SlaPolicyVersion, TeamQueue
from escalations.ownership.format import amount_of, amount_text, as_file, form_of, from_file, read_policy
from escalations.ownership.policies import Case, activate, fitting, load_library, save_policy, withdraw
from tests import factories as make

pytestmark = pytest.mark.django_db

FULL = """\
class: latency
first_reply: 30 min
hours:
  days:
    2026-12-24: 09:00-12:00
    2026-12-31: closed
  holidays: DE-BE
  week:
    mon-fri:
    - 09:00-12:00
    - 13:00-17:00
    sat: 22:00-06:00
  zone: Europe/Berlin
key: gold
next_reply: 1 h 30 min
pauses:
- customer
- hold
priority: urgent
reopened: restart
resolution:
  hours: always
  within: 24 h
tier: gold
title: Gold
unowned_after: 15 min
warn:
  before: 10 min
  share: 0.5
"""
SMALL = {"key": "gold", "title": "Gold", "tier": "gold", "first_reply": "4 h"}


@pytest.fixture
def support() -> Team:
    return make.team("Support", is_default=True)


@pytest.fixture
def lead(support: Team) -> User:
    return make.user("lena", role="lead", teams=(support,))


def test_a_file_goes_in_and_comes_out_the_same() -> None:
    form = from_file("gold.yaml", FULL)
    stored = save_policy(form.model_dump(by_alias=True), actor=None)
    assert as_file(stored) == FULL
    assert form_of(stored) == form
    again = save_policy(form_of(stored).model_dump(by_alias=True), actor=None)
    assert again.pk == stored.pk


@given(st.integers(60, 366 * 86_400))
def test_times_are_written_as_they_are_read(seconds: int) -> None:
    amount = timedelta(seconds=seconds)
    assert amount_of(amount_text(amount)) == amount


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"first_reply": "2 days"}, "first_reply", "no fixed time in open hours"),
        ({"first_reply": "soon"}, "first_reply", "write it like 30 min"),
        ({"first_reply": "10 s"}, "first_reply", "between 1 min"),
        ({"first_reply": None}, "first_reply", "at least one of the three"),
        ({"class": "wrong"}, "class", "no incident class"),
        ({"hours": {"zone": "Europe/Berln", "week": {"mon": "9:00-17:00"}}}, "hours.zone", "did you mean"),
        ({"hours": {"week": {}}}, "hours", "at least one day"),
        ({"pauses": ["lunch"]}, "pauses.0", "customer"),
        ({"warn": {"share": 2}}, "warn.share", "less than 1"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"key": "No!"}, "key", "pattern"),
        ({"unowned_after": "1 s"}, "unowned_after", "at least 1 min"),
    ],
)
def test_what_cannot_be_promised_is_refused_with_its_place(change: dict[str, Any], place: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_policy({**SMALL, **change})
    errors = caught.value.extra["errors"]
    assert place in errors and said in " ".join(errors[place]), errors


def test_the_policy_that_names_most_of_a_ticket_holds() -> None:
    cases = [("any", {}), ("tier", {"tier": "gold"}), ("class", {"class": "latency"}), ("low", {"priority": "low"}),
             ("tier-class", {"tier": "gold", "class": "latency"})]  # fmt: skip
    for key, case in cases:
        save_policy({"key": key, "title": key, "first_reply": "1 h", **case}, actor=None)
    versions = list(SlaPolicyVersion.objects.active().select_related("policy"))

    def found(*case: str) -> str:
        chosen = fitting(Case(*case), versions)
        return chosen.policy.key if chosen else ""

    assert found("", "", "") == "any" and found("silver", "billing", "high") == "any"
    assert found("gold", "billing", "low") == "tier"  # the tier weighs more than the priority
    assert found("gold", "latency", "low") == "tier-class"
    assert found("silver", "latency", "low") == "class"
    assert found("silver", "billing", "low") == "low"
    assert fitting(Case(), []) is None


def test_versions_follow_each_other_and_a_stale_editor_is_told(lead: User) -> None:
    first = save_policy(SMALL, actor=lead)
    second = save_policy({**SMALL, "first_reply": "2 h"}, actor=lead, based_on=1)
    assert (second.number, second.is_active) == (2, True)
    with pytest.raises(Conflict, match="Version 2 of gold was stored meanwhile"):
        save_policy({**SMALL, "first_reply": "3 h"}, actor=lead, based_on=1)
    activate(first, actor=lead)
    withdraw(first.policy, actor=lead)
    assert not SlaPolicyVersion.objects.active().exists()
    assert [one.action for one in AuditEvent.objects.filter(object_kind="sla_policy").order_by("pk")] == [
        "sla_policy.stored", "sla_policy.activated", "sla_policy.stored", "sla_policy.activated",
        "sla_policy.activated", "sla_policy.withdrawn",
    ]  # fmt: skip


def test_one_policy_for_one_case(lead: User) -> None:
    save_policy(SMALL, actor=lead)
    with pytest.raises(Conflict, match="gold is for these tickets already"):
        save_policy({**SMALL, "key": "gold-2"}, actor=lead)
    with pytest.raises(Conflict, match="is for other tickets"):
        save_policy({**SMALL, "tier": "silver"}, actor=lead)


def test_only_leads_and_administrators_change_policies(support: Team) -> None:
    for role in ("agent", "engineer", "read_only"):
        with pytest.raises(PermissionRefused):
            save_policy(SMALL, actor=make.user(role=role, teams=(support,)))


def test_shipped_policies_are_loaded_once_and_leave_changed_ones_alone(lead: User) -> None:
    assert load_library() == 3 and load_library() == 0
    save_policy({"key": "standard", "title": "Everybody", "first_reply": "1 h"}, actor=lead)
    assert load_library() == 0
    active = SlaPolicyVersion.objects.active().get(policy__key="standard")
    assert active.number == 2


def test_policies_travel_as_configuration_files(tmp_path: Path, lead: User) -> None:
    load_library()
    assert "sla-policies/standard.yaml" in write_folder(tmp_path)
    assert difference(tmp_path) == ""
    (tmp_path / "sla-policies/gold.yaml").write_text(FULL)
    assert apply_folder(tmp_path, actor=lead) == ["sla-policies/gold.yaml"]
    (tmp_path / "sla-policies/gold.yaml").unlink()
    apply_folder(tmp_path, prune=True, actor=lead)
    assert not SlaPolicyVersion.objects.active().filter(policy__key="gold").exists()
    (tmp_path / "sla-policies/other.yaml").write_text(FULL)
    with pytest.raises(InvalidInput, match="name the file gold"):
        apply_folder(tmp_path, actor=lead)


# ---------------------------------------------------------------------------------------------------------------- pages
def test_a_policy_is_written_checked_and_compared_on_its_pages(client: Client, lead: User) -> None:
    client.force_login(lead)
    wrong = client.post(reverse("escalations:sla-policy-check"), {"text": FULL.replace("30 min", "soon")})
    assert "first_reply" in wrong.content.decode() and "write it like 30 min" in wrong.content.decode()
    right = client.post(reverse("escalations:sla-policy-check"), {"text": FULL})
    assert "within 30 min" in right.content.decode() and not SlaPolicy.objects.exists()
    answer = client.post(reverse("escalations:sla-policy-new"), {"text": FULL, "comment": "first"})
    assert answer["Location"] == reverse("escalations:sla-policy-version", args=["gold", 1])
    changed = FULL.replace("30 min", "20 min")
    edit = reverse("escalations:sla-policy-edit", args=["gold"])
    client.post(edit, {"text": changed, "base": "1"})
    diff = client.get(reverse("escalations:sla-policy-diff", args=["gold"])).content.decode()
    assert "-first_reply: 30 min" in diff and "+first_reply: 20 min" in diff
    stale = client.post(edit, {"text": FULL.replace("30 min", "10 min"), "base": "1"})
    assert stale.status_code == 422 and "was stored meanwhile" in stale.content.decode()
    assert "first_reply: 10 min" in stale.content.decode()  # nothing that was typed is lost
    client.post(reverse("escalations:sla-policy-activate", args=["gold", 1]))
    client.post(reverse("escalations:sla-policy-withdraw", args=["gold"]))
    assert SlaPolicyVersion.objects.count() == 2 and not SlaPolicyVersion.objects.active().exists()


def test_a_broken_text_is_refused_and_stays(client: Client, lead: User) -> None:
    client.force_login(lead)
    for text in ("key: [", "just words", "key: gold\ntitle: Gold\n"):
        answer = client.post(reverse("escalations:sla-policy-new"), {"text": text})
        assert answer.status_code == 422 and text.split("\n")[0] in answer.content.decode()
    assert not SlaPolicy.objects.exists()


def test_a_lead_says_who_answers_for_the_queue(client: Client, lead: User, support: Team) -> None:
    ana = make.user("ana", teams=(support,))
    client.force_login(lead)
    client.post(reverse("escalations:queue-owner", args=["support"]), {"person": ana.pk})
    assert TeamQueue.objects.get(team=support).person == ana
    stranger = make.user("otto", teams=(make.team("Elsewhere"),))
    refused = client.post(reverse("escalations:queue-owner", args=["support"]), {"person": stranger.pk})
    assert "Choose somebody of Support." in [str(one) for one in get_messages(refused.wsgi_request)]
    assert client.post(reverse("escalations:queue-owner", args=["elsewhere"]), {}).status_code == 404
    client.post(reverse("escalations:queue-owner", args=["support"]), {"person": ""})
    assert TeamQueue.objects.get(team=support).person is None


# ----------------------------------------------------------------------------------------------------------------- REST
def test_policies_over_rest(lead: User) -> None:
    client = APIClient()
    _, text = create_token(user=lead, name="t", scopes=["ticket.read", "sla.edit"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    made = client.post("/api/v1/sla-policies/", {"policy": SMALL, "comment": "first"})
    assert made.status_code == 201 and made.json()["document"]["first_reply"] == "4 h"
    assert client.post("/api/v1/sla-policies/", {"policy": SMALL}).status_code == 200
    bad = client.post("/api/v1/sla-policies/", {"policy": {**SMALL, "first_reply": "2 days"}})
    assert bad.status_code == 400 and "first_reply" in bad.json()["errors"]
    newer = client.post("/api/v1/sla-policies/", {"policy": {**SMALL, "first_reply": "2 h"}, "based_on": 1})
    assert newer.json()["number"] == 2
    assert client.post("/api/v1/sla-policies/", {"policy": SMALL, "based_on": 1}).status_code == 409
    assert [one["number"] for one in client.get("/api/v1/sla-policies/gold/versions/").json()] == [2, 1]
    client.post("/api/v1/sla-policies/gold/versions/1/activate/")
    assert client.get("/api/v1/sla-policies/gold/").json()["number"] == 1
    assert client.get("/api/v1/sla-policies/nothing/").status_code == 404
    assert [one["key"] for one in client.get("/api/v1/sla-policies/").json()["results"]] == ["gold"]
