"""On-call over REST, in the sidebar, in configuration files and in the demo."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from altor.configuration import apply_folder, difference, exported, write_folder
from altor.errors import InvalidInput
from altor.models import AuditEvent, User
from altor.tokens import create_token
from escalations.handoffs.switching import terms_of
from escalations.models import Rotation, RotationOverride
from escalations.oncall.demo import SLUG, OnCallDemo
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.now import on_call
from escalations.oncall.widget import oncall_part
from investigations.models import Ticket
from investigations.widget.document import unknown_document, widget_document
from investigations.widget.parts import WidgetContext
from investigations.widget.places import Place
from investigations.widget.state import look
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db
API = "/api/v1/oncall/"


@pytest.fixture(autouse=True)
def _monday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def client_of(user: User, *scopes: str) -> APIClient:
    _, text = create_token(user=user, name="test", scopes=scopes or ["oncall.read", "oncall.take"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


# ---------------------------------------------------------------------------------------------------------------- REST
def test_now_says_who_and_who_comes_next() -> None:
    ana, _ = people("ana", "ben")
    rotation(layer("ana", "ben"))
    (seat,) = client_of(ana).get(f"{API}now/").json()["seats"]
    assert seat == {
        "rotation": "support",
        "rotation_name": "Support",
        "owns": "urgent triage",
        "team": "support",
        "is_default": True,
        "seat": "primary",
        "seat_name": "Primary",
        "person": {"username": "ana", "name": "Ana Example"},
        "is_missed": False,
        "begins_at": "2026-03-02T11:00:00Z",
        "ends_at": "2026-03-09T08:00:00Z",
        "next_person": {"username": "ben", "name": "Ben Example"},
        "next_begins_at": "2026-03-09T08:00:00Z",
    }
    assert client_of(ana).get(f"{API}now/?team=support").json()["seats"] == [seat]
    make.team("Elsewhere")
    assert client_of(ana).get(f"{API}now/?team=elsewhere").json()["seats"] == []
    assert client_of(ana).get(f"{API}now/?team=nothing").status_code == 404


def test_the_schedule_covers_every_instant_once_and_marks_what_is_missed() -> None:
    (ana,) = people("ana")
    office = {"week": {"mon-fri": "09:00-17:00"}}
    seat = {"key": "primary", "name": "Primary", "covers": {"week": {"mon-fri": "09:00-18:00"}}}
    rotation(seats=[{**seat, "layers": [layer("ana", hours=office)]}])
    found = client_of(ana).get(f"{API}schedule/?from=2026-03-02T08:00:00Z&to=2026-03-04T08:00:00Z").json()["shifts"]
    # It begins with the rotation's first version.
    assert [
        (one["begins_at"][5:16], one["person"] and one["person"]["username"], one["is_missed"]) for one in found
    ] == [
        ("03-02T11:00", "ana", False),
        ("03-02T16:00", None, True),
        ("03-03T08:00", "ana", False),
        ("03-03T16:00", None, True),
    ]
    for query in (
        "from=soon",
        "from=2026-03-04T00:00Z&to=2026-03-02T00:00Z",
        "to=2029-01-01T00:00Z",
        "from=0001-01-01T00:00Z",
    ):
        answer = client_of(ana).get(f"{API}schedule/?{query}")
        assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json"
    assert client_of(ana).get(f"{API}schedule/?rotation=nothing").status_code == 404


def test_rotations_are_listed_and_one_tells_its_layers_by_user_names() -> None:
    (ana,) = people("ana")
    rotation(layer("ana"))
    assert [one["slug"] for one in client_of(ana).get(f"{API}rotations/").json()["results"]] == ["support"]
    found = client_of(ana).get(f"{API}rotations/support/").json()
    assert found["version"] == 1 and found["seats"][0]["layers"][0]["people"] == ["ana"]


def test_overrides_are_made_and_cancelled_over_rest_by_those_who_may() -> None:
    ana, ben = people("ana", "ben")
    rotation(layer("ana"))
    body = {
        "rotation": "support",
        "person": "ben",
        "begins_at": "2026-03-02T12:00:00Z",
        "ends_at": "2026-03-02T14:00:00Z",
        "reason": "Dentist",
    }
    assert client_of(ana).post(f"{API}overrides/", body).status_code == 403
    made = client_of(ben).post(f"{API}overrides/", body)
    assert (
        made.status_code == 201
        and made.json()["seat"] == "primary"
        and on_call(at("2026-03-02T13:00Z"))[0].person == ben
    )
    assert [one["id"] for one in client_of(ana).get(f"{API}overrides/").json()["results"]] == [made.json()["id"]]
    url = f"{API}overrides/{made.json()['id']}/"
    assert (
        client_of(ana).delete(url).status_code == 403 and client_of(ben, "oncall.read").delete(url).status_code == 403
    )
    assert client_of(ben).delete(url).status_code == 204 and client_of(ben).delete(url).status_code == 409
    for wrong in ({"person": "nobody"}, {"ends_at": "2026-03-01T14:00:00Z"}, {"seat": "none"}, {"begins_at": "soon"}):
        assert client_of(ben).post(f"{API}overrides/", {**body, **wrong}).status_code == 400, wrong
    again = [client_of(ben).post(f"{API}overrides/", body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [one.status_code for one in again] == [201, 201] and RotationOverride.objects.count() == 2
    assert AuditEvent.objects.filter(action="rotation.overridden", actor=ben).count() == 2


# ------------------------------------------------------------------------------------------------------------- sidebar
EDIT = ("oncall.read", "oncall.edit")


def test_a_rotation_is_begun_changed_ended_and_begun_again_over_rest() -> None:
    people("ana", "ben")
    (lead,) = people("leo", role="lead")
    client = client_of(lead, *EDIT)
    made = client.post(f"{API}rotations/", written(layer("ana", "ben")), format="json")
    assert made.status_code == 201
    told = made.json()
    assert (told["slug"], told["version"], told["is_default"]) == ("support", 1, True)
    assert told["seats"][0]["layers"][0]["people"] == ["ana", "ben"]
    assert on_call(NOW)[0].person.username == "ana"
    change = {**written(layer("ben", "ana")), "based_on": 1, "comment": "Ana is away"}
    changed = client.put(f"{API}rotations/support/", change, format="json")
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert on_call(NOW)[0].person.username == "ben"
    again = client.put(f"{API}rotations/support/", {**change, "based_on": 2}, format="json")
    assert (again.status_code, again.json()["version"]) == (200, 2)
    versions = client.get(f"{API}rotations/support/versions/").json()
    assert [(one["number"], one["origin"], one["created_by"], one["comment"]) for one in versions] == [
        (2, "api", "leo", "Ana is away"), (1, "api", "leo", ""),
    ]  # fmt: skip
    assert client.post(f"{API}rotations/support/withdraw/").json()["is_active"] is False
    assert on_call(NOW) == []
    assert client.post(f"{API}rotations/support/activate/").json()["is_active"] is True
    assert on_call(NOW)[0].person.username == "ben"
    told = AuditEvent.objects.filter(object_kind="rotation").order_by("pk").values_list("action", "actor__username")
    assert list(told) == [(f"rotation.{name}", "leo") for name in ("created", "changed", "ended", "restored")]


def test_a_change_over_rest_may_begin_later() -> None:
    people("ana", "ben")
    (lead,) = people("leo", role="lead")
    rotation(layer("ana"))
    later = NOW + timedelta(days=7)
    change = {**written(layer("ben")), "based_on": 1, "in_force_from": later.isoformat()}
    assert client_of(lead, *EDIT).put(f"{API}rotations/support/", change, format="json").status_code == 200
    assert [on_call(at)[0].person.username for at in (NOW, later + timedelta(hours=1))] == ["ana", "ben"]
    past = {**change, "based_on": 2, "in_force_from": (NOW - timedelta(days=1)).isoformat(), "owns": "nights"}
    refused = client_of(lead, *EDIT).put(f"{API}rotations/support/", past, format="json")
    assert refused.status_code == 400 and "never who was on call" in refused.json()["detail"]


def test_over_rest_two_editors_never_overwrite_each_other_and_what_is_wrong_is_told_with_its_place() -> None:
    people("ana", "ben")
    (lead,) = people("leo", role="lead")
    row = rotation(layer("ana"))
    client, address = client_of(lead, *EDIT), f"{API}rotations/support/"
    change = {**written(layer("ben")), "based_on": 1}
    assert client.put(address, change, format="json").status_code == 200
    late = client.put(address, {**change, "owns": "nights"}, format="json")
    assert (late.status_code, late.json()["latest"]) == (409, 2)
    assert client.put(address, written(layer("ben")), format="json").status_code == 400  # on what was it based?
    wrong = client.put(address, {**change, "based_on": 2, "zone": "Europe/Nowhere"}, format="json")
    assert wrong.status_code == 400 and "zone" in wrong.json()["errors"]
    nobody = client.put(address, {**written(layer("bex")), "based_on": 2}, format="json")
    assert nobody.status_code == 400 and "Nobody is called 'bex'" in nobody.json()["detail"]
    assert row.versions.count() == 2
    assert client.post(f"{API}rotations/", written(layer("ana")), format="json").status_code == 409
    page = client.post(f"{API}rotations/", {**written(layer("ana"), name="New"), "slug": "new"}, format="json")
    assert page.status_code == 400


def test_who_may_not_edit_a_rotation_changes_nothing_over_rest() -> None:
    ana, _ = people("ana", "ben")
    (other,) = people("olga", team=make.team("Other"), role="lead")
    row = rotation(layer("ana"))
    change = {**written(layer("ben")), "based_on": 1}
    for client in (client_of(ana, "oncall.read", "oncall.take"), client_of(other, *EDIT)):
        assert client.put(f"{API}rotations/support/", change, format="json").status_code == 403
        assert client.post(f"{API}rotations/support/withdraw/").status_code == 403
        body = written(layer("ana"), name="Second")
        assert client.post(f"{API}rotations/", body, format="json").status_code == 403
    row.refresh_from_db()
    assert (row.versions.count(), row.is_active, Rotation.objects.count()) == (1, True, 1)


def test_the_sidebar_says_who_owns_urgent_triage_of_the_tickets_team() -> None:
    ana, _ = people("ana", "ben")
    other = make.team("Elsewhere")
    people("otto", team=other)
    rotation(layer("ana", "ben"))
    rotation(layer("otto"), slug="elsewhere", name="Elsewhere", team="elsewhere")
    ticket, foreign = make.ticket(in_team=make.team()), make.ticket(in_team=other)
    found = widget_document(ticket, run=None, user=ana, now=NOW)["on_call"]
    assert (found["owns"], found["who"], found["detail"], found["is_missed"]) == (
        "Urgent triage",
        "Ana Example",
        "until Mon 9 Mar 08:00",
        False,
    )
    assert found["url"].endswith("/on-call/support/")
    assert widget_document(foreign, run=None, user=None, now=NOW)["on_call"]["who"] == "Otto Example"


def state(ticket: Ticket) -> Any:
    seen = look(Place(ticket.helpdesk, ticket.connection, ticket.external_id, None, None), timezone.now())
    return seen and seen.state


def test_the_sidebar_without_a_rotation_says_nothing_and_its_state_changes_with_the_shift() -> None:
    people("ana", "ben")
    ticket = make.ticket()
    assert oncall_part(WidgetContext(ticket, None, None, NOW)) is None
    assert (
        widget_document(ticket, run=None, user=None, now=NOW)["on_call"] is None
        and unknown_document(None, user=None)["on_call"] is None
    )
    row = rotation(layer("ana", "ben"))
    first = state(ticket)
    assert first is not None and first == state(ticket)
    save_rotation(row, read_form(written(layer("ben"))), actor=None, now=NOW, based_on=1)
    second = state(ticket)
    assert second != first
    with time_machine.travel(NOW + timedelta(days=400), tick=False):
        assert state(ticket) is not None


def test_the_words_for_a_shifts_end_change_at_midnight_and_the_state_with_them() -> None:
    people("ana", "ben")
    rotation(layer("ana", "ben"))
    ticket = make.ticket()
    found = []
    for moment in ("2026-03-03T23:59:59+00:00", "2026-03-04T00:00:01+00:00"):
        with time_machine.travel(at(moment), tick=False):
            said = oncall_part(WidgetContext(ticket, None, None, timezone.now()))
            found.append((said and said[1]["detail"], state(ticket)))
    (before, first), (after, second) = found
    assert (before, after) == ("until Mon 9 Mar 08:00", "until Mon 08:00")
    assert first != second


# ------------------------------------------------------------------------------------------------------ configuration
def test_rotations_go_out_as_files_and_come_back_the_same(tmp_path: Path) -> None:
    people("ana", "ben")
    office = {
        "week": {"mon-fri": ["09:00-12:00", "13:00-17:00"]},
        "days": {"2026-12-24": "closed"},
        "holidays": "DE-BE",
    }
    row = rotation(layer("ana", hours=office), layer("ben", "ana", every=2, unit="day"))
    write_folder(tmp_path)
    text = (tmp_path / "rotations/support.yaml").read_text()
    assert "begins: 2026-03-02 09:00" in text and "- ana" in text and difference(tmp_path) == ""
    assert apply_folder(tmp_path) == [] and row.versions.count() == 1
    (tmp_path / "rotations/support.yaml").write_text(text.replace("urgent triage", "night triage"))
    assert apply_folder(tmp_path) == ["rotations/support.yaml"] and row.versions.count() == 2
    (tmp_path / "rotations/support.yaml").write_text(text.replace("- ana", "- nobody"))
    with pytest.raises(InvalidInput, match="Nobody is called 'nobody'"):
        apply_folder(tmp_path)
    assert row.versions.count() == 2


def test_files_make_rotations_and_pruning_ends_them(tmp_path: Path) -> None:
    people("ana")
    rotation(layer("ana"), slug="old", name="Old")
    write_folder(tmp_path)
    (tmp_path / "rotations/old.yaml").rename(tmp_path / "rotations/next.yaml")
    apply_folder(tmp_path, prune=True)
    assert {one.slug: one.is_active for one in Rotation.objects.all()} == {"old": False, "next": True}
    assert "rotations/old.yaml" not in exported()


def test_handoff_settings_go_out_as_a_file_and_come_back(tmp_path: Path) -> None:
    people("ana")
    rotation(layer("ana"))
    write_folder(tmp_path)
    assert (tmp_path / "handoffs.yaml").read_text() == "{}\n"
    file = tmp_path / "handoffs.yaml"
    file.write_text("support:\n  draft_before_min: 45\n")
    assert apply_folder(tmp_path) == ["handoffs.yaml"]
    terms = terms_of(make.team())
    assert (terms.is_on, terms.draft_before, terms.escalate_after) == (
        True,
        timedelta(minutes=45),
        timedelta(minutes=30),
    )
    write_folder(tmp_path)
    assert difference(tmp_path) == "" and apply_folder(tmp_path) == []
    file.write_text("support:\n  draft_before_min: 1\n")
    with pytest.raises(InvalidInput, match=r"handoffs\.yaml: support: Choose 5 to 480 minutes"):
        apply_folder(tmp_path)
    file.write_text("nobody: {}\n")
    with pytest.raises(InvalidInput, match=r"there is no team 'nobody'"):
        apply_folder(tmp_path)
    file.write_text("{}\n")
    apply_folder(tmp_path)
    assert terms_of(make.team()).is_on
    apply_folder(tmp_path, prune=True)
    assert not terms_of(make.team()).is_on


@pytest.mark.parametrize("slug", ["new", "swaps", "Upper", "a b"])
def test_a_file_cannot_take_the_name_of_a_page(tmp_path: Path, slug: str) -> None:
    people("ana")
    rotation(layer("ana"), slug="old", name="Old")
    write_folder(tmp_path)
    (tmp_path / "rotations/old.yaml").rename(tmp_path / f"rotations/{slug}.yaml")
    with pytest.raises(InvalidInput, match="cannot be the short name"):
        apply_folder(tmp_path, prune=True)


# ---------------------------------------------------------------------------------------------------------------- demo
def test_the_demo_has_a_rotation_and_a_swap_that_waits() -> None:
    from altor.demo.parts import DemoSetting
    from altor.demo.people import create_people

    admin = create_people()
    said: list[str] = []
    setting = DemoSetting(None, "", "", admin, None, said.append)  # type: ignore[arg-type]  # it needs no world
    for _ in range(2):
        OnCallDemo().seed(setting)
    seats = on_call(NOW)
    assert [one.seat for one in seats] == ["primary", "engineering"] and seats[0].person is not None
    assert Rotation.objects.get().slug == SLUG and Rotation.objects.get().swaps.count() == 1


def test_a_rotation_without_a_version_is_ended_and_begun_again() -> None:
    team = make.team("Platform")
    lead = make.user("lea", role="lead", teams=(team,))
    Rotation.objects.create(slug="platform", name="Platform", team=team, owns="triage")
    client = client_of(lead, "oncall.read", "oncall.edit")
    for act, is_active in (("withdraw", False), ("withdraw", False), ("activate", True)):
        answer = client.post(f"{API}rotations/platform/{act}/")
        assert (answer.status_code, answer.json()["is_active"]) == (200, is_active)
