"""Telemetry: deterministic, cut anywhere, and showing what the incidents did."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from altor.demo.telemetry.generator import Telemetry
from altor.demo.telemetry.requests import TrafficModel
from altor.demo.telemetry.rows import LOG_COLUMNS, TRACE_COLUMNS
from altor.demo.telemetry.store import BATCH_BYTES, Address, _batches
from altor.demo.world.company import PLANS, ROUTE_INDEX
from altor.demo.world.incidents import INCIDENTS


@pytest.fixture(scope="module")
def telemetry(world):
    return Telemetry(world)


def test_the_same_hour_is_the_same_text(world, telemetry):
    start = world.at(-3)
    assert telemetry.between(start, start + timedelta(hours=1)) == Telemetry(world).between(
        start, start + timedelta(hours=1)
    )


def test_pieces_add_up_to_the_whole_without_gap_or_double(world, telemetry):
    start, end = world.at(-2.5), world.at(-0.5)
    whole = telemetry.between(start, end)
    at, pieces = start, ["", ""]
    while at < end:
        until = min(at + timedelta(minutes=17, seconds=3), end)
        spans, logs = telemetry.between(at, until)
        pieces[0] += spans
        pieces[1] += logs
        at = until
    assert Counter(pieces[0].splitlines()) == Counter(whole[0].splitlines())
    assert Counter(pieces[1].splitlines()) == Counter(whole[1].splitlines())


def test_rows_have_the_columns_they_are_inserted_into(world, telemetry):
    spans, logs = telemetry.between(world.at(-1), world.at(0))
    assert {line.count("\t") for line in spans.splitlines()} == {TRACE_COLUMNS.count(",")}
    assert {line.count("\t") for line in logs.splitlines()} == {LOG_COLUMNS.count(",")}


def test_rows_lie_inside_the_asked_time(world, telemetry):
    spans, _ = telemetry.between(world.at(-1), world.at(-0.5))
    stamps = [line[:19] for line in spans.splitlines()]
    assert min(stamps) >= "2026-05-20 13:00:00"
    assert max(stamps) < "2026-05-20 13:30:00"


def test_children_point_to_a_server_span_of_their_trace(world, telemetry):
    spans, _ = telemetry.between(world.at(-1), world.at(0))
    rows = [line.split("\t") for line in spans.splitlines()]
    servers = {(row[1], row[2]) for row in rows if row[5] == "Server"}
    children = [row for row in rows if row[3]]
    assert len(children) > 100
    # The first seconds may hold children of requests that began before the cut.
    assert sum((row[1], row[3]) in servers for row in children) >= len(children) - 2


def test_rejections_follow_the_quota(world):
    model = TrafficModel(world)
    brightoak, calm = world.by_slug["brightoak"].index, world.by_slug["kestrelair"].index
    drawn = model.hour(-2)
    for index, low, high in ((brightoak, 0.4, 0.8), (calm, 0.0, 0.1)):
        status = drawn.status[drawn.customer == index]
        assert low <= float(np.mean(status == 429)) <= high


def test_retry_storm_is_mostly_repeats(world):
    drawn = TrafficModel(world).hour(-2)
    mine = drawn.customer == world.by_slug["brightoak"].index
    assert np.mean(drawn.resend[mine] > 0) > 0.6
    assert np.mean(drawn.resend[~mine] > 0) < 0.1


def test_quota_of_a_smaller_plan_shows_on_the_requests(world):
    drawn = TrafficModel(world).hour(-2)
    mine = drawn.customer == world.by_slug["lumenridge"].index
    assert set(drawn.limit[mine]) == {PLANS["Starter"].requests_per_minute}


def test_slow_route_is_slow_after_its_deployment_only(world):
    model = TrafficModel(world)
    route = ROUTE_INDEX["GET /v1/tracking/{number}"]
    after, before = model.hour(-3), model.hour(-9)
    assert np.median(after.own_ms[after.route == route]) > 5 * np.median(before.own_ms[before.route == route])
    other = ROUTE_INDEX["GET /v1/orders"]
    assert np.median(after.own_ms[after.route == other]) < 1.4 * np.median(before.own_ms[before.route == other])


def test_failing_endpoint_gets_retries_and_log_lines(world, telemetry):
    spans, logs = telemetry.between(world.at(-3), world.at(-1))
    host = world.by_slug["alpenhof"].hook_host
    mine = [line for line in spans.splitlines() if f"'server.address':'{host}'" in line]
    assert mine and all("tls_certificate_expired" in line and "x509" in line for line in mine)
    attempts = {match.group(1) for line in mine if (match := re.search(r"webhook.attempt':'(\d)", line))}
    assert attempts == {"1", "2", "3", "4"}
    assert any("webhook delivery failed: x509" in line for line in logs.splitlines())


def test_account_action_is_in_the_logs_near_its_incident(world, telemetry):
    at = next(i for i in INCIDENTS if i.key == "rotation-tidewater").audits[0].at_h
    _, logs = telemetry.between(world.at(at - 0.1), world.at(at + 0.1))
    assert "signing secret rotated by user" in logs
    assert world.by_slug["tidewatertackle"].org_id in logs


def test_service_start_is_logged_with_the_new_version(world, telemetry):
    culprit = next(d for d in world.deployments if d.incident == "slow-tracking")
    _, logs = telemetry.between(culprit.live_at, culprit.live_at + timedelta(minutes=5))
    assert f"service started version={culprit.version}" in logs


def test_nothing_in_the_rows_tells_the_answer(world, telemetry):
    text = "".join(telemetry.between(world.at(-6), world.at(0)))
    for incident in INCIDENTS:
        assert incident.label not in text


def test_usage_is_reported_for_35_days(telemetry):
    lines = [line for line in telemetry.usage().splitlines() if "pelican" not in line]
    assert len(lines) == 70
    assert all("'usage.requests'" in line and "'usage.metered'" in line for line in lines)


def test_batches_hold_whole_lines():
    text = ("x" * 999 + "\n") * (BATCH_BYTES // 500)
    pieces = list(_batches(text))
    assert b"".join(pieces).decode() == text
    assert len(pieces) >= 2 and all(piece.endswith(b"\n") and len(piece) <= BATCH_BYTES for piece in pieces)


def test_address_keeps_the_credential_out_of_the_url():
    address = Address.parse("http://reader:fake-pass@127.0.0.1:8123/proxy?database=telemetry")
    assert address == Address("http://127.0.0.1:8123/proxy", "reader", "fake-pass", "telemetry")
