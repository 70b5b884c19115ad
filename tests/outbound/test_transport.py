"""Budget, retries, breaker, concurrency, size, redirects and the record, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from altor.outbound import (
    AnswerBroken,
    AnswerTooLarge,
    CircuitOpen,
    OutboundError,
    RateLimited,
    RedirectRefused,
    TimedOut,
    Unreachable,
    Upstream,
    call_scope,
    open_client,
)
from altor.outbound.scope import Exchange
from altor.outbound.state import FAILURES_TO_OPEN, OPEN_SECONDS, ConnectionState
from altor.outbound.transport import IDEMPOTENT
from tests.loopback import Answer, Asked, closed_port, serving


def ask(
    url: str,
    *,
    timeout_s: float = 30.0,
    method: str = "GET",
    extensions: dict[str, Any] | None = None,
    max_bytes: int = 1_000_000,
    times: int = 1,
    concurrency: int = 8,
    jitter: Callable[[], float] = lambda: 0.0,
) -> tuple[list[httpx.Response | OutboundError], list[Exchange]]:
    """Ask `times` times at once within one scope; what came back, and the record."""

    async def one(client: httpx.AsyncClient) -> httpx.Response | OutboundError:
        try:
            return await client.request(method, url, extensions=extensions or {})
        except OutboundError as error:
            return error

    async def go() -> tuple[list[httpx.Response | OutboundError], list[Exchange]]:
        upstream = Upstream("github", "key", "", concurrency=concurrency, max_bytes=max_bytes)
        async with open_client(upstream, jitter=jitter) as client:
            with call_scope(timeout_s) as scope:
                found = await asyncio.gather(*(one(client) for _ in range(times)))
            return list(found), scope.exchanges

    return asyncio.run(go())


def in_turn(*answers: Answer) -> Callable[[Asked], Answer]:
    left: Iterator[Answer] = iter(answers)
    return lambda asked: next(left, answers[-1])


def test_a_bad_gateway_is_asked_again_and_every_attempt_is_recorded() -> None:
    with serving(in_turn(Answer(502), Answer(503), Answer(200, {"ok": 1}))) as server:
        (answer,), sent = ask(server.url)
    assert isinstance(answer, httpx.Response)
    assert answer.json() == {"ok": 1}
    assert [(each.status, each.attempt) for each in sent] == [(502, 1), (503, 2), (200, 3)]


def test_at_most_two_retries_are_made() -> None:
    with serving(lambda asked: Answer(503)) as server:
        (answer,), sent = ask(server.url)
        assert isinstance(answer, httpx.Response)
        assert answer.status_code == 503
        assert len(server.asked) == len(sent) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500, 501])
def test_an_answer_that_will_not_change_is_not_asked_again(status: int) -> None:
    with serving(lambda asked: Answer(status)) as server:
        ask(server.url)
        assert len(server.asked) == 1


@pytest.mark.parametrize(("extensions", "attempts"), [({}, 1), ({IDEMPOTENT: True}, 3)])
def test_a_post_is_repeated_only_when_it_only_reads(extensions: dict[str, Any], attempts: int) -> None:
    with serving(lambda asked: Answer(503)) as server:
        ask(server.url, method="POST", extensions=extensions)
        assert len(server.asked) == attempts


def test_retry_after_is_waited_for_when_the_budget_allows_it() -> None:
    with serving(in_turn(Answer(429, headers={"Retry-After": "0.3"}), Answer(200, {}))) as server:
        started = time.monotonic()
        (answer,), _ = ask(server.url)
        assert isinstance(answer, httpx.Response)
        assert time.monotonic() - started >= 0.3


def test_a_longer_wait_than_the_budget_ends_at_once_and_holds_the_connection_back() -> None:
    with serving(lambda asked: Answer(429, headers={"Retry-After": "60"})) as server:
        started = time.monotonic()
        (first,), _ = ask(server.url, timeout_s=30)
        (second,), _ = ask(server.url, timeout_s=30)
        assert time.monotonic() - started < 20
        assert isinstance(first, RateLimited)
        assert first.retry_after_s == 60
        assert isinstance(second, RateLimited)
        assert len(server.asked) == 1


def test_a_limit_that_does_not_say_for_how_long_is_not_hammered() -> None:
    with serving(lambda asked: Answer(429)) as server:
        (answer,), _ = ask(server.url)
        assert isinstance(answer, RateLimited)
        assert len(server.asked) == 1


def test_a_hanging_upstream_costs_the_budget_and_no_more() -> None:
    with serving(lambda asked: Answer(200, {}, delay_s=30)) as server:
        started = time.monotonic()
        (answer,), sent = ask(server.url, timeout_s=0.5)
        assert isinstance(answer, TimedOut)
        assert time.monotonic() - started < 20  # of the 30 and more that it would last
        assert sent[0].error == "no answer in time"


def test_a_slow_drip_costs_the_budget_and_no_more() -> None:
    with serving(lambda asked: Answer(200, b"x" * 1000, drip_s=0.05)) as server:
        started = time.monotonic()
        (answer,), _ = ask(server.url, timeout_s=0.5)
        assert isinstance(answer, TimedOut)
        assert time.monotonic() - started < 20  # of the 30 and more that it would last


def test_nothing_listening_is_unreachable() -> None:
    (answer,), sent = ask(f"http://127.0.0.1:{closed_port()}/")
    assert isinstance(answer, Unreachable)
    assert len(sent) == 3


def test_a_dropped_connection_is_tried_again() -> None:
    with serving(in_turn(Answer(reset=True), Answer(200, {"ok": 1}))) as server:
        (answer,), _ = ask(server.url)
    assert isinstance(answer, httpx.Response)


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    with serving(lambda asked: Answer(200, b'{"a": 1}' * 10, keep_back=30)) as server:
        (answer,), _ = ask(server.url)
    assert isinstance(answer, AnswerBroken)


@pytest.mark.parametrize("packed", [False, True])
def test_a_huge_body_is_not_read_to_its_end(packed: bool) -> None:
    body = b"0" * 5_000_000
    answer = Answer(200, gzip.compress(body), {"Content-Encoding": "gzip"}) if packed else Answer(200, body)
    with serving(lambda asked: answer) as server:
        (found,), _ = ask(server.url, max_bytes=100_000)
        assert isinstance(found, AnswerTooLarge)
        assert len(server.asked) == 1


def test_a_packed_answer_is_unpacked() -> None:
    packed = Answer(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})
    with serving(lambda asked: packed) as server:
        (found,), sent = ask(server.url)
    assert isinstance(found, httpx.Response)
    assert found.json() == {"a": 1}
    assert sent[0].size == 8


@pytest.mark.parametrize("body", [b"not gzip at all", gzip.compress(b"x" * 5000)[:20]], ids=["other", "cut"])
def test_wrong_or_broken_packing_is_a_broken_answer(body: bytes) -> None:
    with serving(lambda asked: Answer(200, body, {"Content-Encoding": "gzip"})) as server:
        (found,), _ = ask(server.url)
    assert isinstance(found, AnswerBroken)


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def moved(asked: Asked) -> Answer:
        return Answer(200, {"here": 1}) if asked.path == "/new" else Answer(301, headers={"Location": "/new"})

    with serving(moved) as server:
        (found,), sent = ask(f"{server.url}/old")
    assert isinstance(found, httpx.Response)
    assert found.json() == {"here": 1}
    assert len(sent) == 2


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "https://evil.example/", "//evil.example/x", "http://[::1"]
)
def test_a_redirect_elsewhere_is_refused(target: str) -> None:
    with serving(lambda asked: Answer(302, headers={"Location": target})) as server:
        (found,), _ = ask(server.url)
        assert isinstance(found, RedirectRefused)
        assert len(server.asked) == 1


def test_the_credential_does_not_reach_another_port_of_the_same_host() -> None:
    with (
        serving(lambda asked: Answer(200, {})) as other,
        serving(lambda asked: Answer(307, headers={"Location": other.url})) as server,
    ):
        (found,), _ = ask(server.url)
        assert isinstance(found, RedirectRefused)
        assert other.asked == []


def test_redirects_in_circles_end() -> None:
    with serving(lambda asked: Answer(302, headers={"Location": "/again"})) as server:
        (found,), _ = ask(server.url)
        assert isinstance(found, RedirectRefused)
        assert len(server.asked) == 4


def test_no_more_requests_at_once_than_the_source_may_send() -> None:
    with serving(lambda asked: Answer(200, {}, delay_s=0.05)) as server:
        found, _ = ask(server.url, times=12, concurrency=3)
        assert all(isinstance(each, httpx.Response) for each in found)
        assert server.most_at_once == 3


def test_a_broken_connection_is_left_alone_after_repeated_failures() -> None:
    with serving(lambda asked: Answer(500)) as server:
        for _ in range(FAILURES_TO_OPEN):
            ask(server.url)
        (found,), sent = ask(server.url)
        assert isinstance(found, CircuitOpen)
        assert sent == []
        assert len(server.asked) == FAILURES_TO_OPEN


def test_the_breaker_lets_one_probe_through_and_closes_when_it_succeeds() -> None:
    now = [0.0]
    state = ConnectionState(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        state.admit("before")
        state.failed()
    with pytest.raises(CircuitOpen):
        state.admit("early")
    now[0] += OPEN_SECONDS + 1
    state.admit("probe")
    state.admit("probe")  # a question may need several requests
    with pytest.raises(CircuitOpen):
        state.admit("other")  # the probe is under way
    state.succeeded()
    state.admit("other")
    state.admit("third")


def test_a_probe_that_was_cancelled_leaves_room_for_another() -> None:
    now = [0.0]
    state = ConnectionState(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        state.failed()
    now[0] += OPEN_SECONDS + 1
    state.admit("probe")
    state.abandoned("probe")
    state.admit("other")


def test_a_failed_probe_opens_the_breaker_again() -> None:
    now = [0.0]
    state = ConnectionState(clock=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        state.failed()
    now[0] += OPEN_SECONDS + 1
    state.admit("probe")
    state.failed()
    with pytest.raises(CircuitOpen):
        state.admit("other")


def test_a_burst_that_meets_one_short_outage_is_one_failure() -> None:
    left = [8]

    def briefly_down(asked: Asked) -> Answer:
        left[0] -= 1
        return Answer(503) if left[0] >= 0 else Answer(200, {})

    with serving(briefly_down) as server:
        found, _ = ask(server.url, times=8)
    assert all(isinstance(each, httpx.Response) and each.status_code == 200 for each in found)


def test_hanging_opens_the_breaker_too() -> None:
    with serving(lambda asked: Answer(200, {}, delay_s=30)) as server:
        for _ in range(FAILURES_TO_OPEN):
            ask(server.url, timeout_s=0.3)
        (found,), _ = ask(server.url, timeout_s=0.3)
    assert isinstance(found, CircuitOpen)


def test_a_client_error_does_not_open_the_breaker() -> None:
    with serving(lambda asked: Answer(404)) as server:
        for _ in range(FAILURES_TO_OPEN + 2):
            ask(server.url)
        assert len(server.asked) == FAILURES_TO_OPEN + 2


def test_the_upstreams_request_id_is_kept() -> None:
    with serving(lambda asked: Answer(200, {}, {"X-GitHub-Request-Id": "AB:12"})) as server:
        _, sent = ask(server.url)
    assert sent[0].request_id == "AB:12"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    with serving(lambda asked: Answer(200, {})) as server:
        (found,), _ = ask(server.url)
    assert isinstance(found, httpx.Response)


def test_two_event_loops_do_not_share_a_connection() -> None:
    with serving(lambda asked: Answer(200, {})) as server:
        for _ in range(3):
            (found,), _ = ask(server.url)
            assert isinstance(found, httpx.Response)
