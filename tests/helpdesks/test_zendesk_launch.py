"""The signed start of Zendesk's sidebar: verified by one algorithm, for one installation, for a short time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from investigations.helpdesks.base import Agent
from investigations.helpdesks.launches import LaunchRefused
from investigations.helpdesks.zendesk.launch import LONGEST, read_launch
from investigations.sources.base import ConnectionConfig

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip
CONFIG = ConnectionConfig("zendesk", "acme", "https://acme.zendesk.com", options={"installation_id": "360001"})
CLAIMS = {
    "iss": "https://acme.zendesk.com",
    "aud": "https://acme.zendesk.com/api/v2/apps/installations/360001.json",
    "sub": "https://acme.zendesk.com/api/v2/users/8447388099001.json",
    "iat": NOW.timestamp(),
    "exp": (NOW + timedelta(minutes=5)).timestamp(),
    "jti": "c2d3e4f5",
    "qsh": "0" * 64,
    "context": {"product": "support", "location": "ticket_sidebar"},
}


def start(key: Any = KEY, algorithm: str = "RS256", drop: str = "", **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if name != drop}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_start_tells_the_agent_and_is_used_once() -> None:
    launched = read_launch(start(), PEM, CONFIG, now=NOW)
    assert launched.agent == Agent("8447388099001")
    assert launched.external_id == ""
    assert launched.nonce == "c2d3e4f5"
    assert launched.expires_at == NOW + timedelta(minutes=5)


def test_the_issuer_may_come_as_a_bare_host_and_a_long_id_is_shortened() -> None:
    launched = read_launch(start(iss="acme.zendesk.com", jti="x" * 300), PEM, CONFIG, now=NOW)
    assert len(launched.nonce) == 64


def test_no_start_is_good_for_longer_than_an_hour() -> None:
    token = start(exp=(NOW + timedelta(days=30)).timestamp())
    assert read_launch(token, PEM, CONFIG, now=NOW).expires_at == NOW + LONGEST
    with pytest.raises(LaunchRefused, match="expired"):
        read_launch(token, PEM, CONFIG, now=NOW + LONGEST)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no.token.here",
        "x" * 10_000,
        start(OTHER),
        start()[:-4] + "AAAA",
        start(None, "none"),
        start(aud="https://acme.zendesk.com/api/v2/apps/installations/360002.json"),
        start(iss="https://evil.zendesk.com"),
        start(iss="https://acme.zendesk.com.evil.example"),
        start(exp=NOW.timestamp()),
        start(iat=(NOW + timedelta(minutes=2)).timestamp()),
        start(nbf=(NOW + timedelta(minutes=2)).timestamp()),
        start(iat="soon"),
        start(exp=10**30),
        start(jti=""),
        start(jti=["a"]),
        start(context={"location": "nav_bar"}),
        *(start(drop=name) for name in ("iss", "aud", "iat", "exp", "jti")),
    ],
)
def test_everything_else_is_refused(token: str) -> None:
    read_launch(start(), PEM, CONFIG, now=NOW)
    with pytest.raises(LaunchRefused):
        read_launch(token, PEM, CONFIG, now=NOW)


def test_the_public_key_is_no_shared_secret() -> None:
    """A token signed by HMAC with the public key, which is no secret, is the classic confusion of algorithms."""
    import base64
    import hashlib
    import hmac
    import json

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(CLAIMS)
    seal = base64.urlsafe_b64encode(hmac.new(PEM.encode(), signed, hashlib.sha256).digest()).rstrip(b"=")
    with pytest.raises(LaunchRefused):
        read_launch((signed + b"." + seal).decode(), PEM, CONFIG, now=NOW)


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_without_a_key_nothing_is_verified(key: str) -> None:
    with pytest.raises(LaunchRefused):
        read_launch(start(), key, CONFIG, now=NOW)


@pytest.mark.parametrize("installation", ["", "x", "360001/../1"])
def test_without_the_installation_nothing_is_verified(installation: str) -> None:
    config = ConnectionConfig("zendesk", "acme", CONFIG.base_url, options={"installation_id": installation})
    with pytest.raises(LaunchRefused, match="installation_id"):
        read_launch(start(), PEM, config, now=NOW)


def test_who_it_is_for_may_be_left_out() -> None:
    assert read_launch(start(drop="sub"), PEM, CONFIG, now=NOW).agent is None
