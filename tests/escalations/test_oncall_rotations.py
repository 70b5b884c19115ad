"""Rotations in the database: who is on call, versions, edits of two at once, people who are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent, Notice, NoticeDelivery, User
from escalations.models import Rotation
from escalations.oncall import now as now_module
from escalations.oncall.editing import preview, save_rotation, set_active, usernames, weekly
from escalations.oncall.format import read_form
from escalations.oncall.now import on_call, owner_now, shifts_ending
from escalations.oncall.rotations import load_one
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db


def told(plan_shifts: list, plan) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    return [(f"{one.begin:%m-%d %H:%M}", plan.person(one.person).username if one.person else "") for one in plan_shifts]


def test_one_weekly_rotation_says_who_is_on_call_and_who_comes_next() -> None:
    ana, ben = people("ana", "ben")
    rotation(layer("ana", "ben"))
    (seat,) = on_call(NOW)
    assert (seat.person, seat.end, seat.next_person) == (ana, at("2026-03-09T08:00Z"), ben)
    assert owner_now(NOW, make.team()) == ana and owner_now(NOW, make.team("Elsewhere")) is None
    # Over the change of clocks: nine in Berlin is seven UTC from the 29th of March on.
    (seat,) = on_call(at("2026-03-30T06:59Z"))
    assert (seat.person, seat.end) == (ben, at("2026-03-30T07:00Z"))


def test_asking_again_takes_one_query_until_something_changes(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    on_call(NOW)
    with django_assert_num_queries(1):
        assert str(on_call(NOW + timedelta(seconds=5))[0].person) == "Ana Example"
    save_rotation(row, read_form(written(layer("ben"))), actor=None, now=NOW + timedelta(seconds=6), based_on=1)
    assert str(on_call(NOW + timedelta(seconds=7))[0].person) == "Ben Example"


def test_without_any_rotation_nobody_is_asked_for() -> None:
    assert on_call(NOW) == [] and owner_now(NOW) is None and shifts_ending(NOW, NOW + timedelta(days=9)) == []


def test_who_may_not_sign_in_any_more_leaves_a_gap_that_is_missed() -> None:
    ana, _ = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    User.objects.filter(pk=ana.pk).update(is_active=False)
    now_module._kept = None
    (seat,) = on_call(NOW + timedelta(hours=1))
    assert seat.person is None and seat.is_missed and str(seat.next_person) == "Ben Example"
    # What was is not rewritten.
    plan = load_one(row, now=NOW + timedelta(hours=1))
    assert told(plan.shifts("primary", NOW, NOW + timedelta(hours=2)), plan) == [
        ("03-02 11:00", "ana"),
        ("03-02 12:00", ""),
    ]


def test_outside_of_covered_hours_nobody_is_missed() -> None:
    people("ana")
    office = {"week": {"mon-fri": "09:00-17:00"}}
    seat = {"key": "primary", "name": "Primary", "covers": office, "layers": [layer("ana", hours=office)]}
    row = rotation(seats=[seat])
    plan = load_one(row, now=NOW)
    assert plan.gaps("primary", NOW, NOW + timedelta(weeks=8)) == []
    (night,) = on_call(at("2026-03-02T20:00Z"))
    assert night.person is None and not night.is_missed and night.next_begin == at("2026-03-03T08:00Z")


def test_an_edit_never_rewrites_who_was_on_call() -> None:
    people("ana", "ben", "cleo")
    row = rotation(layer("ana", "ben"))
    later = NOW + timedelta(days=10)
    save_rotation(row, read_form(written(layer("cleo"))), actor=None, now=later, based_on=1)
    plan = load_one(row, now=later)
    assert told(plan.shifts("primary", NOW, later + timedelta(days=1)), plan) == [
        ("03-02 11:00", "ana"), ("03-09 08:00", "ben"), ("03-12 11:00", "cleo"),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="never who was on call"):
        save_rotation(row, read_form(written(layer("ben"))), actor=None, now=later, based_on=2, in_force_from=NOW)


def test_an_edit_may_begin_later() -> None:
    people("ana", "ben")
    row = rotation(layer("ana"))
    monday = at("2026-03-09T08:00Z")
    save_rotation(row, read_form(written(layer("ben"))), actor=None, now=NOW, based_on=1, in_force_from=monday)
    plan = load_one(row, now=NOW)
    assert told(plan.shifts("primary", NOW, monday + timedelta(days=1)), plan) == [
        ("03-02 11:00", "ana"),
        ("03-09 08:00", "ben"),
    ]


def test_two_editors_get_a_conflict_and_nothing_is_lost() -> None:
    people("ana", "ben")
    lead = make.user("lena", role="lead", teams=(make.team(),))
    row = rotation(layer("ana", "ben"))
    save_rotation(row, read_form(written(layer("ben", "ana"))), actor=lead, now=NOW, based_on=1)
    with pytest.raises(Conflict, match="lena stored version 2"):
        save_rotation(row, read_form(written(layer("ana"))), actor=lead, now=NOW, based_on=1)
    assert row.versions.count() == 2 and usernames(row.versions.get(number=2).document).usernames == ["ben", "ana"]


def test_the_same_words_make_no_version() -> None:
    people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    assert save_rotation(row, read_form(written(layer("ana", "ben"))), actor=None, now=NOW, based_on=1).number == 1


def test_versions_never_change() -> None:
    people("ana")
    version = rotation(layer("ana")).versions.get()
    version.document = {}
    for change in (version.save, version.delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_people_are_told_when_an_edit_moves_their_shift_and_nobody_else_is() -> None:
    _ana, ben, cleo = people("ana", "ben", "cleo")
    lead = make.user("lena", role="lead", teams=(make.team(),))
    row = rotation(layer("ana", "ben", "cleo"), actor=None)
    Notice.objects.all().delete()
    # Handovers move from nine to ten: everybody's shift does.
    save_rotation(
        row, read_form(written(layer("ana", "ben", "cleo", begins="2026-03-02 10:00"))), actor=lead, now=NOW, based_on=1
    )
    assert Notice.objects.filter(kind="oncall.moved").count() == 3
    Notice.objects.all().delete()
    swap_last = [layer("ana", "ben", "cleo", begins="2026-03-02 10:00"), layer("cleo", begins="2027-03-02 10:00")]
    save_rotation(row, read_form(written(*swap_last)), actor=lead, now=NOW, based_on=2)
    assert not Notice.objects.exists()  # a lower layer that never applies moves nobody
    save_rotation(
        row, read_form(written(layer("ana", "cleo", "ben", begins="2026-03-02 10:00"))), actor=lead, now=NOW, based_on=3
    )
    notices = {one.person_id: one.notice for one in NoticeDelivery.objects.filter(notice__kind="oncall.moved")}
    assert set(notices) == {ben.pk, cleo.pk}
    text = "\n".join(notices[ben.pk].lines)
    assert "lena changed the rotation Support" in text and "no longer from Mon 9 Mar 09:00" in text and "(UTC)" in text


def test_who_edits_is_not_told_of_their_own_edit() -> None:
    (ana,) = people("ana", role="lead")
    row = rotation(layer("ana"))
    Notice.objects.all().delete()
    save_rotation(row, read_form(written(layer("ana", begins="2026-03-04 09:00"))), actor=ana, now=NOW, based_on=1)
    assert not NoticeDelivery.objects.exists()


def test_a_preview_says_what_would_move_and_what_would_be_open_and_stores_nothing() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    office = {"week": {"mon-fri": "09:00-17:00"}}
    found = preview(row, read_form(written(layer("ana", hours=office))), now=NOW)
    assert {one.person for one in found.moves} == {ana, ben} and found.gaps and row.versions.count() == 1


@pytest.mark.parametrize(
    ("role", "own", "may"),
    [("lead", True, True), ("lead", False, False), ("agent", True, False), ("admin", False, True)],
)
def test_leads_edit_their_teams_rotations_administrators_all(role: str, own: bool, may: bool) -> None:
    people("ana")
    row = rotation(layer("ana"))
    actor = make.user("actor", role=role, teams=(make.team() if own else make.team("Elsewhere"),))
    form = read_form(written(layer("ana", begins="2026-03-04 09:00")))
    if may:
        save_rotation(row, form, actor=actor, now=NOW, based_on=1)
        assert AuditEvent.objects.filter(action="rotation.changed", actor=actor).count() == 1
        return
    with pytest.raises(PermissionRefused):
        save_rotation(row, form, actor=actor, now=NOW, based_on=1)
    assert row.versions.count() == 1


def test_the_first_rotation_of_a_team_is_its_default_and_one_is_at_most() -> None:
    people("ana")
    first, second = rotation(layer("ana")), rotation(layer("ana"), slug="second", name="Second", default=True)
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)
    assert [one.rotation.slug for one in on_call(NOW)] == ["second", "support"]


def test_an_ended_rotation_asks_nobody_and_can_begin_again() -> None:
    people("ana")
    row = rotation(layer("ana"))
    set_active(row, False, actor=None, now=NOW)
    assert on_call(NOW) == []
    set_active(row, True, actor=None, now=NOW)
    assert owner_now(NOW) is not None and Rotation.objects.get().is_active


def test_the_simple_way_makes_the_same_as_the_long_one() -> None:
    ana, ben = people("ana", "ben")
    form = weekly(
        name="Support",
        team=make.team(),
        people=[ana, ben],
        begins=at("2026-03-02T09:00"),
        zone="Europe/Berlin",
        owns="urgent triage",
    )
    assert form == read_form(written(layer("ana", "ben")))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"zone": "Europe/Berln"}, "Europe/Berlin"),
        ({"seats": []}, "seats: "),
        (
            {"seats": [{"key": "a", "name": "A", "layers": [{"people": ["ana"]}]}]},
            "seat 1, layer 1: say when the first turn begins",
        ),
        ({"seats": [{"key": "a", "name": "A", "layers": [{"people": ["ana"], "begins": "soon"}]}]}, "is no time"),
        (
            {"seats": [{"key": "a", "name": "A", "layers": [{"people": ["ana"], "begins": "2026-03-02T09:00Z"}]}]},
            "without a zone",
        ),
        ({"seats": [{"key": "a", "name": "A", "layers": [layer("ana", every=0)]}]}, "seat 1, layer 1, every"),
        ({"seats": [{"key": "a", "name": "A"}, {"key": "a", "name": "B"}]}, "two seats are called 'a'"),
        (
            {"seats": [{"key": "a", "name": "A", "layers": [layer("ana", hours={"week": {"mo-fri": "9-17"}})]}]},
            "span of hours",
        ),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InvalidInput) as wrong:
        read_form({**written(layer("ana")), **data})
    assert says in wrong.value.detail


def test_people_nobody_is_called_are_named() -> None:
    people("ana")
    with pytest.raises(InvalidInput, match="Nobody is called 'anna': did you mean 'ana'"):
        rotation(layer("anna"))


def test_ends_of_shifts_tell_who_follows() -> None:
    ana, ben = people("ana", "ben")
    rotation(layer("ana", "ben"))
    found = shifts_ending(NOW, NOW + timedelta(days=14))
    assert [(one.person, one.end, one.next_person) for one in found] == [
        (ana, at("2026-03-09T08:00Z"), ben), (ben, at("2026-03-16T08:00Z"), ana),
    ]  # fmt: skip
    assert shifts_ending(at("2026-03-09T08:00Z"), at("2026-03-16T07:59Z")) == []
    assert shifts_ending(NOW, NOW + timedelta(days=14), make.team("Elsewhere")) == []


def test_a_plan_does_not_know_people_who_are_gone_from_the_database() -> None:
    people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    plan = load_one(row, now=NOW)
    gone = replace(plan, people={pk: one for pk, one in plan.people.items() if one.username == "ben"})
    assert told(gone.shifts("primary", NOW, NOW + timedelta(days=10)), gone) == [
        ("03-02 11:00", ""),
        ("03-09 08:00", "ben"),
    ]
