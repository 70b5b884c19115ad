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
