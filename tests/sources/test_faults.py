"""Each way an upstream can fail, for each source: the right kind of error, within the time, with a safe message."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from altor.outbound.state import FAILURES_TO_OPEN
from investigations.sources.base import (
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from tests.loopback import Answer, closed_port, serving
from tests.sources.asking import SECRET, SOURCES, WINDOW, ask, check

QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "github": ("deployments", WINDOW),
    "linear": ("issues", {"terms": ["timeout"]}),
    "stripe": ("billing", {"customer": "cus_1"}),
    "statuspage": ("status", WINDOW),
}
HTML = b"<html><body><h1>Sign in</h1></body></html>"
FAULTS: dict[str, tuple[Answer, type[SourceError]]] = {
    "a fault of its own": (Answer(500, {"message": "boom"}), SourceUnavailable),
    "an outage page": (Answer(503, HTML, {"Content-Type": "text/html"}), SourceUnavailable),
    "a hanging server": (Answer(200, {}, delay_s=30), SourceUnavailable),
    "a slow drip": (Answer(200, b"{" + b" " * 500, drip_s=0.05), SourceUnavailable),
    "a dropped connection": (Answer(reset=True), SourceUnavailable),
    "a sign-in page": (Answer(200, HTML, {"Content-Type": "text/html"}), SourceAnswerInvalid),
    "broken JSON": (Answer(200, b'{"data": [{"id": "x", '), SourceAnswerInvalid),
    "deep JSON": (Answer(200, b"[" * 100_000), SourceAnswerInvalid),
    "bytes that are no text": (Answer(200, bytes(range(128, 256))), SourceAnswerInvalid),
    "an answer that breaks off": (Answer(200, b'{"data": []}' * 9, keep_back=40), SourceAnswerInvalid),
    "another shape": (Answer(200, {"unexpected": [1, 2, 3]}), SourceAnswerInvalid),
    "a list of nothing known": (Answer(200, [1, "two", None]), SourceAnswerInvalid),
    "null": (Answer(200, None), SourceAnswerInvalid),
    "a redirect elsewhere": (Answer(302, headers={"Location": "http://169.254.169.254/"}), SourceAnswerInvalid),
    "a refused key": (Answer(401, {"message": "Bad credentials", "error": {"message": "no"}}), SourceRefused),
    "a missing permission": (Answer(403, {"message": "Resource not accessible", "error": {}}), SourceRefused),
    "a rate limit": (Answer(429, {"message": "slow down", "error": {}}, {"Retry-After": "40"}), SourceLimited),
    "a huge body": (Answer(200, b"[" + b" " * 13_000_000 + b"]"), SourceLimited),
    "a decompression bomb": (
        Answer(200, gzip.compress(b" " * 60_000_000, 9), {"Content-Encoding": "gzip"}),
        SourceLimited,
    ),
}
#: Those that only the time limit ends.
ENDLESS = ("a hanging server", "a slow drip")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_as_what_it_is(source: str, fault: str) -> None:
    answer, kind = FAULTS[fault]
    operation, params = QUESTIONS[source]
    with serving(lambda asked: answer) as server:
        started = time.monotonic()
        with pytest.raises(kind) as caught:
            ask(source, server.url, operation, params, timeout_s=0.5 if fault in ENDLESS else 30)
        assert time.monotonic() - started < 20  # of the 25 and more that it would last
    error = caught.value
    assert type(error).kind == kind.kind
    assert error.requests
    assert error.message
    assert "\n" not in error.message
    assert len(error.message) < 300
    for text in (error.message, repr(error), repr(error.requests)):
        assert SECRET not in text
        assert "obviouslyfake" not in text


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_listening_is_unavailable(source: str) -> None:
    operation, params = QUESTIONS[source]
    with pytest.raises(SourceUnavailable):
        ask(source, f"http://127.0.0.1:{closed_port()}", operation, params)


@pytest.mark.parametrize("source", SOURCES)
def test_a_private_address_is_refused_before_anything_is_sent(source: str) -> None:
    operation, params = QUESTIONS[source]
    for url in ("https://10.0.0.1", "https://169.254.169.254", "https://[::ffff:10.0.0.1]"):
        with pytest.raises(SourceRefused) as caught:
            ask(source, url, operation, params)
        assert "not allowed" in caught.value.message


@pytest.mark.parametrize("source", SOURCES)
def test_how_long_to_wait_is_told(source: str) -> None:
    operation, params = QUESTIONS[source]
    with serving(lambda asked: Answer(429, {"error": {}}, {"Retry-After": "40"})) as server:
        with pytest.raises(SourceLimited) as caught:
            ask(source, server.url, operation, params)
        assert caught.value.retry_after_s == pytest.approx(40, abs=2)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "fault", ["a fault of its own", "a refused key", "broken JSON", "a rate limit", "another shape"]
)
def test_the_connection_test_reports_instead_of_raising(source: str, fault: str) -> None:
    with serving(lambda asked: FAULTS[fault][0]) as server:
        report = check(source, server.url)
    assert report.message
    if fault != "another shape":
        assert not report.ok
        assert report.details["kind"] == FAULTS[fault][1].kind


@pytest.mark.parametrize("source", SOURCES)
def test_the_connection_test_asks_even_when_the_circuit_is_open(source: str) -> None:
    operation, params = QUESTIONS[source]
    with serving(lambda asked: Answer(500, {})) as server:
        for _ in range(FAILURES_TO_OPEN + 1):
            with pytest.raises(SourceUnavailable):
                ask(source, server.url, operation, params)
        asked = len(server.asked)
        check(source, server.url)
        assert len(server.asked) > asked


@pytest.mark.parametrize("source", SOURCES)
def test_a_question_that_is_not_offered_is_refused(source: str) -> None:
    with serving(lambda asked: Answer(200, {})) as server:
        with pytest.raises(SourceAnswerInvalid, match="no operation"):
            ask(source, server.url, "drop_everything", {})
        with pytest.raises(SourceAnswerInvalid):
            ask(source, server.url, QUESTIONS[source][0], {"unknown_parameter": 1})
        assert server.asked == []


@pytest.mark.parametrize("source", SOURCES)
def test_every_operation_documents_its_answer(source: str) -> None:
    for name, operation in SOURCES[source]().operations().items():
        assert operation.name == name
        assert "{" in operation.returns
        assert operation.params.model_json_schema()["properties"]
