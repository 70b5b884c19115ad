"""Endpoints, ids, codes and amounts in text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigations.intake.amounts import minor_units
from investigations.intake.claims import extract_claims
from tests.intake.conftest import WRITTEN


def values(kind: str, text: str) -> list[str]:
    return [claim.value for claim in extract_claims("", text, written_at=WRITTEN) if claim.kind == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("POST /v2/orders returns 500", ["POST /v2/orders"]),
        ("post /V2/Orders/ is slow", ["POST /v2/orders"]),
        ("GET /v1/shipments/shp_81c2f07 is slow", ["GET /v1/shipments/{id}"]),
        ("GET /v1/tracking/HL4471902388", ["GET /v1/tracking/{id}"]),
        ("GET /v2/orders/12345/items?x=1", ["GET /v2/orders/{id}/items"]),
        ("GET /v1/reports/export?format=csv&range=30d", ["GET /v1/reports/export"]),
        ("calls to https://api.sendora.dev/v2/orders?x=1 fail", ["/v2/orders"]),
        ("GET requests to /v2/orders/{id}", ["GET /v2/orders/{id}"]),
        ("the `/orders` endpoint", ["/orders"]),
        ("the /orders endpoint, POST /orders", ["POST /orders"]),
        ("/v2/orders. And /v2/orders, and /v2/orders!", ["/v2/orders"]),
        ("DELETE /v2/orders and PATCH /v2/orders", ["DELETE /v2/orders", "PATCH /v2/orders"]),
        ("/v2/address_lookup is slow", ["/v2/address_lookup"]),
        ("and/or 24/7 04/03/2026 w/o his/her", []),
        ("see /etc/nginx/nginx.conf and /var/log/app.log", []),
        ("our page https://shop.example/checkout is slow", []),
        ("our endpoint https://hooks.acme.example/altor answers 410", []),
    ],
)
def test_endpoints(text: str, expected: list[str]) -> None:
    assert values("endpoint", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("request id: req_8fJ2kd91aa", ["req_8fJ2kd91aa"]),
        ("X-Request-ID: 5f1c0d52-7d0e-4d0e-9d55-3f0c6d1e2a3b", ["5f1c0d52-7d0e-4d0e-9d55-3f0c6d1e2a3b"]),
        ("traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ["4bf92f3577b34da6a3ce929d0e0e4736"]),
        ("the request was slow and the trace is empty", []),
        ("request 12 of 50", []),
    ],
)
def test_request_ids(text: str, expected: list[str]) -> None:
    assert values("request_id", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("returns 500 and a 503", ["500", "503"]),
        ("HTTP 429 on many calls", ["429"]),
        ("429 Too Many Requests", ["429"]),
        ("our 504s", ["504"]),
        ("error code 403", ["403"]),
        ("rate_limit_exceeded", ["rate_limit_exceeded"]),
        ("RATE_LIMIT_EXCEEDED", ["rate_limit_exceeded"]),
        ("java.net.SocketTimeoutException: ECONNRESET", ["ECONNRESET", "SocketTimeoutException"]),
        ("signature_verification_failed", ["signature_verification_failed"]),
        ("we have 500 users and 429 orders", []),
        ("we were charged 500", []),
        ("it takes 500 ms, or 500ms", []),
        ("we paid $500 and 500 EUR", []),
        ("ticket 48213, version 5.0.4", []),
        ("user_name and order_lines", []),
    ],
)
def test_error_codes(text: str, expected: list[str]) -> None:
    assert values("error_code", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("€1.234,56", ["123456 EUR"]),
        ("$49 and USD 49.00", ["4900 USD"]),
        ("1,200.50 USD", ["120050 USD"]),
        ("500 EUR or 500€", ["50000 EUR"]),
        ("12 345,60 €", ["1234560 EUR"]),
        ("¥1200", ["1200 JPY"]),
        ("49 dollars", ["4900 USD"]),
        ("1.5k EUR", ["150000 EUR"]),
        ("0 EUR and 30 users", []),
    ],
)
def test_amounts(text: str, expected: list[str]) -> None:
    assert values("amount", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("invoice in_1PqX8e2eZvKYlo2C and sub_1Q2w3e4r5t", ["in_1PqX8e2eZvKYlo2C", "sub_1Q2w3e4r5t"]),
        ("ORG_YEYPDLQr0C", ["org_YEYPDLQr0C"]),
        ("account id: acme-prod-1", ["acme-prod-1"]),
        ("the order_lines and user_name fields", []),
        ("req_8fJ2kd91aa", []),
    ],
)
def test_object_ids(text: str, expected: list[str]) -> None:
    assert values("object_id", text) == expected


@given(st.integers(min_value=1, max_value=10**9), st.sampled_from(["{:,.2f}", "{:.2f}"]))
def test_an_amount_reads_the_same_in_both_habits(minor: int, habit: str) -> None:
    english = habit.format(minor / 100)
    german = english.translate(str.maketrans(",.", ".,"))
    assert minor_units(english, "EUR") == minor_units(german, "EUR") == minor


EVIL = [
    "/a", "1 ", "a_", "1,234", "at ", "for about ", "monday ", "request id ", "POST ", "12:30 ", "0", "a", "yesterdy ",
    "- ", "https://", "error_", "[email]@", "http ", "A.B", "for some ", "(",
    "half an ", "+00:00", "org_", "https://a.b/", "€1 ",
]  # fmt: skip


@pytest.mark.parametrize("piece", EVIL)
def test_reading_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    extract_claims("", piece * (100_000 // len(piece)), written_at=WRITTEN)
    assert time.process_time() - started < 10  # with the square it would take minutes


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_no_value_is_found_twice_and_every_quote_stands_in_the_text(text: str) -> None:
    claims = extract_claims("", text, written_at=WRITTEN)
    assert len({(claim.kind, claim.value) for claim in claims}) == len(claims)
    assert all(claim.quote in text for claim in claims)
