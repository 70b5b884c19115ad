"""Reading a helpdesk's past over a loopback socket: paged, resumed, limited, cancelled, broken tickets passed over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from altor.errors import Conflict, InvalidInput
from altor.models import AuditEvent, InboundEndpoint
from altor.outbound.state import forget_states
from investigations.models import Backfill, HelpdeskConnection, Investigation, Ticket
from investigations.services import backfill
from investigations.services.backfill import cancel, start_backfill, sweep_backfills, work_page
from tests import factories as make
from tests.helpdesks.desk import KEY, Desk, ticket
from tests.loopback import Answer, Upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(upstream: Upstream) -> HelpdeskConnection:
    make.playbook()
    make.team(is_default=True)
    endpoint = InboundEndpoint.objects.create(source="generic", connection="desk", ticket_prefix="GD")
    return HelpdeskConnection.objects.create(endpoint=endpoint, base_url=upstream.url, secret=KEY)


def begun(connection: HelpdeskConnection, now: datetime, days: int = 30) -> Backfill:
    return start_backfill(connection, days=days, actor=None, now=now)


def works(row: Backfill, now: datetime) -> Backfill:
    found = work_page(row.pk, now=now)
    assert found is not None
    return found


def test_all_pages_are_read_one_a_job_and_no_run_starts(
    connection: HelpdeskConnection, desk: Desk, upstream: Upstream
) -> None:
    desk.tickets = [ticket(n) for n in range(1, 6)]
    now = timezone.now()
    row = begun(connection, now)
    assert OrmQ.objects.count() == 1
    states = []
    for _ in range(3):
        found = works(row, now)
        states.append((found.pages, found.read, found.created, found.status))
    assert states == [(1, 2, 2, "running"), (2, 4, 4, "running"), (3, 5, 5, "done")]
    assert found.total == 5 and found.finished_at == now
    assert OrmQ.objects.count() == 3, "each page queued the next, the last one none"
    assert set(Ticket.objects.values_list("ref", flat=True)) == {f"GD-{n}" for n in range(1, 6)}
    assert not Investigation.objects.exists()
    assert upstream.asked[0].query["updated_since"] == (now - timedelta(days=30)).isoformat()
    assert work_page(row.pk, now=now) is None, "a late delivery finds nothing to do"


def test_the_same_days_again_create_nothing_twice(connection: HelpdeskConnection, desk: Desk) -> None:
    desk.tickets = [ticket(1), ticket(2)]
    now = timezone.now()
    assert works(begun(connection, now), now).created == 2
    again = works(begun(connection, now), now)
    assert (again.read, again.created, again.status) == (2, 0, "done")
    assert Ticket.objects.count() == 2


def test_a_killed_worker_is_followed_by_one_that_goes_on_at_the_stored_page(
    connection: HelpdeskConnection, desk: Desk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.tickets = [ticket(n) for n in range(1, 5)]
    now = timezone.now()
    row = begun(connection, now)
    works(row, now)

    def killed(*args: object, **kwargs: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(backfill, "apply_event", killed)
        with pytest.raises(SystemExit):
            work_page(row.pk, now=now)
    assert work_page(row.pk, now=now + timedelta(minutes=4)) is None, "its time is not over"
    OrmQ.objects.all().delete()
    assert sweep_backfills(now=now + timedelta(minutes=4)) == 0
    late = now + timedelta(minutes=6)
    assert sweep_backfills(now=late) == 1 and OrmQ.objects.count() == 1
    found = works(row, late)
    assert (found.status, found.pages, found.read) == ("done", 2, 4)
    assert [asked.query.get("cursor") for asked in upstream.asked] == [None, "2", "2"]


def test_a_page_that_kills_every_worker_ends_the_reading(
    connection: HelpdeskConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    row = begun(connection, now)
    Backfill.objects.filter(pk=row.pk).update(attempts=backfill.MAX_TRIES)
    found = works(row, now)
    assert found.status == "failed" and "ended its worker" in found.reason


def test_a_rate_limit_is_waited_for_and_is_no_failure(connection: HelpdeskConnection, desk: Desk) -> None:
    desk.tickets = [ticket(1)]
    now = timezone.now()
    row = begun(connection, now)
    for _ in range(backfill.MAX_TRIES + 2):
        desk.answers = [Answer(429, {}, {"Retry-After": "900"})] * 4
        forget_states()  # another process, whose next request is refused too
        found = works(row, now)
        assert found.status == "running" and found.not_before == now + timedelta(seconds=900)
        assert work_page(row.pk, now=now + timedelta(seconds=899)) is None
        now += timedelta(seconds=900)
    desk.answers = []
    forget_states()
    assert sweep_backfills(now=now + timedelta(seconds=20)) == 1
    assert works(row, now).status == "done"


def test_an_outage_is_tried_again_later_and_given_up_after_some_tries(
    connection: HelpdeskConnection, upstream: Upstream
) -> None:
    now = timezone.now()
    row = begun(connection, now)
    upstream.behaviour = lambda asked: Answer(418, {"error": "teapot"})
    waits = []
    for _ in range(backfill.MAX_TRIES - 1):
        found = works(row, now)
        assert found.status == "running" and found.reason and found.not_before is not None
        waits.append((found.not_before - now).total_seconds())
        now = found.not_before
    assert waits == [5, 20, 80, 320]
    found = works(row, now)
    assert found.status == "failed" and "Given up after 5 tries" in found.reason


def test_a_refused_key_ends_it_at_once(connection: HelpdeskConnection) -> None:
    HelpdeskConnection.objects.filter(pk=connection.pk).update(secret="")
    connection.refresh_from_db()
    now = timezone.now()
    found = works(begun(connection, now), now)
    assert found.status == "failed" and found.pages == 0 and found.reason


def test_a_broken_ticket_is_listed_and_passed_over(connection: HelpdeskConnection, desk: Desk) -> None:
    theirs = make.ticket(ref="GD-2", external_id="other-2")
    desk.tickets, desk.size = [ticket(1), ticket(2), ticket(3)], 10
    now = timezone.now()
    found = works(begun(connection, now), now)
    assert (found.status, found.read, found.created) == ("done", 3, 2)
    assert [item["ticket"] for item in found.problems] == ["2"] and "prefix" in found.problems[0]["why"]
    theirs.refresh_from_db()
    assert theirs.subject.startswith("Many 429")


def test_it_is_cancelled_between_pages_and_within_one(
    connection: HelpdeskConnection, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.tickets = [ticket(n) for n in range(1, 5)]
    now = timezone.now()
    row = begun(connection, now)
    real = backfill.apply_event

    def cancelled_meanwhile(*args: object, **kwargs: object) -> object:
        if Backfill.objects.get(pk=row.pk).status == "running":
            cancel(row, actor=None)
        return real(*args, **kwargs)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(backfill, "apply_event", cancelled_meanwhile)
    assert work_page(row.pk, now=now) is None
    row.refresh_from_db()
    assert (row.status, row.pages, row.cursor) == ("cancelled", 0, "")
    assert work_page(row.pk, now=now) is None and sweep_backfills(now=now + timedelta(hours=1)) == 0
    with pytest.raises(Conflict):
        cancel(row, actor=None)


def test_one_helpdesk_is_read_once_at_a_time_and_only_within_reason(connection: HelpdeskConnection) -> None:
    now = timezone.now()
    lead = make.user(role="admin")
    for days in (0, 366):
        with pytest.raises(InvalidInput):
            begun(connection, now, days)
    start_backfill(connection, days=7, actor=lead, now=now)
    with pytest.raises(Conflict):
        begun(connection, now)
    event = AuditEvent.objects.get(action="backfill.started")
    assert event.actor == lead and event.after is not None and event.after["days"] == 7
    Backfill.objects.all().delete()
    InboundEndpoint.objects.update(is_active=False)
    connection.endpoint.refresh_from_db()
    with pytest.raises(Conflict):
        begun(connection, now)


def test_a_helpdesk_that_sends_the_same_page_for_ever_is_stopped(
    connection: HelpdeskConnection, upstream: Upstream
) -> None:
    upstream.behaviour = lambda asked: Answer(200, {"items": [ticket(1)], "next": "again"})
    now = timezone.now()
    row = begun(connection, now)
    assert works(row, now).status == "running"
    found = works(row, now)
    assert found.status == "failed" and "same page" in found.reason
