"""`manage.py mcp` as assistants and operators start it: a process, its streams and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import anyio
import pytest
from django.db import connection
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

from altor.settings.environment import ROOT
from altor.tokens import revoke_token
from investigations.models import Investigation

COMMAND = [sys.executable, "manage.py", "mcp"]
PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'

pytestmark = pytest.mark.slow


def _environment(**more):
    """The installation under test: this process's database."""
    known = connection.get_connection_params()
    address = f"host={known['host']} dbname={known['dbname']} user={known['user']}"
    kept = {name: value for name, value in os.environ.items() if name != "ALTOR_TOKEN"}
    settings = {"DJANGO_SETTINGS_MODULE": "altor.settings.test", "ALTOR_DATABASE_URL": address}
    return kept | settings | {"ALTOR_DEBUG": "1", "PYTHONPATH": str(ROOT)} | more


def _started(*arguments, **more):
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env=_environment(**more), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def _ran(*arguments, **more):
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=_environment(**more), capture_output=True, text=True, timeout=60,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_an_assistant_works_over_standard_input_and_output(scene, rest, mode):
    token = scene.token()
    given = StdioServerParameters(
        command=COMMAND[0],
        args=COMMAND[1:],
        cwd=ROOT,
        env=_environment(ALTOR_TOKEN=token),
        encoding_error_handler="strict",
    )

    async def work():
        async with Client(given, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            entry = await client.call_tool("get_entry", {"ref": scene.entry.ref})
            absent = await client.call_tool("get_investigation", {"ref": scene.foreign_run.ref})
            started = await client.call_tool("start_investigation", {"ticket": scene.fresh.ref})
            await anyio.to_thread.run_sync(lambda: revoke_token(scene.tokens[token], actor=None))
            return names, entry, absent, started, await client.call_tool("get_entry", {"ref": scene.entry.ref})

    told = rest(token).get(f"/api/v1/knowledge/{scene.entry.ref}/").json()
    names, entry, absent, started, revoked = anyio.run(work)
    assert len(names) == 5
    assert entry.structured_content == told
    assert absent.is_error and absent.structured_content["code"] == "not_found"
    assert Investigation.objects.get(ticket=scene.fresh).ref == started.structured_content["investigation"]
    assert revoked.is_error and revoked.structured_content["code"] == "not_authenticated"


def test_nothing_but_messages_is_printed_and_the_end_of_input_ends_it(scene):
    process = _started(ALTOR_TOKEN=scene.token(), ALTOR_LOG_LEVEL="DEBUG")
    noise = b"no json\n" + b"x" * 2_000_000 + b"\n" + b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call"}\n'
    out, err = process.communicate(PING + noise, timeout=60)
    assert process.returncode == 0, err.decode()[-2000:]
    answers = [json.loads(line) for line in out.splitlines()]
    assert answers[0] == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert all(one["jsonrpc"] == "2.0" for one in answers)
    assert b"Traceback" not in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(scene, number):
    process = _started(ALTOR_TOKEN=scene.token())
    process.stdin.write(PING)
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.send_signal(number)
    assert process.wait(15) == 0
    assert b"Traceback" not in process.stderr.read()


def test_an_assistant_that_is_gone_is_no_fault(scene):
    process = _started(ALTOR_TOKEN=scene.token())
    process.stdout.close()
    process.stdin.write(PING * 3)
    process.stdin.flush()
    assert process.wait(30) == 0, process.stderr.read().decode()[-2000:]


def test_without_a_token_it_ends_with_two(scene):
    done = _ran()
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("CommandError: ALTOR_TOKEN is not set") and "Traceback" not in done.stderr


def test_a_token_is_read_from_a_file(scene, tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{scene.token()}\n")
    process = _started("--token-file", str(file))
    process.stdin.write(PING)
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.stdin.close()
    assert process.wait(15) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_over_http_it_says_where_and_ends_by_a_signal(scene, number):
    process = _started("--http", "--port", "0")
    line = process.stderr.readline().decode()
    assert "Assistants reach Altor at http://127.0.0.1:" in line
    port = int(line.rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert asking.recv(100).startswith(b"HTTP/1.1 401")
        process.send_signal(number)
        assert process.wait(15) == 0
    assert process.stdout.read() == b""
