"""Tools over a real socket: they answer what REST answers to the same token."""

from __future__ import annotations

import json
import threading

import anyio
import pytest

from altor.models import AuditEvent
from investigations.models import Investigation
from investigations.services.present import as_text
from tests.mcp.conftest import ERAS


def _tools(server, token, mode="auto"):
    async def work():
        async with server.client(token, mode) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return anyio.run(work)


@pytest.mark.parametrize("mode", ERAS)
def test_the_tools_say_what_they_take_and_whether_they_change_anything(server, scene, mode):
    tools = _tools(server, scene.token(), mode)
    taken = {name: sorted(tool.input_schema["properties"]) for name, tool in tools.items()}
    assert taken == {
        "search_knowledge": [
            "audience", "class", "component", "confidence", "language", "limit", "query", "tier",
        ],
        "get_entry": ["ref"],
        "match_ticket": ["limit", "text", "ticket"],
        "get_investigation": ["ref"],
        "start_investigation": ["playbook", "ticket"],
    }  # fmt: skip
    assert {name: tool.input_schema.get("required") for name, tool in tools.items()} == {
        "search_knowledge": ["query"],
        "get_entry": ["ref"],
        "match_ticket": None,
        "get_investigation": ["ref"],
        "start_investigation": ["ticket"],
    }
    for name, tool in tools.items():
        hints = tool.annotations
        assert tool.title and tool.description and tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        reads = name != "start_investigation"
        assert (hints.read_only_hint, hints.idempotent_hint, hints.destructive_hint) == (reads, reads, False)
        assert hints.open_world_hint is False
    assert tools["search_knowledge"].input_schema["properties"]["limit"]["maximum"] == 20


def test_only_what_the_token_may_is_listed(server, scene):
    assert list(_tools(server, scene.token("agent", "knowledge.read"))) == [
        "search_knowledge", "get_entry", "match_ticket",
    ]  # fmt: skip
    assert "start_investigation" not in _tools(server, scene.token("read_only"))


@pytest.mark.parametrize("mode", ERAS)
def test_a_search_answers_as_over_rest(server, scene, rest, mode):
    token = scene.token()
    answer = server.call(token, "search_knowledge", mode, query="429 retry storm", limit=5)
    told = rest(token).get("/api/v1/knowledge/", {"q": "429 retry storm", "limit": 5}).json()
    assert not answer.is_error
    assert {**answer.structured_content, "seconds": 0} == {**told, "seconds": 0}
    assert [one["entry"]["ref"] for one in told["results"]] == [scene.entry.ref]
    assert f"{scene.entry.ref} Retry storm after a client update" in answer.content[0].text


def test_a_search_can_be_narrowed(server, scene):
    found = server.call(scene.token(), "search_knowledge", query="retry", confidence=["archived"], language="en")
    assert found.structured_content["results"] == [] and found.content[0].text == "Nothing was found."


@pytest.mark.parametrize("mode", ERAS)
def test_an_entry_is_read_as_over_rest(server, scene, rest, mode):
    token = scene.token()
    answer = server.call(token, "get_entry", mode, ref=scene.entry.ref.lower())
    assert answer.structured_content == rest(token).get(f"/api/v1/knowledge/{scene.entry.ref}/").json()
    assert "## Root cause\n\nClient 4.2 repeats at once." in answer.content[0].text


@pytest.mark.parametrize("given", ["ticket", "text"])
def test_a_ticket_is_matched_as_over_rest(server, scene, rest, given):
    token = scene.token()
    asked = {given: scene.ticket.ref if given == "ticket" else scene.ticket.description}
    answer = server.call(token, "match_ticket", **asked).structured_content
    told = rest(token).post("/api/v1/knowledge/match/", asked).json()
    assert {**answer, "seconds": 0} == {**told, "seconds": 0} and told["results"]


@pytest.mark.parametrize("mode", ERAS)
def test_a_diagnosis_is_the_contracts_object(server, scene, rest, mode):
    token = scene.token()
    answer = server.call(token, "get_investigation", mode, ref=scene.run.ref)
    told = rest(token).get(f"/api/v1/investigations/{scene.run.ref}/").json()
    document = dict(answer.structured_content)
    assert (document.pop("status"), document.pop("failure")) == (told["status"], told["failure"])
    assert document == told["diagnosis"]
    assert answer.content[0].text == as_text(document)


