"""The stand-in helpdesk: its pages, its small API, and what it tells Altor, over real sockets."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from standardwebhooks import Webhook

from altor.demo.credentials import DESK_TOKEN
from altor.demo.desk.server import make_desk
from altor.demo.desk.towards import launch_secret
from altor.demo.home import DemoState
from investigations.helpdesks.generic.launch import read_launch
from tests.loopback import Answer, Upstream, serving, wait_until


@pytest.fixture
def state(tmp_path: Path) -> DemoState:
    found = DemoState.fresh(7)
    found.opened_at = found.anchor
    found.save(tmp_path)
    return found


@pytest.fixture
def altor() -> Iterator[Upstream]:
    with serving(lambda asked: Answer(202, {})) as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, state: DemoState, altor: Upstream) -> Iterator[httpx.Client]:
    server = make_desk(tmp_path, altor.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://localhost:{server.server_address[1]}", trust_env=False) as client:
        yield client
    server.shutdown()
    server.server_close()


def newest(desk: httpx.Client) -> str:
    return desk.get("/").headers["location"].rpartition("/")[2]


def write(desk: httpx.Client, path: str, **form: str) -> httpx.Response:
    origin = f"{desk.base_url.scheme}://{desk.base_url.netloc.decode()}"
    return desk.post(path, data=form, headers={"Origin": origin})


def test_the_page_frames_altor_by_a_signed_link(desk: httpx.Client, state: DemoState, altor: Upstream) -> None:
    key = newest(desk)
    page = desk.get(f"/tickets/{key}")
    assert "is no product" in page.text
    assert f"frame-src {altor.url}" in page.headers["content-security-policy"]
    link = re.search(r'<iframe id="altor"[^>]* src="([^"]+)"', page.text)
    assert link is not None
    query = dict(parse_qsl(urlsplit(link.group(1).replace("&amp;", "&")).query))
    launched = read_launch([launch_secret(state)], query, now=datetime.now(UTC))
    assert launched.external_id == key
    assert launched.agent is not None and launched.agent.email.startswith("lead@")


def test_what_is_written_is_told_with_a_signature(desk: httpx.Client, state: DemoState, altor: Upstream) -> None:
    key = newest(desk)
    write(desk, f"/tickets/{key}/messages", kind="customer", text="<b>still</b> failing\r\nreq_1")
    write(desk, f"/tickets/{key}/solve")
    wait_until(lambda: len(altor.asked) == 2)
    told = {}
    for asked in altor.asked:
        Webhook(state.hook_secret).verify(asked.body, dict(asked.headers))
        body = json.loads(asked.body)
        told[body["type"]] = body["data"]
    assert told["ticket.message"]["message"]["text"] == "<b>still</b> failing\nreq_1"
    assert told["ticket.message"]["message"]["author"]["kind"] == "customer"
    assert told["ticket.solved"] == {"id": key, "previous_status": "open"}
    assert "<b>still" not in desk.get(f"/tickets/{key}").text


def test_another_sites_form_is_refused(desk: httpx.Client, altor: Upstream) -> None:
    key = newest(desk)
    for origin in ("https://elsewhere.example", "null", ""):
        answer = desk.post(f"/tickets/{key}/messages", data={"text": "x"}, headers={"Origin": origin})
        assert answer.status_code == 403
    assert altor.asked == []


def test_altor_writes_by_the_api_and_only_with_its_token(desk: httpx.Client, tmp_path: Path) -> None:
    key = newest(desk)
    assert desk.get("/api/tickets").status_code == 401
    desk.headers["Authorization"] = f"Bearer {DESK_TOKEN}"
    note = desk.post(
        f"/api/tickets/{key}/notes", json={"text": "Cause: x\nhttps://altor/#altor-0123456789abcdef"}
    ).json()
    desk.put(f"/api/tickets/{key}/notes/{note['id']}", json={"text": "Cause: y"})
    desk.post(f"/api/tickets/{key}/tags", json={"tags": ["altor"]})
    found = desk.get(f"/api/tickets/{key}").json()
    assert (found["tags"], found["messages"][0]["text"], found["messages"][0]["is_public"]) == (
        ["altor"],
        "Cause: y",
        False,
    )
    assert "Cause: y" in desk.get(f"/tickets/{key}/thread").text
    assert desk.get("/api/tickets/none").status_code == 404
    assert "Cause: y" in (tmp_path / "desk.json").read_text()


def test_tickets_are_listed_in_pages_by_their_last_change(desk: httpx.Client) -> None:
    desk.headers["Authorization"] = f"Bearer {DESK_TOKEN}"
    seen, cursor = [], ""
    while True:
        page = desk.get("/api/tickets", params={"cursor": cursor}).json()
        seen += [one["id"] for one in page["items"]]
        if not (cursor := page["next"]):
            break
    assert len(seen) == len(set(seen)) == page["total"]
    since = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    assert desk.get("/api/tickets", params={"updated_since": since}).json()["items"] == []
