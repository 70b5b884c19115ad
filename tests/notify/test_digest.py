"""The digest: one mail per person with everything that is due, once."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from pytest_django import Settings

from altor import tasks
from altor.models import NoticeDelivery, NoticePreference, User
from altor.notify.delivering import LEASE, deliver, sweep
from altor.notify.digest import deliver_digest, take
from tests import factories as make
from tests.notify.conftest import NOW

Tell = Callable[..., int]
#: 08:00 in Berlin, the morning after.
DUE = datetime(2026, 5, 2, 6, 0, tzinfo=UTC)


class BrokenBackend(BaseEmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPServerDisconnected("gone")


def test_the_sweep_queues_one_job_per_person_and_it_sends_one_mail(tell: Tell, priya: User) -> None:
    other = make.user("other", timezone="Europe/Berlin")
    for number in (1, 2, 3):
        tell(f"k{number}", people=[priya, other], subject_ref=f"TK-{number}", title=f"TK-{number}: found")
    assert sweep(now=DUE - timedelta(seconds=1)) == 0
    OrmQ.objects.all().delete()
    assert sweep(now=DUE) == 6
    jobs = sorted(entry.task["args"][0] for entry in OrmQ.objects.all())
    assert jobs == sorted([f"mail:{priya.pk}", f"mail:{other.pk}"])
    assert deliver_digest(f"mail:{priya.pk}", now=DUE) == 3
    (sent,) = mail.outbox
    assert (sent.subject, sent.to) == ("[Altor] 3 notices", ["priya@altor.example"])
    assert [f"TK-{number}: found" in sent.body for number in (1, 2, 3)] == [True] * 3
    assert "http://testserver/investigations/INV-7/" in sent.body and "/account/notifications/" in sent.body
    assert deliver_digest(f"mail:{priya.pk}", now=DUE) == 0 and len(mail.outbox) == 1


def test_only_the_newest_of_a_subject_is_in_it(tell: Tell, priya: User) -> None:
    tell("a", people=[priya], title="First thought")
    tell("b", people=[priya], title="Second thought")
    assert deliver_digest(f"mail:{priya.pk}", now=DUE) == 1
    assert mail.outbox[0].subject == "[Altor] Second thought" and "First" not in mail.outbox[0].body


def test_what_was_told_already_is_left_out(tell: Tell, priya: User) -> None:
    tell("a", people=[priya])
    deliver_digest(f"mail:{priya.pk}", now=DUE)
    tell("b", people=[priya], now=DUE)
    assert deliver_digest(f"mail:{priya.pk}", now=DUE + timedelta(days=1)) == 0
    assert NoticeDelivery.objects.get(notice__key="b").status == "skipped"


def test_quiet_hours_hold_the_digest_whatever_their_rule(tell: Tell, priya: User) -> None:
    tell(people=[priya])
    NoticePreference.objects.create(person=priya, quiet_from=time(7), quiet_until=time(10), quiet_rule="skip")
    assert deliver_digest(f"mail:{priya.pk}", now=DUE) == 0
    assert NoticeDelivery.objects.get().not_before == DUE + timedelta(hours=2)
    assert deliver_digest(f"mail:{priya.pk}", now=DUE + timedelta(hours=2)) == 1


def test_a_mail_server_that_is_away_is_asked_again(tell: Tell, priya: User, settings: Settings) -> None:
    tell(people=[priya])
    settings.EMAIL_BACKEND = f"{__name__}.BrokenBackend"
    assert deliver_digest(f"mail:{priya.pk}", now=DUE, jitter=lambda: 0.0) == 0
    delivery = NoticeDelivery.objects.get()
    assert (delivery.status, delivery.not_before) == ("waiting", DUE + timedelta(seconds=10))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliver_digest(f"mail:{priya.pk}", now=DUE + timedelta(seconds=10)) == 1


def test_a_killed_digest_is_sent_after_its_lease(tell: Tell, priya: User) -> None:
    tell(people=[priya])
    place = f"mail:{priya.pk}"
    assert len(take(place, now=DUE)) == 1  # and its worker is killed here
    assert deliver_digest(place, now=DUE + LEASE - timedelta(seconds=1)) == 0
    assert deliver_digest(place, now=DUE + LEASE) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["mail:0", "mail:", "channel:1", "nonsense"])
def test_a_place_that_is_none_is_nothing(place: str) -> None:
    assert deliver_digest(place, now=DUE) == 0


def test_the_queues_entry_points_reach_all_of_it(tell: Tell, priya: User) -> None:
    tell("now", "owner.changed", people=[priya], now=NOW)
    tell("later", people=[priya], now=NOW)
    OrmQ.objects.all().delete()
    assert tasks.sweep() is None  # by the real clock both are long due
    for entry in OrmQ.objects.all():
        import_string(entry.task["func"])(*entry.task["args"])
    assert len(mail.outbox) == 2
    assert set(NoticeDelivery.objects.values_list("status", flat=True)) == {"sent"}


def test_nothing_leaves_while_it_is_held_back_and_nothing_is_lost(tell: Tell, priya: User, settings: Settings) -> None:
    tell("now", "owner.changed", people=[priya])
    tell("later", people=[priya])
    place, first = f"mail:{priya.pk}", NoticeDelivery.objects.get(mode="now")
    for is_open in (False, True):
        settings.OUTBOUND = is_open
        assert (sweep(now=DUE), deliver_digest(place, now=DUE)) == ((2, 1) if is_open else (0, 0))
        assert (deliver(first.pk, now=DUE) is not None) is is_open
    assert len(mail.outbox) == 2


def test_who_has_left_gets_none(tell: Tell, priya: User) -> None:
    tell(people=[priya])
    User.objects.update(is_active=False)
    assert deliver_digest(f"mail:{priya.pk}", now=DUE) == 0
    assert (NoticeDelivery.objects.get().status, mail.outbox) == ("skipped", [])
