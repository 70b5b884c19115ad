"""The SSRF guard: which addresses, in which spelling, may be contacted."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from pytest_django import Settings

from altor.outbound import AddressPolicy, AddressRefused, Unreachable, Upstream, judge_peer, judge_url, open_client
from altor.outbound.addresses import judge, parse_private_upstreams
from altor.outbound.guard import GuardedTransport
from tests.loopback import Answer, serving

STRICT = AddressPolicy()
LOOPBACK = AddressPolicy(allow_loopback=True)

REFUSED = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.254", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "2001:db8::1",
    "3fff::1", "5f00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",  # mapped
    "::7f00:1", "::a9fe:a9fe",  # v4-compatible
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::",  # 6to4
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::a00:1",  # NAT64
    "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo: server, then client 169.254.169.254
]  # fmt: skip
ALLOWED = ["140.82.121.6", "8.8.8.8", "2606:4700::6810:84e5", "2a00:1450:4001:82a::200e", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        judge("github", "api.example.com", 443, [address], STRICT)


@pytest.mark.parametrize("address", [*ALLOWED, "64:ff9b::808:808", "2002:808:808::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert judge("github", "api.example.com", 443, [address], STRICT)


@pytest.mark.parametrize("address", ALLOWED)
def test_one_private_answer_spoils_all(address: str) -> None:
    with pytest.raises(AddressRefused):
        judge("github", "api.example.com", 443, [address, "10.0.0.1"], STRICT)


def test_a_name_without_answers_is_refused() -> None:
    with pytest.raises(AddressRefused):
        judge("github", "api.example.com", 443, [], STRICT)


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "[::1]", "0"]
)
def test_spellings_of_this_machine_are_refused(spelling: str, settings: Settings) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    with pytest.raises((AddressRefused, Unreachable)):
        judge_peer(spelling, 443, "github")


def test_loopback_is_admitted_only_where_development_asks_for_it() -> None:
    assert judge("github", "localhost", 4700, ["127.0.0.1", "::1"], LOOPBACK) == ("127.0.0.1", "::1")
    with pytest.raises(AddressRefused):
        judge("github", "localhost", 4700, ["10.0.0.1"], LOOPBACK)
    with pytest.raises(AddressRefused):
        judge("github", "localhost", 4700, ["169.254.169.254"], LOOPBACK)


def test_a_listed_private_upstream_opens_one_port_for_one_source() -> None:
    policy = AddressPolicy(private=parse_private_upstreams("clickhouse=10.0.0.5:8123, github=ghe.corp:443"))
    assert judge("clickhouse", "10.0.0.5", 8123, ["10.0.0.5"], policy)
    assert judge("github", "GHE.corp", 443, ["10.9.9.9"], policy)
    for source, host, port in (
        ("github", "10.0.0.5", 8123),
        ("clickhouse", "10.0.0.5", 22),
        ("clickhouse", "10.0.0.6", 8123),
    ):
        with pytest.raises(AddressRefused):
            judge(source, host, port, [host], policy)


def test_no_list_opens_the_metadata_address() -> None:
    policy = AddressPolicy(private=parse_private_upstreams("clickhouse=169.254.169.254:80"))
    with pytest.raises(AddressRefused):
        judge("clickhouse", "169.254.169.254", 80, ["169.254.169.254"], policy)


@pytest.mark.parametrize("text", ["10.0.0.5:8123", "clickhouse=10.0.0.5", "clickhouse=:80", "x=host:0", "x=host:99999"])
def test_a_private_upstream_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="PRIVATE_UPSTREAMS"):
        parse_private_upstreams(text)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example.com", "https"),
        ("https://user:pw@api.example.com", "password"),
        ("https://api.example.com/#x", "#"),
        ("https://api.example.com:22", "Port 22"),
        ("https://api.example.com:99999", "port"),
        ("ftp://api.example.com", "whole address"),
        ("api.example.com", "whole address"),
        ("file:///etc/passwd", "whole address"),
        ("http://127.0.0.1:8123", "https"),
    ],
)
def test_a_base_address_that_can_never_be_right_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        judge_url(url, "github", STRICT)


@pytest.mark.parametrize("url", ["https://api.github.com", "https://ghe.example.com:8443/api/v3"])
def test_a_public_base_address_is_accepted(url: str) -> None:
    judge_url(url, "github", STRICT)


def test_the_address_that_was_judged_is_the_one_that_is_dialled() -> None:
    """A name that answers public first and private later never reaches the private address."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]])
    asked = 0

    async def rebinding(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        return next(answers)

    async def go(url: str) -> list[int]:
        upstream = Upstream("github", "rebinding", url)
        async with open_client(upstream, policy=LOOPBACK, resolver=rebinding) as client:
            return [(await client.get("/")).status_code for _ in range(3)]

    with serving(lambda asked: Answer(body=dict(asked.headers))) as server:
        assert asyncio.run(go(f"http://name.invalid:{server.port}/")) == [200, 200, 200]
        assert asked == 1
        assert server.asked[0].headers["host"] == f"name.invalid:{server.port}"


def test_plain_http_to_a_public_address_is_never_sent() -> None:
    async def public(host: str, port: int) -> list[str]:
        return ["140.82.121.6"]

    async def go() -> None:
        transport = GuardedTransport("github", policy=STRICT, resolver=public)
        await transport.handle_async_request(httpx.Request("GET", "http://api.example.com:443/"))

    with pytest.raises(AddressRefused):
        asyncio.run(go())


def test_every_refusal_reads_the_same() -> None:
    messages = set()
    for host in ("10.0.0.1", "169.254.169.254", "127.0.0.1"):
        with pytest.raises(AddressRefused) as caught:
            judge("github", host, 443, [host], STRICT)
        messages.add(caught.value.message)
    assert messages == {"This address is not allowed for a connection"}
