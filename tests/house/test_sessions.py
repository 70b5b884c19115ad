"""Login, the life of a session, and who guesses."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor.models import User
from altor.tokens import create_token

pytestmark = pytest.mark.django_db
PASSWORD = "obviously-fake-password"
LOGIN = "/accounts/login/"
HOME = "/account/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def person() -> User:
    return User.objects.create_user("mara", "mara@altor.example", PASSWORD)


def log_in(client: Client, password: str = PASSWORD, **extra: str) -> int:
    return client.post(LOGIN, {"login": "mara", "password": password}, **extra).status_code


def is_in(client: Client) -> bool:
    answer = client.get(HOME)
    assert answer.status_code == 200 or answer["Location"].startswith(LOGIN)
    return answer.status_code == 200


def test_a_login_gives_a_new_session_key(client, person):
    client.get(LOGIN)
    session = client.session
    session["kept"] = 1
    session.save()
    before = client.session.session_key
    assert log_in(client) == 302 and is_in(client)
    assert client.session.session_key != before


def test_an_old_cookie_is_worth_nothing_after_logout(client, person):
    log_in(client)
    cookies = client.cookies.output()
    old = Client()
    old.cookies.load(cookies.replace("Set-Cookie: ", ""))
    assert is_in(old)
    client.post(reverse("account_logout"))
    assert not is_in(old)


def test_a_password_change_and_deactivation_end_every_session(client, person):
    other = Client()
    log_in(client)
    log_in(other)
    person.set_password("another-obviously-fake")
    person.save()
    assert not is_in(other) and not is_in(client)
    log_in(client, "another-obviously-fake")
    assert is_in(client)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert not is_in(client)


def test_all_sessions_can_be_ended_at_once(client, person):
    log_in(client)
    User.objects.filter(pk=person.pk).update(sessions_valid_after=timezone.now() + timedelta(seconds=1))
    assert not is_in(client)


def test_an_idle_session_ends_and_a_used_one_stays(person):
    begin = timezone.now()
    with time_machine.travel(begin, tick=False) as clock:
        client = Client()
        log_in(client)
        for _ in range(4):
            clock.shift(timedelta(hours=7))
            assert is_in(client)
        clock.shift(timedelta(hours=8, minutes=10))
        assert not is_in(client)


def test_a_session_in_steady_use_ends_after_seven_days(person):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = Client()
        log_in(client)
        for _ in range(27):
            clock.shift(timedelta(hours=6))
            assert is_in(client)
        clock.shift(timedelta(hours=7))
        assert not is_in(client)


def test_the_eleventh_guess_waits_and_a_forged_address_changes_nothing(client, person):
    assert [log_in(client, "wrong") for _ in range(10)] == [200] * 10
    answer = client.post(LOGIN, {"login": "mara", "password": "wrong"})
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert log_in(client, "wrong", HTTP_X_FORWARDED_FOR="203.0.113.9") == 429
    assert log_in(client) == 429


def test_a_stranger_who_guesses_does_not_lock_the_owner_out(client, person):
    for _ in range(12):
        log_in(Client(), "wrong", REMOTE_ADDR="203.0.113.9")
    assert log_in(client) == 302


def test_declared_proxies_tell_visitors_apart(person, settings):
    settings.TRUSTED_PROXIES = 1
    for _ in range(12):
        log_in(Client(), "wrong", HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert log_in(Client(), "wrong", HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.9") == 429
    assert log_in(Client(), HTTP_X_FORWARDED_FOR="198.51.100.2") == 302


def test_an_unknown_account_gets_the_same_answer(client, person):
    known = client.post(LOGIN, {"login": "mara", "password": "wrong"})
    unknown = client.post(LOGIN, {"login": "nobody-here", "password": "wrong"})
    assert known.status_code == unknown.status_code == 200
    assert known.context["form"].errors == unknown.context["form"].errors


def test_nobody_signs_up_alone(client):
    answer = client.post("/accounts/signup/", {"email": "x@altor.example", "username": "x", "password1": PASSWORD})
    assert not User.objects.filter(username="x").exists() and answer.status_code in (200, 302)


def test_cookies_behind_https_are_host_bound_and_closed(client, person, settings):
    settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "__Host-altor", True
    client.post(LOGIN, {"login": "mara", "password": PASSWORD}, secure=True)
    cookie = client.cookies["__Host-altor"]
    assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax"
    assert cookie["path"] == "/" and not cookie["domain"]


def test_a_call_with_a_token_begins_no_session(client, person):
    _, token = create_token(user=person, name="test", scopes=["ticket.read"])
    answer = client.get("/api/v1/me/", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200 and not answer.cookies
    assert not Session.objects.exists()
