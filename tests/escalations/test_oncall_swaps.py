"""Swaps follow the shifts they are about; of two who act at once one wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from altor.errors import Conflict, DomainError, InvalidInput, PermissionRefused
from altor.models import Notice, User
from escalations.models import Rotation, RotationOverride, ShiftSwap
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.overrides import add_override, take_shift
from escalations.oncall.rotations import load_one
from escalations.oncall.swaps import accept_swap, ask_swap, undo_swap, withdraw_swap
from escalations.oncall.turns import turns
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db


def told(row: Rotation, until: Any, seat: str = "primary") -> list[tuple[str, str]]:
    plan = load_one(row, now=NOW)
    return [
        (f"{one.begin:%m-%d %H:%M}", plan.person(one.person).username if one.person else "")
        for one in plan.shifts(seat, NOW, until)
    ]


def asked(row: Rotation, ana: User, ben: User) -> ShiftSwap:
    """Ana's week from the 16th for Ben's from the 23rd."""
    return ask_swap(
        row,
        asked=ben,
        seat="primary",
        begins_at=at("2026-03-16T08:00Z"),
        ends_at=at("2026-03-23T08:00Z"),
        actor=ana,
        now=NOW,
        in_return=("primary", at("2026-03-23T08:00Z"), at("2026-03-30T07:00Z")),
    )


def test_a_swap_counts_from_its_acceptance_and_both_ways() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    swap = asked(row, ana, ben)
    before = [
        ("03-02 11:00", "ana"),
        ("03-09 08:00", "ben"),
        ("03-16 08:00", "ana"),
        ("03-23 08:00", "ben"),
        ("03-30 07:00", "ana"),
    ]
    assert told(row, at("2026-04-01T00:00Z")) == before
    accept_swap(swap, actor=ben, now=NOW)
    # Ben carries two weeks in a row, then Ana two.
    assert told(row, at("2026-04-01T00:00Z")) == [
        ("03-02 11:00", "ana"),
        ("03-09 08:00", "ben"),
        ("03-23 08:00", "ana"),
    ]
    assert Notice.objects.filter(kind="oncall.swap").count() == 2  # asked, accepted


def test_a_swap_follows_an_edited_handover() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    accept_swap(asked(row, ana, ben), actor=ben, now=NOW)
    # Handovers move from Monday nine to Wednesday ten.
    save_rotation(
        row, read_form(written(layer("ana", "ben", begins="2026-03-04 10:00"))), actor=None, now=NOW, based_on=1
    )
    swap = ShiftSwap.objects.get()
    assert (swap.begins_at, swap.ends_at) == (at("2026-03-18T09:00Z"), at("2026-03-25T09:00Z"))
    assert (swap.return_begins_at, swap.return_ends_at) == (at("2026-03-25T09:00Z"), at("2026-04-01T08:00Z"))
    assert told(row, at("2026-04-05T00:00Z")) == [
        ("03-02 11:00", ""),
        ("03-04 09:00", "ana"),
        ("03-11 09:00", "ben"),
        ("03-25 09:00", "ana"),
    ]
    assert Notice.objects.filter(title__contains="your swap moved with the shifts").count() == 2


def test_a_swap_that_is_only_asked_follows_too() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    swap = asked(row, ana, ben)
    save_rotation(
        row, read_form(written(layer("ana", "ben", begins="2026-03-02 10:00"))), actor=None, now=NOW, based_on=1
    )
    accept_swap(swap, actor=ben, now=NOW)
    assert ("03-23 09:00", "ana") in told(row, at("2026-04-01T00:00Z"))


def test_a_swap_of_a_shift_that_is_gone_is_undone_both_ways_and_both_are_told() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    accept_swap(asked(row, ana, ben), actor=ben, now=NOW)
    people("cleo")
    save_rotation(row, read_form(written(layer("cleo", "ben"))), actor=None, now=NOW, based_on=1)
    swap = ShiftSwap.objects.get()
    assert swap.status == ShiftSwap.Status.UNDONE and "took one of the shifts away" in swap.why
    assert ("03-23 08:00", "ben") in told(row, at("2026-04-01T00:00Z"))
    assert Notice.objects.filter(title__contains="your swap is undone").count() == 2


def test_an_edit_that_does_not_touch_the_shifts_leaves_the_swap_alone() -> None:
    ana, ben = people("ana", "ben")
    people("cleo")
    row = rotation(layer("ana", "ben"))
    accept_swap(asked(row, ana, ben), actor=ben, now=NOW)
    Notice.objects.all().delete()
    edited = written(
        layer("ana", "ben"),
        seats=[
            {"key": "primary", "name": "Primary", "layers": [layer("ana", "ben")]},
            {"key": "second", "name": "Second", "layers": [layer("cleo")]},
        ],
    )
    save_rotation(row, read_form(edited), actor=None, now=NOW, based_on=1)
    assert (
        ShiftSwap.objects.get().begins_at == at("2026-03-16T08:00Z")
        and not Notice.objects.filter(kind="oncall.swap").exists()
    )


def test_of_restricted_hours_only_those_change_hands() -> None:
    ana, ben = people("ana", "ben")
    people("nora")
    office = {"week": {"mon-fri": "09:00-17:00"}}
    row = rotation(layer("ana", "ben", hours=office), layer("nora"))
    plan = load_one(row, now=NOW)
    (mine,) = list(turns(plan, at("2026-03-15T00:00Z"), at("2026-03-24T00:00Z"), person=str(ana.pk)))
    assert (mine.begin, mine.end) == (at("2026-03-16T08:00Z"), at("2026-03-20T16:00Z"))
    swap = ask_swap(row, asked=ben, seat="primary", begins_at=mine.begin, ends_at=mine.end, actor=ana, now=NOW)
    accept_swap(swap, actor=ben, now=NOW)
    held = [
        one for one in told(row, at("2026-03-23T00:00Z")) if one[0].startswith("03-16") or one[0].startswith("03-17")
    ]
    assert held == [("03-16 08:00", "ben"), ("03-16 16:00", "nora"), ("03-17 08:00", "ben"), ("03-17 16:00", "nora")]


def test_what_cannot_be_swapped_is_said() -> None:
    ana, ben = people("ana", "ben")
    outsider = make.user("otto", teams=(make.team("Elsewhere"),))
    row = rotation(layer("ana", "ben"))
    week = {"seat": "primary", "begins_at": at("2026-03-16T08:00Z"), "ends_at": at("2026-03-23T08:00Z"), "now": NOW}
    for wrong, says in (
        ({"asked": ana, "actor": ana}, "choose somebody else"),
        ({"asked": outsider, "actor": ana}, "not of its team"),
        ({"asked": ana, "actor": ben}, "does not hold this shift"),
        ({"asked": ben, "actor": ana, "seat": "x"}, "has no seat"),
        ({"asked": ben, "actor": ana, "begins_at": at("2026-03-24T00:00Z")}, "over"),
        (
            {"asked": ben, "actor": ana, "in_return": ("primary", at("2026-03-20T08:00Z"), at("2026-03-30T07:00Z"))},
            "overlap",
        ),
    ):
        with pytest.raises(InvalidInput, match=says):
            ask_swap(row, **{**week, **wrong})  # type: ignore[arg-type]
    asked(row, ana, ben)
    with pytest.raises(Conflict, match="already"):
        asked(row, ana, ben)


def test_a_swap_is_not_accepted_once_somebody_else_holds_the_shift() -> None:
    ana, ben, cleo = people("ana", "ben", "cleo")
    row = rotation(layer("ana", "ben"))
    swap = asked(row, ana, ben)
    take_shift(
        row, seat="primary", begins_at=swap.begins_at, ends_at=swap.ends_at, seen=str(ana.pk), actor=cleo, now=NOW
    )
    with pytest.raises(Conflict, match="not possible any more"):
        accept_swap(swap, actor=ben, now=NOW)
    withdraw_swap(swap, actor=ana, now=NOW)
    with pytest.raises(Conflict):
        accept_swap(swap, actor=ben, now=NOW)


def test_a_lead_undoes_a_swap_and_what_ran_stays() -> None:
    ana, ben = people("ana", "ben")
    lead = make.user("lena", role="lead", teams=(make.team(),))
    row = rotation(layer("ana", "ben"))
    swap = accept_swap(asked(row, ana, ben), actor=ben, now=NOW)
    with pytest.raises(PermissionRefused):
        undo_swap(swap, actor=ana, now=NOW)
    later = at("2026-03-18T00:00Z")
    undo_swap(swap, actor=lead, now=later)
    assert told(row, at("2026-04-01T00:00Z"))[1:4] == [
        ("03-09 08:00", "ben"),
        ("03-18 00:00", "ana"),
        ("03-23 08:00", "ben"),
    ]


def test_overrides_of_people_or_seats_that_are_not_there_are_refused() -> None:
    _ana, ben = people("ana", "ben")
    gone, reader = make.user("gone", is_active=False), make.user("rosa", role="read_only", teams=(make.team(),))
    row = rotation(layer("ana"))
    day: dict[str, Any] = {
        "seat": "primary",
        "begins_at": NOW,
        "ends_at": NOW + timedelta(days=1),
        "actor": None,
        "now": NOW,
    }
    for wrong, says in (
        ({"person": gone}, "cannot sign in"),
        ({"person": reader}, "only reads"),
        ({"person": ben, "seat": "x"}, "no seat"),
        ({"person": ben, "ends_at": NOW}, "ends before"),
        ({"person": ben, "ends_at": NOW + timedelta(days=200)}, "half a year"),
        ({"person": ben, "begins_at": NOW + timedelta(days=300), "ends_at": NOW + timedelta(days=400)}, "a year away"),
    ):
        with pytest.raises(InvalidInput, match=says):
            add_override(row, **{**day, **wrong})
    # An override never changes the past.
    assert add_override(row, **{**day, "person": ben, "begins_at": NOW - timedelta(days=3)}).begins_at == NOW


# ------------------------------------------------------------------------------------------------------ two at once
def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each gave or raised, all started together on connections of their own."""
    found: list[object] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], object]) -> None:
        try:
            gate.wait(10)
            found[number] = call()
        except DomainError as refused:
            found[number] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    return found


