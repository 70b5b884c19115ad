"""Live, ready, metrics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from altor.queue import queue_state
from altor.settings.environment import ROOT

pytestmark = pytest.mark.django_db
LIVE, READY, METRICS = "/api/v1/health/live", "/api/v1/health/ready", "/-/prometheus"


def waiting(seconds: float) -> None:
    OrmQ.objects.create(key="altor", payload="x", lock=timezone.now() - timedelta(seconds=seconds))


def taken(seconds_ago: float, retry_s: float) -> None:
    OrmQ.objects.create(key="altor", payload="x", lock=timezone.now() + timedelta(seconds=retry_s - seconds_ago))


def test_live_touches_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get(LIVE)
    assert answer.status_code == 200 and answer.json() == {"status": "live"}


def test_ready_names_what_it_checked_and_no_version(client):
    answer = client.get(READY)
    assert answer.status_code == 200
    assert answer.json()["checks"] == dict.fromkeys(["database", "migrations", "cache", "queue"], "ok")
    assert "no-store" in answer["Cache-Control"] and not any(char.isdigit() for char in answer.content.decode())


def test_a_missing_migration_is_not_ready(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'altor'")
    answer = client.get(READY)
    assert answer.status_code == 503 and answer.json()["checks"]["migrations"] == "pending"


def test_a_queue_that_nobody_serves_is_not_ready(client):
    waiting(600)
    answer = client.get(READY)
    assert answer.status_code == 503 and answer.json()["checks"]["queue"] == "stalled"


def test_a_long_queue_that_is_served_is_ready(client, settings):
    waiting(600)
    taken(5, settings.QUEUE_RETRY_S)
    assert client.get(READY).status_code == 200
    state = queue_state()
    assert state.waiting == 1 and 595 < state.oldest_s < 610 and 0 < state.idle_s < 20


def test_work_taken_long_ago_does_not_hide_a_stall(settings):
    waiting(300)
    taken(200, settings.QUEUE_RETRY_S)
    assert queue_state().is_stalled(90)
    assert not queue_state().is_stalled(250)


def test_an_empty_queue_is_not_stalled():
    assert queue_state().waiting == 0 and not queue_state().is_stalled(0.1)


@pytest.mark.parametrize("address", [LIVE, READY])
def test_a_probe_knows_neither_host_nor_tls(client, settings, address):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(address, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/account/", headers={"Host": "10.1.2.3:8000"}).status_code == 400


@pytest.mark.parametrize("address", [LIVE, READY])
def test_health_is_read_only(client, address):
    assert client.post(address).status_code == 405


def test_metrics_are_for_this_machine_only_without_a_token(client):
    assert client.get(METRICS).status_code == 200
    assert client.get(METRICS, REMOTE_ADDR="192.0.2.7").status_code == 404
    # A proxy on this machine that nobody declared must not open them to all.
    assert client.get(METRICS, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404


def test_metrics_take_the_token_from_anywhere(client, settings):
    settings.METRICS_TOKEN = "obviously-fake-token"
    there = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get(METRICS, **there).status_code == 404
    assert client.get(METRICS, headers={"Authorization": "Bearer wrong-ü"}, **there).status_code == 404
    good = client.get(METRICS, headers={"Authorization": "Bearer obviously-fake-token"}, **there)
    assert good.status_code == 200 and b"django_http_requests" in good.content


def test_metrics_tell_how_the_queue_stands(client):
    waiting(42)
    text = client.get(METRICS).content.decode()
    assert "altor_queue_waiting 1\n" in text and "altor_queue_oldest_seconds 42." in text


@pytest.mark.slow
def test_without_a_database_it_lives_and_is_not_ready():
    program = (
        "import django, json; django.setup()\n"
        "from django.test import Client\n"
        f"answers = [Client().get(path) for path in ({LIVE!r}, {READY!r})]\n"
        "print(json.dumps([[answer.status_code, answer.json()] for answer in answers]))\n"
    )
    variables = {
        "ALTOR_DATABASE_URL": "postgresql://altor@127.0.0.1:9/altor?connect_timeout=2",
        "ALTOR_DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "altor.settings.test",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    live, ready = json.loads(done.stdout)
    assert live[0] == 200
    assert ready[0] == 503 and ready[1]["checks"]["database"] == "failed"
