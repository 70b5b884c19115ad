"""Who is told, how often, when, and that hostile text is stored clean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.db import transaction
from django_q.models import OrmQ
from pytest_django import Settings

from altor.models import Notice, NoticeDelivery, NoticePreference, User
from altor.notify import notify
from altor.notify.kinds import NoticeKind
from tests import factories as make
from tests.notify.conftest import NOW, TOLD, channel

pytestmark = pytest.mark.django_db
MORE = {"sla.warning": NoticeKind("A clock is about to end")}
Tell = Callable[..., int]


def places() -> set[str]:
    return set(NoticeDelivery.objects.values_list("place", flat=True))


def test_channels_of_the_team_and_of_the_installation_are_told(tell: Tell) -> None:
    team, other = make.team("Support"), make.team("Elsewhere")
    wanted = [channel("mail", team=team), channel("mail"), channel("mail", team=team, kinds=["diagnosis.ready"])]
    channel("mail", team=other)
    channel("mail", team=team, is_active=False)
    channel("mail", team=team, kinds=["owner.changed"])
    channel("mail", person=make.user("somebody"))
    assert tell(team=team) == 3
    assert places() == {f"channel:{one.pk}" for one in wanted}
    assert {entry.task["args"][0] for entry in OrmQ.objects.all()} == {one.pk for one in NoticeDelivery.objects.all()}


def test_without_a_team_only_the_installations_channels_hear_it(tell: Tell) -> None:
    channel("mail", team=make.team("Support"))
    everywhere = channel("mail")
    tell()
    assert places() == {f"channel:{everywhere.pk}"}


def test_nobody_is_told_of_what_they_did_or_when_they_have_left(tell: Tell, priya: User) -> None:
    gone, other = make.user("gone", is_active=False), make.user("other")
    assert tell(kind="owner.changed", people=[priya, gone, other, other], actor=priya) == 1
    assert places() == {f"mail:{other.pk}"}


def test_who_has_no_address_gets_no_mail(tell: Tell, priya: User) -> None:
    User.objects.update(email="")
    assert tell(kind="owner.changed", people=[priya]) == 0


def test_people_are_told_where_and_when_they_chose(tell: Tell, priya: User) -> None:
    own = channel("slack_webhook", person=priya, secret="https://hooks.altor.example/x")
    choices = {"owner.changed": {"mail": "off", "own": "now"}, "gate.overridden": {"mail": "digest", "own": "off"}}
    NoticePreference.objects.create(person=priya, choices=choices, digest_hour=8)
    tell("a", "owner.changed", people=[priya])
    tell("b", "gate.overridden", people=[priya])
    first, second = NoticeDelivery.objects.order_by("pk")
    assert (first.place, first.mode, first.not_before) == (f"channel:{own.pk}", "now", NOW)
    assert (second.place, second.mode) == (f"mail:{priya.pk}", "digest")
    assert second.not_before == datetime(2026, 5, 2, 6, 0, tzinfo=UTC)  # 08:00 in Berlin


@pytest.mark.parametrize(("rule", "expected"), [("after", ("waiting", 5, 1)), ("skip", ("skipped", 22, 0))])
def test_quiet_hours_hold_or_leave_out(tell: Tell, priya: User, rule: str, expected: tuple[str, int, int]) -> None:
    NoticePreference.objects.create(person=priya, quiet_from=time(22), quiet_until=time(7), quiet_rule=rule)
    late = NOW.replace(hour=22)
    assert tell(kind="owner.changed", people=[priya], now=late) == expected[2]
    delivery = NoticeDelivery.objects.get()
    assert (delivery.status, delivery.not_before.hour) == expected[:2]
    assert OrmQ.objects.count() == 0


def test_the_same_key_is_told_once_even_with_other_content(tell: Tell, priya: User) -> None:
    assert tell(kind="owner.changed", people=[priya]) == 1
    assert tell(kind="owner.changed", people=[priya], title="Other") == 0
    assert (Notice.objects.count(), NoticeDelivery.objects.count()) == (1, 1)


def test_a_rolled_back_change_tells_nobody(tell: Tell, priya: User) -> None:
    with transaction.atomic():
        tell(kind="owner.changed", people=[priya])
        transaction.set_rollback(True)
    assert (Notice.objects.count(), OrmQ.objects.count()) == (0, 0)


def test_a_newer_notice_replaces_one_of_the_subject_that_still_waits(tell: Tell, priya: User) -> None:
    tell("a", people=[priya])
    tell("b", people=[priya], title="Newer")
    tell("c", people=[priya], subject_ref="TK-2")
    tell("d", "owner.changed", people=[priya])
    told = NoticeDelivery.objects.order_by("pk").values_list("notice__key", "status")
    assert list(told) == [("a", "replaced"), ("b", "waiting"), ("c", "waiting"), ("d", "waiting")]


def test_texts_are_stored_clean_and_short(tell: Tell) -> None:
    lines = ["<!channel> noor@northwind.example\nsecond", "", "see https://evil.example", *"abcdef"]
    tell(title="a\r\nBcc: evil@evil.example", lines=lines)
    stored = Notice.objects.get()
    assert stored.title == "a Bcc: [email]@evil.example"
    assert stored.lines == ["<!channel> [email]@northwind.example second", "see https[:]//evil.example", "a", "b", "c"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url_path": "https://evil.example/"}, ValueError),
        ({"url_path": "//evil.example/"}, ValueError),
        ({"url_path": "/\\evil.example/"}, ValueError),
        ({"key": ""}, ValueError),
        ({"key": "x" * 161}, ValueError),
        ({"kind": "no.such"}, KeyError),
    ],
)
def test_faults_of_the_caller_are_told(changes: dict[str, Any], error: type[Exception]) -> None:
    arguments = {"kind": "owner.changed", "key": "k", **TOLD, **changes}
    with pytest.raises(error):
        notify(arguments.pop("kind"), **arguments)


def test_apps_add_kinds_by_a_setting(settings: Settings, priya: User, tell: Tell) -> None:
    settings.NOTICE_KINDS = [f"{__name__}.MORE"]
    assert tell(kind="sla.warning", people=[priya]) == 1
