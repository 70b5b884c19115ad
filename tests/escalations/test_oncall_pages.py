"""The pages of on-call as people use them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from altor.models import AuditEvent
from escalations.models import Rotation, RotationOverride, ShiftSwap
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.now import on_call
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _monday() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: object, query: str = "") -> str:
    answer = client.get(reverse(f"oncall:{name}", args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def lead(**values: Any) -> Any:
    return make.user("lena", role="lead", teams=(make.team(is_default=True),), first_name="Lena", **values)


def test_with_nothing_set_up_two_ways_are_offered_and_three_clicks_make_a_rotation() -> None:
    who = lead()
    ana, ben = people("ana", "ben")
    client = of(who)
    html = page(client, "overview")
    assert "One weekly rotation" in html and "Import a calendar" in html and "layer" not in html
    form = page(client, "new")
    assert f'value="{ana.pk}"' in form
    data = {
        "name": "Support",
        "team": "support",
        "owns": "urgent triage",
        "people": [ana.pk, ben.pk],
        "day": "0",
        "at": "09:00",
        "zone": "Europe/Berlin",
    }
    answer = client.post(reverse("oncall:new"), data, follow=True)
    html = answer.content.decode()
    assert (
        answer.redirect_chain
        and "Ana Example and Ben Example take turns of a week, handing over on Mondays at 09:00" in html
    )
    assert on_call(NOW)[0].person == ana


def test_a_double_click_on_start_makes_one_rotation() -> None:
    who, (ana,) = lead(), people("ana")
    data = {
        "name": "Support",
        "team": "support",
        "owns": "x",
        "people": [ana.pk],
        "day": "0",
        "at": "09:00",
        "zone": "UTC",
    }
    of(who).post(reverse("oncall:new"), data)
    again = of(who).post(reverse("oncall:new"), data)
    assert again.status_code == 422 and "has a rotation Support already" in again.content.decode()
    assert Rotation.objects.count() == 1


def test_people_without_the_right_are_told_whom_to_ask() -> None:
    (ana,) = people("ana")
    assert "A lead or an administrator can begin one" in page(of(ana), "overview")
    assert of(ana).get(reverse("oncall:new")).status_code == 403


def test_the_first_form_keeps_what_was_typed_when_something_is_missing() -> None:
    answer = of(lead()).post(
        reverse("oncall:new"),
        {"name": "Night watch", "team": "support", "owns": "nights", "day": "0", "at": "9 o'clock", "zone": "UTC"},
    )
    html = answer.content.decode()
    assert (
        answer.status_code == 422
        and "Night watch" in html
        and "Write a time like 09:00" in html
        and not Rotation.objects.exists()
    )


def test_the_header_of_every_page_says_who_owns_urgent_triage() -> None:
    ana, _ = people("ana", "ben")
    rotation(layer("ana", "ben"))
    html = of(ana).get(reverse("tokens")).content.decode()
    fact = re.sub(r"<[^>]+>|\s+", " ", html[html.index("al-fact") : html.index('id="theme"')])
    assert "Urgent triage:" in fact and "Ana Example" in fact and "until Mon 9 Mar 08:00" in fact


def test_a_gap_stands_in_the_header_too() -> None:
    (ana,) = people("ana")
    rotation(layer("ana", hours={"week": {"mon-fri": "09:00-10:00"}}))
    html = of(ana).get(reverse("tokens")).content.decode()
    assert "al-fact--wrong" in html and "<strong>nobody</strong>" in html and "Ana Example from Tue 08:00" in html


def test_the_header_shows_the_rotation_of_the_own_team() -> None:
    other = make.team("Elsewhere")
    people("ana")
    (otto,) = people("otto", team=other)
    rotation(layer("ana"), default=True)
    rotation(layer("otto"), slug="elsewhere", team="elsewhere", name="Elsewhere")
    assert "<strong>Otto Example</strong>" in of(otto).get(reverse("tokens")).content.decode()


def test_the_calendar_says_days_people_hours_and_gaps_in_words() -> None:
    ana, ben = people("ana", "ben")
    rotation(layer("ana", "ben"))
    html = page(of(ana), "overview")
    text = re.sub(r"<[^>]+>|\s+", " ", html)
    assert (
        "Mon 9 Mar" in text
        and "00:00–08:00" in text
        and "Ana Example (you)" in text
        and "Somebody is on call whenever" in text
    )
    ben.is_active = False
    ben.save()
    text = re.sub(r"<[^>]+>|\s+", " ", page(of(ana), "overview"))
    assert (
        "Nobody is Primary from Mon 9 Mar 08:00 to Mon 16 Mar 08:00 (UTC), because whoever would be cannot sign in"
        in text
    )


def test_the_calendar_is_in_the_readers_zone_and_takes_other_weeks() -> None:
    (ana,) = people("ana")
    ana.timezone = "Asia/Tokyo"
    ana.save()
    people("ben")
    rotation(layer("ana", "ben"))
    text = re.sub(r"<[^>]+>|\s+", " ", page(of(ana), "overview", query="?from=2026-04-01"))
    assert "Mon 30 Mar" in text and "00:00–16:00" in text  # seven UTC
    for wrong in ("2026-99-99", "never", "0001-01-01"):
        assert "Mon 2 Mar" in page(of(ana), "overview", query=f"?from={wrong}")


def post_take(client: Client, row: Rotation, seat: Any) -> Any:
    """As the page that showed `seat` posts it, a week long."""
    seen = seat.person.pk if seat.person else ""
    data = {"seat": seat.seat, "seen": seen, "ends_at": (NOW + timedelta(days=7)).isoformat()}
    return client.post(reverse("oncall:take", args=[row.slug]), data, follow=True)


def test_a_shift_is_taken_with_one_click_and_a_stale_page_takes_nothing() -> None:
    ana, ben, cleo = people("ana", "ben", "cleo")
    row = rotation(layer("ana"), layer("ben"))
    seat = on_call(NOW)[0]
    # Ana is alone in the upper layer: it is her week that is taken, not all of time.
    html = page(of(ben), "rotation", row.slug)
    assert "Take this shift now" in html and 'value="2026-03-09T08:00:00+00:00"' in html
    assert "Take this shift now" not in page(of(ana), "rotation", row.slug)
    assert "You are on call now" in post_take(of(ben), row, seat).content.decode()
    assert on_call(NOW)[0].person == ben
    answer = post_take(of(cleo), row, seat)
    assert "Ben Example holds this shift now" in answer.content.decode() and RotationOverride.objects.count() == 1


def test_people_of_other_teams_and_those_who_only_read_take_nothing() -> None:
    people("ana")
    row = rotation(layer("ana"))
    outsider = make.user("otto", teams=(make.team("Elsewhere"),))
    assert "shifts of your own team" in post_take(of(outsider), row, on_call(NOW)[0]).content.decode()
    reader = make.user("rosa", role="read_only", teams=(make.team(),))
    assert post_take(of(reader), row, on_call(NOW)[0]).status_code == 403 and not RotationOverride.objects.exists()


def test_a_lead_puts_somebody_in_and_takes_it_back() -> None:
    _ana, ben = people("ana", "ben")
    client, row = of(lead()), rotation(layer("ana"))
    url = reverse("oncall:override", args=[row.slug])
    data = {
        "seat": "primary",
        "person": ben.pk,
        "begins_at": "2026-03-02T13:00",
        "ends_at": "2026-03-02T15:00",
        "reason": "Dentist",
    }
    html = client.post(url, data, follow=True).content.decode()
    assert "Ben Example is on call then" in html and "Dentist" in html
    override = RotationOverride.objects.get()
    assert (override.begins_at, override.person) == (at("2026-03-02T13:00Z"), ben)
    wrong = client.post(url, {**data, "ends_at": "2026-03-02T12:00"})
    assert wrong.status_code == 422 and "ends before it begins" in wrong.content.decode()
    client.post(reverse("oncall:override-cancel", args=[override.pk]))
    override.refresh_from_db()
    assert override.cancelled_at is not None
    assert [one.action for one in AuditEvent.objects.filter(object_ref="support").order_by("pk")] == [
        "rotation.created",
        "rotation.overridden",
        "rotation.override_cancelled",
    ]


def test_an_agent_may_only_put_themselves_in() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana"))
    data = {"seat": "primary", "person": ana.pk, "begins_at": "2026-03-02T13:00", "ends_at": "2026-03-02T15:00"}
    assert of(ben).post(reverse("oncall:override", args=[row.slug]), data).status_code == 422
    of(ben).post(reverse("oncall:override", args=[row.slug]), {**data, "person": ben.pk})
    assert RotationOverride.objects.get().person == ben
    # A lead's override is not theirs to cancel.
    mine = RotationOverride.objects.create(
        rotation=row,
        seat="primary",
        begins_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        person=ben,
        made_by=None,
        made_at=NOW,
    )
    of(ben).post(reverse("oncall:override-cancel", args=[mine.pk]))
    mine.refresh_from_db()
    assert mine.cancelled_at is None


def test_a_swap_is_asked_answered_and_seen_on_the_pages() -> None:
    ana, ben = people("ana", "ben")
    row = rotation(layer("ana", "ben"))
    html = page(of(ana), "swap", row.slug)
    options = re.findall(r'<option value="([^"]+)"', html)
    mine = next(one for one in options if one.startswith("primary|"))
    theirs = next(one for one in options if one.startswith(f"{ben.pk}|"))
    answer = of(ana).post(
        reverse("oncall:swap", args=[row.slug]), {"mine": mine, "with": theirs, "reason": "Wedding"}, follow=True
    )
    assert "is asked. Nothing changes" in answer.content.decode()
    assert "1 swap waits for your answer" in page(of(ben), "overview") and "Wedding" in page(of(ben), "swaps")
    swap = ShiftSwap.objects.get()
    url = reverse("oncall:swap-answer", args=[swap.pk])
    assert "Only the one who was asked" in of(ana).post(url, {"do": "accept"}, follow=True).content.decode()
    assert "Accepted: the shifts are swapped" in of(ben).post(url, {"do": "accept"}, follow=True).content.decode()
    assert on_call(NOW)[0].person == ben and on_call(NOW + timedelta(days=8))[0].person == ana
    assert "is accepted already" in of(ben).post(url, {"do": "decline"}, follow=True).content.decode()
    wrong = of(ana).post(reverse("oncall:swap", args=[row.slug]), {"mine": "nonsense", "with": theirs})
    assert wrong.status_code == 422


def fields(html: str) -> dict[str, str]:
    """The editor's form as a browser would post it."""
    body = html[html.rindex('<form method="post" class="al-stack">') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", body):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found[name[1]] = value[1] if value else ("on" if 'type="checkbox"' in tag else "")
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', body, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', inner)
        found[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return found


def test_the_editor_posted_back_as_it_came_changes_nothing() -> None:
    people("ana", "ben", "cleo")
    office = {
        "week": {"mon-fri": ["09:00-12:00", "13:00-17:00"]},
        "days": {"2026-12-24": "closed"},
        "holidays": "DE-BE",
    }
    seats = [
        {
            "key": "primary",
            "name": "Primary",
            "layers": [layer("ana", hours=office), layer("ben", "cleo", every=3, unit="day")],
        },
        {
            "key": "second",
            "name": "Second",
            "covers": {"week": {"mon-fri": "09:00-17:00"}},
            "layers": [layer("cleo", zone="Asia/Tokyo")],
        },
    ]
    row = rotation(seats=seats, actor=lead())
    client = of(row.versions.get().created_by)
    posted = fields(page(client, "edit", row.slug))
    answer = client.post(reverse("oncall:edit", args=[row.slug]), {**posted, "do": "save"}, follow=True)
    assert "Saved as version 1" in answer.content.decode() and row.versions.count() == 1


def test_the_editor_adds_rows_without_a_script_previews_and_saves() -> None:
    ana, ben = people("ana", "ben")
    who = lead()
    row = rotation(layer("ana"))
    client, url = of(who), reverse("oncall:edit", args=[row.slug])
    html = client.post(url, {**fields(page(client, "edit", row.slug)), "do": "add-seat"}).content.decode()
    posted = fields(html)
    assert posted["seats"] == "2" and posted["s1-key"] == "secondary"
    posted |= {"s1-l0-p0": "ben", "s1-l0-hours": "mon-fri 09:00-17:00", "s1-covers": "mon-fri 09:00-17:00"}
    html = client.post(url, {**posted, "do": "preview"}).content.decode()
    assert "What this would change" in html and "Ben Example" in html and row.versions.count() == 1
    posted = fields(html)
    assert posted["s1-l0-p0"] == "ben" and posted["s1-l0-hours"] == "mon-fri 09:00-17:00"
    answer = client.post(url, {**posted, "do": "save", "comment": "Second seat"}, follow=True)
    assert "Saved as version 2" in answer.content.decode()
    assert [(one.seat, one.person) for one in on_call(NOW)] == [("primary", ana), ("secondary", ben)]
    posted = fields(page(client, "edit", row.slug))
    html = client.post(url, {**posted, "do": "add-layer:0"}).content.decode()
    assert fields(html)["s0-layers"] == "2" and fields(html)["s0-l1-p0"] == "ana"
    html = client.post(url, {**fields(html), "do": "up:0:1"}).content.decode()
    assert fields(html)["s0-l0-p0"] == "ana"
    html = client.post(url, {**fields(html), "do": "remove-layer:0:1"}).content.decode()
    html = client.post(url, {**fields(html), "do": "people:0:0"}).content.decode()
    assert fields(html)["s0-l0-people"] != "1"
    assert fields(client.post(url, {**fields(html), "do": "remove-seat:1"}).content.decode())["seats"] == "1"


def test_what_is_wrong_in_the_editor_is_said_and_nothing_typed_is_lost() -> None:
    people("ana")
    who = lead()
    row = rotation(layer("ana"))
    client, url = of(who), reverse("oncall:edit", args=[row.slug])
    posted = {**fields(page(client, "edit", row.slug)), "s0-l0-hours": "mon-fry 9-5", "comment": "A long thought"}
    answer = client.post(url, {**posted, "do": "save"})
    assert (
        answer.status_code == 422
        and "A long thought" in answer.content.decode()
        and "mon-fry 9-5" in answer.content.decode()
    )
    answer = client.post(url, {**posted, "s0-l0-hours": "", "s0-l0-every": "x", "do": "save"})
    assert answer.status_code == 422 and "seat 1, layer 1, every" in answer.content.decode()


def test_a_second_editor_sees_who_was_faster_and_keeps_the_own_words() -> None:
    people("ana", "ben")
    who = lead()
    row = rotation(layer("ana", "ben"))
    client = of(who)
    posted = fields(page(client, "edit", row.slug))
    save_rotation(row, read_form(written(layer("ben", "ana"))), actor=None, now=NOW, based_on=1)
    answer = client.post(reverse("oncall:edit", args=[row.slug]), {**posted, "owns": "night triage", "do": "save"})
    html = answer.content.decode()
    assert (
        answer.status_code == 422
        and "Somebody was faster" in html
        and "night triage" in html
        and row.versions.count() == 2
    )


def test_leads_of_other_teams_find_no_editor() -> None:
    people("ana")
    row = rotation(layer("ana"))
    other = make.user("olaf", role="lead", teams=(make.team("Elsewhere"),))
    for name in ("edit", "active", "calendar-add"):
        client, url = of(other), reverse(f"oncall:{name}", args=[row.slug])
        assert (client.get(url) if name == "edit" else client.post(url, {"to": "off"})).status_code == 404
    assert "oncall:edit" not in page(of(other), "rotation", row.slug) and Rotation.objects.get().is_active


def test_ending_a_rotation_keeps_its_page() -> None:
    people("ana")
    who = lead()
    row = rotation(layer("ana"))
    html = of(who).post(reverse("oncall:active", args=[row.slug]), {"to": "off"}, follow=True).content.decode()
    assert "is ended; its past stays" in html and "Begin again" in html
    assert f"/on-call/{row.slug}/" in page(of(who), "overview")


def test_a_seat_without_a_version_in_the_past_shows_nothing_there() -> None:
    (ana,) = people("ana")
    rotation(layer("ana"))
    html = page(of(ana), "overview", query="?from=2026-01-05")
    assert "Nobody" not in html[html.index("al-week") : html.index("oc-p")]


def test_moments_of_forms_are_in_the_readers_zone() -> None:
    from django.utils import timezone

    from escalations.views.oncall.finding import moment_of

    with timezone.override("Europe/Berlin"):
        assert moment_of("2026-03-02T10:00") == datetime.fromisoformat("2026-03-02T09:00+00:00")
