"""Delivering: retries, nothing twice, quiet hours that began meanwhile, killed workers, order within a subject."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta

import pytest
from django.core import mail
from django.db import connection
from django_q.models import OrmQ
from pytest_httpserver import HTTPServer

from altor.models import Notice, NoticeChannel, NoticeDelivery, NoticePreference, NoticeThread, User
from altor.notify import notify
from altor.notify.delivering import KEPT, LEASE, SCHEDULE, deliver, prune, sweep, take
from tests.notify.conftest import NOW, TOLD, channel

Tell = Callable[..., int]
All = Callable[..., list[NoticeDelivery]]


def test_what_has_not_changed_is_not_told_twice(
    webhook: NoticeChannel, httpserver: HTTPServer, tell: Tell, deliver_all: All
) -> None:
    tell("a")
    deliver_all()
    tell("b", url_path="/investigations/INV-8/")  # repeated, found the same
    tell("c", subject_ref="TK-2")
    deliver_all()
    tell("d", title="Another cause")
    told = deliver_all()
    assert [one.status for one in told] == ["sent", "skipped", "sent", "sent"]
    assert len(httpserver.log) == 3


def test_a_refusal_is_tried_again_and_given_up_in_the_end(
    db: None, httpserver: HTTPServer, tell: Tell, deliver_all: All
) -> None:
    httpserver.expect_request("/slack").respond_with_data("no", status=503)
    place, now = channel("slack_webhook", secret=httpserver.url_for("/slack")), NOW
    tell()
    for wait in SCHEDULE:
        (delivery,) = deliver_all(now)
        assert (delivery.status, delivery.not_before - now) == ("waiting", wait)
        now = delivery.not_before
    (delivery,) = deliver_all(now)
    assert (delivery.status, delivery.attempts, delivery.why) == ("failed", 6, "It answered 503")
    place.refresh_from_db()
    assert place.last_error == "It answered 503"


def test_a_gone_address_is_not_tried_again_and_retry_after_is_honoured(
    db: None, httpserver: HTTPServer, tell: Tell, deliver_all: All
) -> None:
    httpserver.expect_request("/gone").respond_with_data("no_service", status=404)
    httpserver.expect_request("/limited").respond_with_data("", status=429, headers={"Retry-After": "120"})
    for path in ("/gone", "/limited"):
        channel("slack_webhook", secret=httpserver.url_for(path))
    tell()
    gone, limited = deliver_all()
    assert (gone.status, limited.status) == ("failed", "waiting")
    assert limited.not_before == NOW + timedelta(seconds=120)


def test_a_success_clears_the_channels_error(webhook: NoticeChannel, tell: Tell, deliver_all: All) -> None:
    NoticeChannel.objects.update(last_error="It answered 500")
    tell()
    deliver_all()
    webhook.refresh_from_db()
    assert (webhook.last_error, webhook.last_ok_at) == ("", NOW)


def test_quiet_hours_that_began_meanwhile_hold_a_later_try(tell: Tell, priya: User, deliver_all: All) -> None:
    tell(kind="owner.changed", people=[priya])
    NoticePreference.objects.create(person=priya, quiet_from=time(13), quiet_until=time(15))
    (delivery,) = deliver_all()
    assert (delivery.status, delivery.attempts, delivery.not_before) == ("waiting", 0, NOW.replace(hour=13))
    assert mail.outbox == []
    OrmQ.objects.all().delete()
    assert sweep(now=NOW.replace(hour=12, minute=59)) == 0 and sweep(now=NOW.replace(hour=13)) == 1
    deliver_all(NOW.replace(hour=13))
    assert [one.to for one in mail.outbox] == [["priya@altor.example"]]


def test_people_who_left_and_channels_switched_off_get_nothing(
    webhook: NoticeChannel, httpserver: HTTPServer, tell: Tell, priya: User, deliver_all: All
) -> None:
    tell(kind="owner.changed", people=[priya])
    User.objects.update(is_active=False)
    NoticeChannel.objects.update(is_active=False)
    assert {one.status for one in deliver_all()} == {"skipped"}
    assert (mail.outbox, httpserver.log) == ([], [])


def test_a_killed_try_is_taken_again_after_its_lease(
    webhook: NoticeChannel, httpserver: HTTPServer, tell: Tell, deliver_all: All
) -> None:
    tell()
    delivery = NoticeDelivery.objects.get()
    assert take(delivery.pk, now=NOW) is not None  # and its worker is killed here
    assert deliver(delivery.pk, now=NOW + LEASE - timedelta(seconds=1)) is None
    OrmQ.objects.all().delete()
    assert sweep(now=NOW + LEASE) == 1
    (delivery,) = deliver_all(NOW + LEASE)
    assert (delivery.status, len(httpserver.log)) == ("sent", 1)


def test_two_notices_of_a_subject_are_sent_one_after_the_other_and_never_backwards(
    webhook: NoticeChannel, httpserver: HTTPServer, tell: Tell
) -> None:
    tell("a")
    first = NoticeDelivery.objects.get()
    assert take(first.pk, now=NOW) is not None  # under way
    tell("b", title="Newer")
    second = NoticeDelivery.objects.get(notice__key="b")
    assert deliver(second.pk, now=NOW) is None
    second.refresh_from_db()
    assert (second.status, second.attempts, second.not_before) == ("waiting", 0, NOW + timedelta(seconds=5))
    late = NOW + LEASE
    assert deliver(second.pk, now=late) is not None
    NoticeDelivery.objects.filter(pk=first.pk).update(status="waiting")
    assert deliver(first.pk, now=late) is None
    first.refresh_from_db()
    assert (first.status, len(httpserver.log)) == ("replaced", 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_post_once(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/slack").respond_with_data("ok")
    channel("slack_webhook", secret=httpserver.url_for("/slack"))
    notify("diagnosis.ready", key="k", now=NOW, **TOLD)
    delivery = NoticeDelivery.objects.get()

    def work(_: int) -> bool:
        try:
            return deliver(delivery.pk, now=NOW) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [False, False, False, True]
    assert len(httpserver.log) == 1


def test_old_notices_are_forgotten(webhook: NoticeChannel, tell: Tell, deliver_all: All) -> None:
    tell()
    deliver_all()
    prune(now=NOW + KEPT)
    assert Notice.objects.count() == 1
    prune(now=NOW + KEPT + timedelta(seconds=1))
    assert (Notice.objects.count(), NoticeDelivery.objects.count(), NoticeThread.objects.count()) == (0, 0, 1)
    prune(now=NOW + 3 * KEPT + timedelta(seconds=1))
    assert NoticeThread.objects.count() == 0