@pytest.mark.django_db(transaction=True)
def test_of_five_who_take_a_shift_at_once_one_has_it_and_the_others_are_told_who() -> None:
    ana, *takers = people("ana", "ben", "cleo", "dora", "emil", "fay")
    row = rotation(layer("ana", "ben"))

    def take(who: User) -> Callable[[], object]:
        return lambda: take_shift(
            row, seat="primary", begins_at=NOW, ends_at=NOW + timedelta(days=2), seen=str(ana.pk), actor=who, now=NOW
        )

    found = at_once(*[take(one) for one in takers])
    won = [one for one in found if isinstance(one, RotationOverride)]
    lost = [one for one in found if isinstance(one, Conflict)]
    assert len(won) == 1 and len(lost) == 4 and RotationOverride.objects.count() == 1
    assert all(str(won[0].person) in one.detail for one in lost)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_accept_swaps_once() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    swap = asked(row, ana, ben)
    found = at_once(*[lambda: accept_swap(swap, actor=ben, now=NOW)] * 4)
    assert sum(isinstance(one, ShiftSwap) for one in found) == 1 and RotationOverride.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_once_one_saves_and_the_other_hears_of_it() -> None:
    people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    forms = [read_form(written(layer("ana"))), read_form(written(layer("ben")))]
    found = at_once(*[lambda form=form: save_rotation(row, form, actor=None, now=NOW, based_on=1) for form in forms])
    assert sum(isinstance(one, Conflict) for one in found) == 1 and row.versions.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_edit_and_an_acceptance_at_once_agree_in_either_order() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    swap = asked(row, ana, ben)
    form = read_form(written(layer("ana", "ben", begins="2026-03-02 10:00")))
    at_once(
        lambda: accept_swap(swap, actor=ben, now=NOW), lambda: save_rotation(row, form, actor=None, now=NOW, based_on=1)
    )
    shifts = told(row, at("2026-04-01T00:00Z"))
    assert ("03-09 09:00", "ben") in shifts and ("03-23 09:00", "ana") in shifts
