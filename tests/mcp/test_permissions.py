"""Who may not: the answers are those of REST, and what may not be seen is told as what is not there."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from django.utils import timezone

from altor.api.throttles import hit, of_token
from altor.models import ApiToken, AuditEvent
from altor.roles import Role
from altor.tokens import revoke_token
from investigations.models import Investigation
from tests.mcp.conftest import ERAS


def _problem(answer):
    assert answer.is_error
    return {name: value for name, value in answer.structured_content.items() if name != "request_id"}


@pytest.mark.parametrize("mode", ERAS)
def test_what_another_team_has_is_told_as_what_is_not_there(server, scene, mode):
    token = scene.token()
    asked = [
        ("get_entry", "ref", scene.foreign_entry.ref, "KB-99999"),
        ("get_investigation", "ref", scene.foreign_run.ref, "INV-99999999"),
        ("start_investigation", "ticket", scene.foreign_ticket.ref, "TK-99999999"),
    ]
    for tool, name, theirs, nowhere in asked:
        foreign = server.call(token, tool, mode, **{name: theirs})
        absent = server.call(token, tool, mode, **{name: nowhere})
        assert _problem(foreign) == _problem(absent) and _problem(foreign)["code"] == "not_found"
        assert foreign.content == absent.content
    assert not Investigation.objects.filter(ticket=scene.foreign_ticket, trigger="mcp").exists()


def test_a_ticket_of_another_team_is_not_matched(server, scene):
    told = {}
    for ref in (scene.foreign_ticket.ref, "TK-99999999"):
        told[ref] = _problem(server.call(scene.token(), "match_ticket", ticket=ref))["detail"].replace(ref, "")
    assert len(set(told.values())) == 1


def test_entries_of_another_team_are_not_found(server, scene):
    found = server.call(scene.token(), "search_knowledge", query="retry storm", limit=20).structured_content
    assert [one["entry"]["ref"] for one in found["results"]] == [scene.entry.ref]
    theirs = server.call(scene.token("outsider"), "search_knowledge", query="retry storm").structured_content
    assert {one["entry"]["ref"] for one in theirs["results"]} == {scene.entry.ref, scene.foreign_entry.ref}


@pytest.mark.parametrize("mode", ERAS)
def test_who_may_only_read_starts_nothing(server, scene, rest, mode):
    token = scene.token("read_only")
    refused = server.call(token, "start_investigation", mode, ticket=scene.fresh.ref)
    told = rest(token).post(f"/api/v1/tickets/{scene.fresh.ref}/investigations/").json()
    assert {**_problem(refused), "request_id": ""} == {**told, "request_id": ""}
    assert _problem(refused)["code"] == "permission_refused"
    assert not scene.fresh.investigations.exists()
    assert not server.call(token, "get_investigation", mode, ref=scene.run.ref).is_error


def test_scopes_limit_what_the_role_grants(server, scene):
    token = scene.token("agent", "knowledge.read")
    for tool, given in (("get_investigation", {"ref": scene.run.ref}), ("start_investigation", {"ticket": "TK-1"})):
        assert _problem(server.call(token, tool, **given))["code"] == "permission_refused"
    assert not server.call(token, "get_entry", ref=scene.entry.ref).is_error


@pytest.mark.parametrize("mode", ERAS)
def test_a_token_that_is_revoked_ends_at_once(server, scene, mode):
    token = scene.token()

    async def work():
        async with server.client(token, mode) as client:
            assert not (await client.call_tool("get_entry", {"ref": scene.entry.ref})).is_error
            await anyio.to_thread.run_sync(lambda: revoke_token(scene.tokens[token], actor=None))
            with pytest.raises(Exception, match=r"."):
                await client.call_tool("get_entry", {"ref": scene.entry.ref})

    anyio.run(work)
    assert server.post(Authorization=f"Bearer {token}").status_code == 401


def test_a_demoted_owner_loses_what_the_role_lost(server, scene):
    token = scene.token("agent")
    scene.people["agent"].role = Role.READ_ONLY
    scene.people["agent"].save(update_fields=["role"])
    refused = server.call(token, "start_investigation", ticket=scene.fresh.ref)
    assert _problem(refused)["code"] == "permission_refused"


def test_expired_unknown_and_missing_tokens_get_a_challenge(server, scene):
    expired = scene.token(expires_at=timezone.now() + timedelta(hours=1))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sidebar = scene.token(kind="wdg")
    left = scene.token("lead")
    scene.people["lead"].is_active = False
    scene.people["lead"].save(update_fields=["is_active"])
    given = [f"Bearer {text}" for text in [expired, sidebar, left, "alt_api_obviously-fake", "alt_api_", "é"]]
    for authorization in [*given, "Basic YTpi", None]:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = server.post(**headers)
        assert answer.status_code == 401, authorization
        assert answer.headers["www-authenticate"].startswith('Bearer realm="altor"')
        assert answer.json()["code"] == "not_authenticated"
        assert "set-cookie" not in answer.headers and answer.headers["cache-control"] == "no-store"


def test_a_session_of_django_is_no_way_in(server, scene, client):
    client.force_login(scene.people["admin"])
    cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
    assert cookies and server.post(Cookie=cookies).status_code == 401


def test_calls_count_as_over_rest(server, scene, rest, settings):
    token = scene.token()
    row = scene.tokens[token]
    for _ in range(119):
        hit("run", of_token(row))
    assert not server.call(token, "start_investigation", ticket=scene.fresh.ref).is_error
    refused = _problem(server.call(token, "start_investigation", ticket=scene.fresh.ref))
    assert refused["code"] == "rate_limited" and "Try again in" in refused["detail"]
    assert rest(token).post(f"/api/v1/tickets/{scene.fresh.ref}/investigations/").status_code == 429
    assert not server.call(scene.token("lead"), "get_entry", ref=scene.entry.ref).is_error


def test_reading_leaves_nothing_in_the_audit_log(server, scene):
    before = AuditEvent.objects.count()
    token = scene.token()
    for tool, given in (("get_entry", {"ref": scene.entry.ref}), ("search_knowledge", {"query": "429"})):
        server.call(token, tool, **given)
    assert AuditEvent.objects.count() == before + 1  # the token itself