@pytest.mark.parametrize("mode", ERAS)
def test_an_investigation_is_started_once_and_audited(server, scene, rest, mode):
    token = scene.token()
    started = server.call(token, "start_investigation", mode, ticket=scene.fresh.ref).structured_content
    assert (started["status"], started["ticket"]) == ("queued", scene.fresh.ref)
    run = Investigation.objects.get(ticket=scene.fresh)
    assert (run.ref, run.trigger, run.requested_by) == (started["investigation"], "mcp", scene.people["agent"])
    event = AuditEvent.objects.get(action="run.started", object_ref=run.ref)
    assert (event.actor, event.actor_kind, event.origin) == (scene.people["agent"], "token", "127.0.0.1")
    assert event.request_id and event.after["trigger"] == "mcp"
    again = server.call(token, "start_investigation", mode, ticket=scene.fresh.ref)
    told = rest(token).post(f"/api/v1/tickets/{scene.fresh.ref}/investigations/").json()
    assert again.is_error and again.structured_content["code"] == told["code"] == "run_already_active"
    assert again.structured_content["detail"] == told["detail"]


def test_a_run_that_began_by_itself_is_the_answer(server, scene):
    from tests import factories as make

    under_way = make.run(scene.fresh, trigger="ticket")
    answer = server.call(scene.token(), "start_investigation", ticket=scene.fresh.ref)
    assert answer.structured_content["investigation"] == under_way.ref


def test_long_texts_are_cut_with_a_note(server, scene):
    scene.entry.symptoms = "429 " * 10_000
    scene.entry.save(update_fields=["symptoms"])
    answer = server.call(scene.token(), "get_entry", ref=scene.entry.ref)
    assert answer.structured_content["symptoms"].endswith("… (cut: 20000 more characters)")
    found = server.call(scene.token(), "search_knowledge", query="retry storm", limit=20)
    assert len(json.dumps(found.structured_content)) < 20_000


def test_two_sessions_at_once_answer_each_for_themselves(server, scene):
    scene.people["lead"].memberships.all().delete()
    seen = {}

    async def look(name, ref):
        async with server.client(scene_tokens[name], "legacy") as client:
            for _ in range(5):
                answer = await client.call_tool("get_investigation", {"ref": ref})
                seen.setdefault(name, set()).add(answer.is_error)

    async def both():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look, "agent", scene.run.ref)
            tasks.start_soon(look, "outsider", scene.run.ref)

    scene_tokens = {name: scene.token(name) for name in ("agent", "outsider")}
    anyio.run(both)
    assert seen == {"agent": {False}, "outsider": {True}}


def test_a_slow_call_holds_up_nobody_else(server, scene, monkeypatch):
    from knowledge import mcp as tools

    begun, answered = threading.Semaphore(0), threading.Event()

    def slowly(user, asked):
        begun.release()
        answered.wait(30)
        return {"results": [], "mended": {}, "by_words_only": False, "seconds": 1.5}

    slow = tools.SEARCH_KNOWLEDGE.__class__(
        **{
            name: getattr(tools.SEARCH_KNOWLEDGE, name)
            for name in tools.SEARCH_KNOWLEDGE.__dataclass_fields__
            if name != "run"
        },
        run=slowly,
    )
    monkeypatch.setattr("altor.mcp.server.all_tools", lambda: {"slow": slow, "get_entry": tools.GET_ENTRY})

    async def busy():
        async with server.client(agent) as client, anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(client.call_tool, "slow", {"query": "x"})

    async def quick():
        async with server.client(lead) as client:
            await anyio.to_thread.run_sync(begun.acquire)
            try:
                # Answered while all that the other token may ask at once is under way.
                assert not (await client.call_tool("get_entry", {"ref": scene.entry.ref})).is_error
                assert not answered.is_set()
            finally:
                answered.set()

    async def both():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(busy)
            tasks.start_soon(quick)

    agent, lead = scene.token(), scene.token("lead")
    anyio.run(both)
