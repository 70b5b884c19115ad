"""Feeds of shifts: what is written comes back the same, and only a live signed link opens one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from altor.errors import Conflict
from altor.models import User
from escalations.models import CalendarLink
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.ical_in import read
from escalations.oncall.links import address_of, find_link, make_link, renew_link, revoke_link
from escalations.oncall.matching import People
from escalations.oncall.rotations import load_one
from escalations.oncall.swaps import accept_swap, ask_swap
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db


def test_a_feed_that_is_read_back_gives_the_same_shifts_over_a_change_of_clocks() -> None:
    ana, ben = people("ana", "ben")
    office = {"week": {"mon-fri": "09:00-17:00"}}
    row = rotation(layer("ana", "ben", hours=office), layer("ben", "ana", every=3, unit="day"), now=NOW)
    swap = ask_swap(
        row,
        asked=ben,
        seat="primary",
        begins_at=at("2026-03-16T08:00Z"),
        ends_at=at("2026-03-20T16:00Z"),
        actor=ana,
        now=NOW,
    )
    accept_swap(swap, actor=ben, now=NOW)
    link = make_link("rotation", actor=ana, now=NOW, rotation=row)

    with time_machine.travel(NOW, tick=False):
        answer = Client().get(address_of(link).removeprefix(settings.BASE_URL))
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/calendar")
    assert b"VTIMEZONE" not in answer.content and b"TZID" not in answer.content
    begin, end = NOW, at("2026-05-01T00:00Z")
    known = People([ana, ben], {})
    found = [
        (max(one.begin, begin), min(one.end, end), known.match([[one.title.partition(":")[0]]]))
        for one in read(answer.content, begin, end, zone="UTC").found
    ]
    plan = load_one(row, now=NOW)
    pieces: list[tuple[datetime, datetime, User | None]] = []
    for one in found:  # a feed has turns, the schedule joins neighbours
        if pieces and pieces[-1][1] == one[0] and pieces[-1][2] == one[2]:
            pieces[-1] = (pieces[-1][0], one[1], one[2])
        else:
            pieces.append(one)
    assert pieces == [
        (one.begin, one.end, plan.person(one.person)) for one in plan.shifts("primary", begin, end) if one.person
    ]


def feed_of(link: CalendarLink, moment: datetime, **headers: str) -> Any:

    with time_machine.travel(moment, tick=False):
        return Client().get(address_of(link).removeprefix(settings.BASE_URL), headers=headers)


def test_uids_stay_when_a_handover_moves_within_the_day() -> None:
    ana, _ = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    link = make_link("person", actor=ana, now=NOW)

    def uids() -> dict[str, str]:
        found = read(feed_of(link, NOW).content, at("2026-03-15T00:00Z"), at("2026-06-01T00:00Z"), zone="UTC").found
        return {one.uid: f"{one.begin:%H:%M}" for one in found}

    before = uids()
    save_rotation(
        row, read_form(written(layer("ana", "ben", begins="2026-03-02 11:30"))), actor=None, now=NOW, based_on=1
    )
    assert set(before) == set(uids()) and before != uids() and len(before) > 4


def test_a_personal_feed_holds_the_own_shifts_only_and_a_team_feed_all_of_its_rotations() -> None:
    ana, _ben = people("ana", "ben")
    rotation(layer("ana", "ben"))
    rotation(layer("ben"), slug="nights", name="Nights")
    other = make.team("Elsewhere")
    people("otto", team=other)
    rotation(layer("otto"), slug="elsewhere", name="Elsewhere", team="elsewhere")
    mine = feed_of(make_link("person", actor=ana, now=NOW), NOW).content.decode()
    team = feed_of(make_link("team", actor=ana, now=NOW, team=make.team()), NOW).content.decode()
    assert "On call: urgent triage (Primary)" in mine and "Ben" not in mine
    assert "Ben Example: Nights\\, Primary" in team and "Ana Example: Support" in team and "Otto" not in team


def test_only_the_exact_live_link_of_somebody_who_may_read_opens_anything() -> None:
    (ana,) = people("ana")
    rotation(layer("ana"))
    link = make_link("person", actor=ana, now=NOW)
    assert feed_of(link, NOW).status_code == 200
    token = address_of(link).rpartition("/")[2].removesuffix(".ics")
    for wrong in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token[1:],
        token + "A",
        "x" * len(token),
        link.lookup,
    ):
        assert find_link(wrong, NOW) is None
        assert Client().get(reverse("oncall-calendar", args=[wrong])).status_code == 404
    with pytest.raises(Conflict, match="already"):
        make_link("person", actor=ana, now=NOW)
    renewed = renew_link(link, actor=ana, now=NOW)
    assert feed_of(link, NOW).status_code == 404 and feed_of(renewed, NOW).status_code == 200
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert feed_of(renewed, NOW).status_code == 404
    User.objects.filter(pk=ana.pk).update(is_active=True)
    revoke_link(renewed, actor=ana, now=NOW)
    assert feed_of(renewed, NOW).status_code == 404


def test_a_reader_who_has_the_newest_copy_is_told_so(settings: Any) -> None:
    (ana,) = people("ana")
    rotation(layer("ana"))
    link = make_link("person", actor=ana, now=NOW)
    first = feed_of(link, NOW)
    again = feed_of(link, NOW + timedelta(hours=3), **{"If-None-Match": first["ETag"]})
    assert again.status_code == 304 and first["Cache-Control"] == "private, max-age=300"
    # The secret key may be rotated without breaking calendars.
    address = address_of(link).removeprefix(settings.BASE_URL)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-obviously-fake-key"
    assert Client().get(address).status_code == 200


def test_links_are_made_renewed_and_revoked_on_their_page_by_their_owner_only() -> None:
    ana, ben = people("ana", "ben")
    rotation(layer("ana"))
    client = Client()
    client.force_login(ana)
    url = reverse("oncall:feeds")
    html = client.post(url, {"of": "rotation:support"}, follow=True).content.decode()
    link = CalendarLink.objects.get()
    assert address_of(link) in html
    assert "already" in client.post(url, {"of": "rotation:support"}, follow=True).content.decode()
    assert "Choose what" in client.post(url, {"of": "rotation:nothing"}, follow=True).content.decode()
    stranger = Client()
    stranger.force_login(ben)
    act = reverse("oncall:feed-act", args=[link.pk])
    assert (
        stranger.post(act, {"do": "revoke"}).status_code == 404
        and address_of(link) not in stranger.get(url).content.decode()
    )
    client.post(act, {"do": "renew"})
    assert CalendarLink.objects.filter(revoked_at=None).get().pk != link.pk
    client.post(reverse("oncall:feed-act", args=[CalendarLink.objects.get(revoked_at=None).pk]), {"do": "revoke"})
    assert not CalendarLink.objects.filter(revoked_at=None).exists()
