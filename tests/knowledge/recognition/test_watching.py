"""Is it back? Detection queries on a schedule: who is asked for, who is told, what a failure does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor.errors import InvalidInput, PermissionRefused
from altor.models import Notice
from investigations.models import Connection
from knowledge import tasks
from knowledge.entries.changes import change_state
from knowledge.entries.links import add_link
from knowledge.entries.reuse import use_entry
from knowledge.entries.worklists import FAILED, LISTS
from knowledge.models import Entry, Recognition, Sighting, Standing, Watch
from knowledge.recognition.watching import look, set_watch, subjects, watch_due
from tests import factories as make
from tests.engine.scene import answering
from tests.knowledge.entries.conftest import Cast
from tests.knowledge.recognition.conftest import Known, detection
from tests.loopback import Answer, Upstream

pytestmark = pytest.mark.django_db(transaction=True)
OF_ONE = detection(params={"of": "inputs.org_id"})


@pytest.fixture(autouse=True)
def _connected(upstream: Upstream, cast: Cast) -> None:
    for name in ("alpha", "beta"):
        Connection.objects.create(source=name, name="main", base_url=upstream.url)


def _watched(entry: Entry, cast: Cast, hours: int = 1) -> Watch:
    watch = set_watch(entry, hours, actor=cast.agent)
    assert watch is not None
    return watch


def test_the_owner_is_told_once_when_it_is_back_and_again_after_it_was_gone(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    entry = known()
    watch, now = _watched(entry, cast), timezone.now()
    upstream.behaviour = answering(kb=Answer(body={"n": 0.0}))
    look(watch, now=now)
    assert not Notice.objects.filter(kind="knowledge.back").exists()
    for hour, n in ((1, 7.0), (2, 8.0), (3, 0.0), (4, 9.0)):
        upstream.behaviour = answering(kb=Answer(body={"n": n}))
        look(watch, now=now + timedelta(hours=hour))
    told = list(Notice.objects.filter(kind="knowledge.back").order_by("pk"))
    assert [one.lines[0] for one in told] == ["n is 7", "n is 9"]
    assert entry.ref in told[0].title and told[0].url_path.endswith(f"/{entry.ref}/")
    first, second = Sighting.objects.order_by("pk")
    assert (first.first_at, first.last_at, first.ended_at) == (
        now + timedelta(hours=1), now + timedelta(hours=2), now + timedelta(hours=3),
    )  # fmt: skip
    assert second.ended_at is None
    watch.refresh_from_db()
    assert (watch.answered, watch.since, watch.due_at) == (
        "fired", now + timedelta(hours=4), now + timedelta(hours=5),
    )  # fmt: skip


def test_a_question_about_one_customer_is_asked_for_those_that_had_it(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    entry = known(detection=OF_ONE)
    helped, linked, other = (make.customer() for _ in range(3))
    use_entry(entry, make.ticket(customer=helped, team=cast.team), verdict="helped", actor=cast.agent)
    add_link(entry, kind="ticket", ref=make.ticket(customer=linked, team=cast.team).ref, actor=cast.agent)
    make.ticket(customer=other, team=cast.team)
    look(_watched(entry, cast))
    assert {asked.query["of"] for asked in upstream.asked} == {helped.org_id, linked.org_id}
    assert {one.customer for one in Sighting.objects.all()} == {helped, linked}
    (notice,) = Notice.objects.filter(kind="knowledge.back")
    assert "2 customers" in notice.lines[1]


def test_nobody_had_it_yet_and_nothing_is_asked(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known(detection=OF_ONE)
    watch = _watched(entry, cast)
    look(watch)
    watch.refresh_from_db()
    assert upstream.asked == [] and (watch.answered, watch.failures) == ("quiet", 0)


def test_a_source_that_is_away_is_counted_and_ends_no_sighting(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known()
    watch = _watched(entry, cast)
    look(watch)
    upstream.behaviour = answering(kb=Answer(status=503))
    for _ in range(2):
        look(watch)
    watch.refresh_from_db()
    assert (watch.failures, watch.answered) == (2, "unknown")
    assert "503" in watch.error
    assert Sighting.objects.get().ended_at is None
    upstream.behaviour = answering()
    look(watch)
    watch.refresh_from_db()
    assert (watch.failures, watch.error) == (0, "")
    assert Notice.objects.filter(kind="knowledge.back").count() == 1


def test_what_is_due_is_worked_and_comes_again_after_its_interval(cast: Cast, known: Known, upstream: Upstream) -> None:
    for number in range(3):
        _watched(known(f"kb{number}"), cast, hours=6)
    now = timezone.now()
    assert watch_due(now=now, batch=2) == 2
    assert watch_due(now=now) == 1
    assert watch_due(now=now + timedelta(hours=5)) == 0
    assert watch_due(now=now + timedelta(hours=6, seconds=1)) == 3


def test_the_sweep_queues_what_is_due(cast: Cast, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []
    monkeypatch.setattr("altor.queue.enqueue", lambda name, *args: queued.append(name))
    tasks.sweep_watches()
    assert queued == []
    _watched(known(), cast)
    tasks.sweep_watches()
    assert queued == [tasks.WATCH]


def test_an_archived_entry_rests(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known()
    watch = _watched(entry, cast)
    change_state(entry, {"confidence": "archived"}, actor=cast.admin, reason="gone")
    look(Watch.objects.select_related("entry").get(pk=watch.pk))
    assert upstream.asked == [] and Watch.objects.get().every_hours == 0


def test_who_may_change_an_entry_may_have_it_watched(cast: Cast, known: Known) -> None:
    entry = known()
    with pytest.raises(PermissionRefused):
        set_watch(entry, 1, actor=cast.reader)
    with pytest.raises(InvalidInput):
        set_watch(entry, 5, actor=cast.agent)
    with pytest.raises(InvalidInput):
        set_watch(cast.entry(detection=None, title="No query"), 1, actor=cast.agent)
    _watched(entry, cast, hours=24)
    set_watch(entry, 0, actor=cast.agent)
    assert watch_due() == 0


def test_everybodys_rows_are_asked_for_once(known: Known) -> None:
    assert subjects(known()) == [None]


def test_the_page_sets_the_interval_and_shows_what_was_seen(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry, client = known(), Client()
    client.force_login(cast.agent)
    address = reverse("knowledge:entry-watch", args=[entry.ref])
    assert client.post(address, {"every_hours": "24"}).status_code == 302
    watch = Watch.objects.get(entry=entry)
    look(watch)
    page = client.get(reverse("knowledge:entry", args=[entry.ref])).content.decode()
    assert "It is there" in page and "Everybody: n is 7" in page
    assert '<option value="24" selected>once a day</option>' in page
    for wrong in ("5", "x", "", "99999999999"):
        client.post(address, {"every_hours": wrong})
    assert Watch.objects.get().every_hours == 24
    client.force_login(cast.reader)
    assert client.post(address, {"every_hours": "0"}).status_code == 403


def test_queries_that_fail_and_those_that_misfire_are_listed(cast: Cast, known: Known, upstream: Upstream) -> None:
    lists = {one.key: one for one in LISTS}
    readable = Entry.objects.visible_to(cast.agent)
    failing, wrong, fine = known("failing"), known("wrong"), known("fine")
    upstream.behaviour = answering(failing=Answer(status=503))
    watch = _watched(failing, cast)
    for _ in range(FAILED):
        look(watch)
    Standing.objects.create(entry=wrong, query="x", right=3, wrong=1, at=timezone.now())
    now = timezone.now()
    assert list(lists["broken"].rows(readable, now)) == [failing]
    assert list(lists["misfiring"].rows(readable, now)) == [wrong]
    for _ in range(FAILED):
        Recognition.objects.create(
            entry=fine, investigation=make.run(status="done"), version=fine.revision, query="x", answered="unknown",
            error_kind="invalid", seconds=0.1, at=now,
        )  # fmt: skip
    assert set(lists["broken"].rows(readable, now)) == {failing, fine}
    assert list(lists["broken"].rows(readable, now + timedelta(days=15))) == [failing]
