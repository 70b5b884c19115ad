"""Redaction: what must go goes, what a diagnosis needs stays, in linear time."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altor.redaction import REDACTED, find_personal, find_secrets, is_secret_field, redact, redact_text

GONE = {
    "pay with 4242 4242 4242 4242 please": "pay with [card visa 4242] please",
    "5555-5555-5555-4444": "[card mastercard 4444]",
    "amex 378282246310005.": "amex [card amex 0005].",
    "write to jo.d+x@mail.acme.co.uk!": "write to [email]@mail.acme.co.uk!",
    "Authorization: Bearer abcdefghijklmnop": f"Authorization: Bearer {REDACTED}",
    "password=hunter22": f"password={REDACTED}",
    "api_key: 'a1b2c3d4e5'": f"api_key: '{REDACTED}'",
    "my password is hunter22": f"my password is {REDACTED}",
    "https://user:pa55word@host.example/x": f"https://{REDACTED}@host.example/x",
    "call +1 (415) 555-2671": "call [phone]",
    "call +49 30 901820": "call [phone]",
    "call (415) 555-2671": "call [phone]",
    "sk_live_abcdefgh12345678": "[Stripe key]",
    "rk_test_abcdefgh12345678": "[Stripe key]",
    "whsec_abcdefgh12345678": "[webhook secret]",
    "ghp_" + "a1" * 18: "[GitHub token]",
    "github_pat_" + "a1_" * 10: "[GitHub token]",
    "lin_api_" + "a1" * 20: "[Linear key]",
    "xoxb-1234567890-abc": "[Slack token]",
    "AKIAIOSFODNN7EXAMPLE": "[AWS key]",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "[JWT]",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----": "[private key]",
}
STAYS = [
    "2026-06-29T10:01:08+00:00",
    "2026-06-29 10:01:08.123456",
    "request 7f3a9c1e-8d2b-4f6a-9c1d-2e3f4a5b6c7d failed",
    "sha 22bb360e029aebfcbefcbde455acc606815d5bee",
    "in_dPhZ83hgxCC8kwviD4 and ch_wjit7METW4EE0o2hEW and cus_6igNt9ROucXjZnyKGZ",
    "1782727268 and 1782727268123456789",
    "GET /v2/orders/1234567890123?limit=100",
    "order 4242424242424241",  # fails the check digit
    "0000 0000 0000 0000",
    "the token is expired, the password is wrong",
    "10,000 requests at 1,200 per minute, 99.95 %",
    "error 429: Too Many Requests (retry in 30 s)",
    "ENG-1918 DecimalOverflow in GET /v2/reports/export",
    "version 1.2.3.4-beta",
    "@team please look",
    "a@b",
]


@pytest.mark.parametrize("text", GONE)
def test_what_must_not_be_stored_goes(text: str) -> None:
    assert redact_text(text) == GONE[text]


@pytest.mark.parametrize("text", STAYS)
def test_what_a_diagnosis_needs_stays(text: str) -> None:
    assert redact_text(text) == text


def test_machine_addresses_go_only_where_wanted() -> None:
    text = "from 203.0.113.9 and 2001:db8::1 at 10:30:45"
    assert redact_text(text) == text
    assert redact_text(text, ips=True) == "from [ip] and [ip] at 10:30:45"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True), ("client_secret", True), ("api_key", True), ("x-api-key", True), ("authorization", True),
        ("access_token", True), ("Set.Cookie", True), ("api.key_id", False), ("next_page", False), ("key", False),
        ("token_count", False), ("secretary", False),
    ],
)  # fmt: skip
def test_fields_that_hold_secrets_are_known_by_name(name: str, secret: bool) -> None:
    assert is_secret_field(name) is secret


def test_nested_values_are_redacted_and_numbers_left() -> None:
    value = {"a": ["jo@acme.com", 5, None], "password": "x", "n": {"api_key": "k", "api.key_id": "key_1"}, "token": ""}
    assert redact(value) == {
        "a": ["[email]@acme.com", 5, None],
        "password": REDACTED,
        "n": {"api_key": REDACTED, "api.key_id": "key_1"},
        "token": "",
    }


_NOISE = st.text(alphabet=string.ascii_letters + string.digits + " .,:;-_+@/()[]=\"'\n", max_size=60)


@given(_NOISE, _NOISE)
def test_redacting_twice_changes_nothing_more(before: str, after: str) -> None:
    once = redact_text(f"{before} jo@acme.com 4242424242424242 {after}", ips=True)
    assert redact_text(once, ips=True) == once


@given(_NOISE)
def test_a_card_surrounded_by_anything_readable_goes(noise: str) -> None:
    assert "4242424242424242" not in redact_text(f"{noise}\ncard 4242424242424242 ok\n{noise}")


@given(st.from_regex(r"[a-z][a-z0-9.]{0,20}[a-z0-9]@[a-z]{2,12}\.(com|io|co\.uk)", fullmatch=True), _NOISE)
def test_an_email_goes_and_its_domain_stays(email: str, noise: str) -> None:
    local, domain = email.split("@")
    redacted = redact_text(f"{noise} <{email}>")
    assert f"{local}@" not in redacted or local.endswith("[email]")
    assert f"[email]@{domain}" in redacted


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    redact_text(text, ips=True)


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "a@", "a.", "+1", "-----BEGIN PRIVATE KEY-----", "eyJ", "eyJaaaaaaaa.", "x://", ":", "a:",
     "Bearer ", "password ", "password=", "1.", "(", "00", "sk_live_", "'", "\n"],
)  # fmt: skip
def test_the_time_grows_no_faster_than_the_text(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.monotonic()
    redact_text(text, ips=True)
    assert time.monotonic() - started < 30  # what grows with the square takes minutes


@pytest.mark.parametrize("text", GONE)
def test_what_would_go_is_found_where_it_stands(text):
    found = [*find_secrets(f"Note: {text} - end"), *find_personal(f"Note: {text} - end")]
    assert found and all(0 <= start < end <= len(text) + 12 for _, start, end in found)


@given(st.text(alphabet=string.printable, max_size=200))
def test_nothing_is_found_in_what_stays(text):
    if redact_text(text, ips=True) == text:
        assert not [*find_secrets(text), *find_personal(text)]
