"""The server over HTTP against what no well-behaved client sends."""

from __future__ import annotations

import json
import socket

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from altor.mcp.bounds import MOST, bounded
from altor.mcp.gate import Gate
from tests.mcp.conftest import ERAS

HELLO = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip


def _opened(server, token):
    """The id of a session opened with the token."""
    answer = server.post(HELLO, Authorization=f"Bearer {token}")
    assert answer.status_code == 200
    return answer.headers["mcp-session-id"]


def test_another_host_is_refused_before_anybody_is_asked_for_a_token(server, scene):
    token = scene.token()
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[::1", "altor", "*"):
        for given in ({}, {"Authorization": f"Bearer {token}"}):
            answer = server.post(Host=host, **given)
            assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


def test_a_page_of_another_origin_is_refused(server, scene):
    token = scene.token()
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "file://", "x", "http://[x", ""):
        answer = server.post(HELLO, Origin=origin, Authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
        assert "access-control-allow-origin" not in answer.headers


def test_names_of_this_installation_and_of_loopback_pass(server, scene):
    token = scene.token()
    for names in ({"Host": "altor.example"}, {"Host": "localhost:1"}, {"Origin": "https://altor.example"}):
        assert server.post(HELLO, Authorization=f"Bearer {token}", **names).status_code == 200


def test_a_session_is_continued_with_its_token_only(server, scene):
    mine, of_same_person, of_another = scene.token(), scene.token(), scene.token("lead")
    session = {"Mcp_Session_Id": _opened(server, mine), "Mcp_Protocol_Version": "2025-06-18"}
    told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert server.post(told, Authorization=f"Bearer {mine}", **session).status_code == 202
    for token in (of_same_person, of_another):
        assert server.post(Authorization=f"Bearer {token}", **session).status_code == 404
    answer = server.post(Authorization=f"Bearer {mine}", **session)
    assert answer.status_code == 200 and len(answer.json()["result"]["tools"]) == 5
    assert answer.headers["cache-control"] == "no-store"


def test_sessions_that_one_token_opens_are_counted(server, scene):
    token = scene.token()
    for _ in range(30):
        _opened(server, token)
    refused = server.post(HELLO, Authorization=f"Bearer {token}")
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    _opened(server, scene.token("lead"))


def test_other_addresses_do_not_exist(server, scene):
    import httpx2

    token = {"Authorization": f"Bearer {scene.token()}"}
    for path in ("/", "/mcp/x", "/api/v1/tickets/", "/.well-known/oauth-protected-resource"):
        answer = httpx2.get(f"http://127.0.0.1:{server.port}{path}", headers=token, trust_env=False)
        assert answer.status_code == 404


def test_bodies_are_bounded(server, scene):
    token = {"Authorization": f"Bearer {scene.token()}"}
    assert server.post(b"[" * 300_000, **token).status_code == 413
    for body in (b"", b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"[" * 100_000, b"\xff\xfe", b'{"a":' + b"9" * 9999):
        for extra in ({}, {"Mcp_Protocol_Version": "2026-07-28"}, {"Mcp_Protocol_Version": "1999-01-01"}):
            assert 400 <= server.post(body, **token, **extra).status_code < 500, body[:20]


@pytest.mark.parametrize("mode", ERAS)
def test_an_unknown_tool_is_no_tool(server, scene, mode):
    async def work():
        async with server.client(token, mode) as client:
            for name in ("drop_tables" * 100, "\x00", "Search_Knowledge"):
                with pytest.raises(MCPError, match="There is no tool") as refused:
                    await client.call_tool(name, {})
                assert len(refused.value.error.message) < 300

    token = scene.token()
    anyio.run(work)


WRONG = [
    ("search_knowledge", {}, "query"),
    ("search_knowledge", {"query": "x" * 2001}, "query"),
    ("search_knowledge", {"query": 5}, "query"),
    ("search_knowledge", {"query": "  \x00 "}, "query"),
    ("search_knowledge", {"query": "x", "limit": 21}, "limit"),
    ("search_knowledge", {"query": "x", "limit": "many"}, "limit"),
    ("search_knowledge", {"query": "x", "confidence": "validated"}, "confidence"),
    ("search_knowledge", {"query": "x", "confidence": ["sure"]}, "confidence.0"),
    ("search_knowledge", {"query": "x", "audience": "everybody"}, "audience"),
    ("search_knowledge", {"query": "x", "class_": "latency"}, "class_"),
    ("search_knowledge", {"query": "x", "is_admin": True}, "is_admin"),
    ("get_entry", {"ref": ["KB-1"]}, "ref"),
    ("get_entry", {"ref": {"pk": 1}}, "ref"),
    ("match_ticket", {}, "text"),
    ("match_ticket", {"text": None}, "text"),
    ("start_investigation", {"ticket": "TK-1", "actor": "admin"}, "actor"),
]


@pytest.mark.parametrize("mode", ERAS)
def test_arguments_that_do_not_fit_are_named(server, scene, mode):
    async def work():
        async with server.client(token, mode) as client:
            return [await client.call_tool(tool, given) for tool, given, _ in WRONG]

    token = scene.token()
    for (_, _, field), answer in zip(WRONG, anyio.run(work), strict=True):
        assert answer.is_error and answer.structured_content["code"] == "invalid_input"
        assert field in answer.structured_content["errors"] and f"- {field}: " in answer.content[0].text


def test_references_that_are_none_are_not_found(server, scene):
    refs = ("", "KB-", "KB-99999999999", "' OR 1=1 --", "KB-²", "../KB-1", "\x00", "INV-1", "KB-" + "9" * 9)

    async def work():
        async with server.client(token) as client:
            return [await client.call_tool("get_entry", {"ref": ref}) for ref in refs]

    token = scene.token()
    for answer in anyio.run(work):
        assert answer.is_error and answer.structured_content["code"] in ("not_found", "invalid_input")


def test_deep_arguments_are_refused(server, scene):
    deep: dict = {}
    for _ in range(60):
        deep = {"a": deep}
    answer = server.call(scene.token(), "search_knowledge", query=deep)
    assert answer.is_error and answer.structured_content["code"] in ("malformed", "invalid_input")


def test_a_text_of_great_length_is_matched_or_refused(server, scene):
    assert not server.call(scene.token(), "match_ticket", text="429 retry " * 9_999).is_error
    refused = server.call(scene.token(), "match_ticket", text="x" * 100_001)
    assert refused.structured_content["code"] == "invalid_input"
    assert "xxxx" not in json.dumps(refused.structured_content)


@pytest.mark.parametrize("mode", ERAS)
def test_a_fault_is_recorded_and_told_without_details(server, scene, monkeypatch, caplog, mode):
    def fails(user, text, filters, limit, door):
        raise RuntimeError("obviously-fake-inner-detail")

    monkeypatch.setattr("knowledge.mcp.search", fails)
    answer = server.call(scene.token(), "search_knowledge", mode, query="429")
    assert answer.is_error and answer.structured_content["code"] == "internal_error"
    assert "obviously-fake" not in answer.model_dump_json() and answer.structured_content["request_id"]
    assert "obviously-fake-inner-detail" in caplog.text


def test_a_connection_that_says_nothing_holds_up_nobody(server, scene):
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    idle[0].sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    try:
        assert not server.call(scene.token(), "get_entry", ref=scene.entry.ref).is_error
    finally:
        for one in idle:
            one.close()


def test_an_asterisk_among_the_hosts_opens_nothing():
    gate = Gate(lambda *_: None, ["*", ".altor.example"])
    assert gate._is_ours("sub.altor.example:443") and gate._is_ours("[::1]:8765")
    assert not gate._is_ours("evil.example") and not gate._is_ours("")


def test_an_answer_of_many_long_texts_stays_bounded():
    found = bounded({"list": [{"text": "x" * 30_000, "n": n} for n in range(100)]}, 20_000)
    assert len(json.dumps(found)) <= MOST and "more characters)" in found["list"][0]["text"]
    assert bounded({"text": "kurz"}, 300) == {"text": "kurz"}


def test_the_server_ends_while_a_session_listens(server, scene, caplog):
    token = scene.token()
    session = _opened(server, token)
    with socket.create_connection(("127.0.0.1", server.port)) as listening:
        asked = f"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        asked += f"Accept: text/event-stream\r\nMcp-Session-Id: {session}\r\n\r\n"
        listening.sendall(asked.encode())
        assert listening.recv(100).startswith(b"HTTP/1.1 200")
        server.stop()
        while part := listening.recv(4096):
            assert b"Traceback" not in part
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")]
