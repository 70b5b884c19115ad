"""The embedded engine's HTTP front: who may ask, what is bounded, one instance, restarts."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from altor.embedded.clickhouse import ClickHouseUnavailable, EmbeddedClickHouse, statement
from altor.embedded.clickhouse_server import MAX_BODY, inflate
from tests.clickhouse_fixtures import Database
from tests.loopback import Answer, serving, wait_until

ROOT = Path(__file__).resolve().parents[2]


def send(
    url: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = "/",
    headers: dict[str, str] | None = None,
    credential: bool = True,
) -> tuple[int, bytes, dict[str, str]]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    token = base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    given = {"Authorization": f"Basic {token}"} if credential else {}
    try:
        connection.request(method, path, body, {**given, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def query(**arguments: str) -> str:
    return "/?" + urlencode(arguments)


# ------------------------------------------------------------------------------------------------------- who may ask
def test_it_listens_on_loopback_only_and_its_files_are_private(clickhouse: EmbeddedClickHouse) -> None:
    for name in ("address", "reader"):
        assert stat.S_IMODE((clickhouse.home / name).stat().st_mode) == 0o600
    port = urlsplit(clickhouse.address() or "").port
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [line[1] for line in listening if line[3] == "0A" and int(line[1].rpartition(":")[2], 16) == port]
    assert found == [f"0100007F:{port:04X}"]
    six = [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [line for line in six if line[3] == "0A" and int(line[1].rpartition(":")[2], 16) == port]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="},
        {"Authorization": "Bearer x"},
        {"X-ClickHouse-User": "altor", "X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-Key": ""},
    ],
)
def test_without_the_password_nothing_is_answered(clickhouse_database: Database, headers: dict[str, str]) -> None:
    for path in ("/", query(query="SELECT 1", user="altor", password="x")):
        status, body, answer = send(clickhouse_database.url, b"SELECT 1", path=path, headers=headers, credential=False)
        assert (status, answer["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert b"\n1" not in body
    assert send(clickhouse_database.url, method="GET", path="/ping", credential=False)[:2] == (200, b"Ok.\n")


def test_who_has_no_password_cannot_make_it_read_a_body(clickhouse_database: Database) -> None:
    parts = urlsplit(clickhouse_database.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 250000000\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 403")


def test_the_reader_reads_and_does_nothing_else(clickhouse_database: Database, tmp_path: Path) -> None:
    clickhouse_database.run("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
    clickhouse_database.run("INSERT INTO t FORMAT TabSeparated", b"1\n2\n")
    reader = clickhouse_database.reader_url
    assert statement(reader, "SELECT sum(n) FROM t") == "3\n"
    target = tmp_path / "out.txt"
    for sql in (
        "INSERT INTO t FORMAT TabSeparated\n9",
        "INSERT INTO t VALUES (9)",
        "DROP TABLE t",
        "ALTER TABLE t DELETE WHERE 1",
        "CREATE TABLE u (n UInt8) ENGINE = Memory",
        "SET max_threads = 64",
        "SET readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        f"SELECT * FROM file('{ROOT}/pyproject.toml', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'x String')",
        f"SELECT 1 INTO OUTFILE '{target}'",
        f"SELECT 1 INTO/**/OUTFILE '{target}'",
        f"SELECT 1 INTO -- x\n OUTFILE '{target}'",
    ):
        with pytest.raises(ClickHouseUnavailable, match="Code: "):
            statement(reader, sql)
    assert not target.exists()
    assert clickhouse_database.run("SELECT sum(n) FROM t") == "3\n"
    status, body, _ = send(reader, b"SELECT 1", path=query(max_execution_time="1"))
    assert (status, b"Code: 164" in body) == (500, True)
    assert send(reader, b"SELECT 1", path=query(query_id="q", wait_end_of_query="1"))[0] == 200


def test_the_readers_ceilings_hold(clickhouse_database: Database) -> None:
    for sql, code in (
        ("SELECT number FROM numbers(1000000)", 396),
        ("SELECT count() FROM numbers(100000000000)", 158),
        ("SELECT groupArray(repeat('x', 100000) || toString(number)) FROM numbers(100000000)", 241),
    ):
        with pytest.raises(ClickHouseUnavailable, match=f"Code: {code}"):
            statement(clickhouse_database.reader_url, sql)


def test_a_get_request_only_reads(clickhouse_database: Database) -> None:
    path = query(query="CREATE TABLE t (n UInt8) ENGINE = Memory", database=clickhouse_database.name)
    assert send(clickhouse_database.url, method="GET", path=path)[0] == 500
    path = query(query="SELECT 1 AS n FORMAT JSONEachRow")
    assert send(clickhouse_database.url, method="GET", path=path)[1] == b'{"n":1}\n'


def test_requests_do_not_see_each_others_settings_and_databases(clickhouse_database: Database) -> None:
    url = clickhouse_database.url
    clickhouse_database.run("CREATE TABLE t (n UInt8) ENGINE = Memory")
    assert send(url, b"SELECT count() FROM t", path=query(readonly="1", database=clickhouse_database.name))[0] == 200
    assert send(url, b"SELECT count() FROM t", path="/")[0] == 404
    assert clickhouse_database.run("INSERT INTO t VALUES (1)") == ""


# ------------------------------------------------------------------------------------------------------- what it bounds
def test_bodies_are_bounded_before_they_are_read(clickhouse_database: Database) -> None:
    parts = urlsplit(clickhouse_database.reader_url)
    token = base64.b64encode(f"{parts.username}:{unquote(parts.password or '')}".encode())
    for framing in (
        b"Content-Length: %d\r\n\r\n" % (MAX_BODY["reader"] + 1),
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: many\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + token + b"\r\n" + framing)
            assert connection.recv(64).split()[1] in (b"413", b"400"), framing


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("altor.embedded.clickhouse_server.MAX_INFLATED", 1_000_000)
    with pytest.raises(Exception, match="too large"):
        inflate(gzip.compress(b"0" * 5_000_000), "gzip")
    with pytest.raises(Exception, match="cannot be decompressed"):
        inflate(b"not gzip", "gzip")
    with pytest.raises(Exception, match="Unknown"):
        inflate(b"x", "br")
    assert inflate(gzip.compress(b"ab"), "gzip") == b"ab"
    assert inflate(b"ab", "") == b"ab"
    with pytest.raises(Exception, match="cannot be decompressed"):
        inflate(zlib.compress(b"x"), "gzip")


def test_broken_statements_are_answered_with_a_code(clickhouse_database: Database) -> None:
    for body, code in ((b"\xff\xfe", "62"), (b"", "62"), (b"SELECT FROM FROM", "62"), (b"SELECT {x:String}", "456")):
        status, _, headers = send(clickhouse_database.url, body)
        assert (status >= 400, headers["X-ClickHouse-Exception-Code"]) == (True, code), body


def test_a_client_that_leaves_does_no_harm(clickhouse_database: Database) -> None:
    parts = urlsplit(clickhouse_database.url)
    token = base64.b64encode(f"{parts.username}:{unquote(parts.password or '')}".encode())
    sql = quote("SELECT number FROM numbers(200000)").encode()
    for _ in range(5):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(
                b"GET /?query=" + sql + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + token + b"\r\n\r\n"
            )
    assert clickhouse_database.run("SELECT 1") == "1\n"


def test_short_questions_are_answered_beside_a_long_one(clickhouse_database: Database) -> None:
    long = threading.Thread(
        target=lambda: clickhouse_database.run("SELECT sum(sipHash64(number)) FROM numbers(120000000)")
    )
    long.start()
    was_running = []
    for _ in range(5):
        assert clickhouse_database.run("SELECT 1") == "1\n"
        was_running.append(long.is_alive())
    long.join()
    assert was_running[0]


# ------------------------------------------------------------------------------------------------------- what it speaks
def test_clickhouse_connect_works_with_it_unchanged(clickhouse_database: Database) -> None:
    parts = urlsplit(clickhouse_database.url)
    client = clickhouse_connect.get_client(
        host=parts.hostname, port=parts.port, username=parts.username, password=parts.password,
        database=clickhouse_database.name,
    )  # fmt: skip
    client.command(
        "CREATE TABLE t (n UInt64, s String, at DateTime64(9), m Map(String, String)) ENGINE = MergeTree ORDER BY n"
    )
    rows = [[n, f"it's {n}", 1_700_000_000_000_000_000 + n, {"k": str(n)}] for n in range(1000)]
    client.insert("t", rows, column_names=["n", "s", "at", "m"])
    found = client.query("SELECT count(), max(n), any(m['k']) FROM t WHERE s = {s:String}", parameters={"s": "it's 7"})
    assert found.result_rows == [(1, 7, "7")]
    assert found.summary["read_rows"] == "1000"
    with pytest.raises(DatabaseError) as refused:
        client.query("SELECT * FROM nowhere")
    assert refused.value.code == 60
    client.close()


def test_multipart_parameters_and_header_credentials_are_understood(clickhouse_database: Database) -> None:
    parts = urlsplit(clickhouse_database.url)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String} AS x FORMAT JSONEachRow\r\n'
        b'--b\r\nContent-Disposition: form-data; name="param_x"\r\n\r\na\'b\r\n--b--\r\n'
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        "X-ClickHouse-User": str(parts.username),
        "X-ClickHouse-Key": unquote(parts.password or ""),
        "X-ClickHouse-Database": clickhouse_database.name,
    }
    status, answer, told = send(clickhouse_database.url, body, headers=headers, credential=False)
    assert (status, json.loads(answer)) == (200, {"x": "a'b"})
    assert told["X-ClickHouse-Format"] == "JSONEachRow"
    assert json.loads(told["X-ClickHouse-Summary"])["result_rows"] == "1"


# ----------------------------------------------------------------------------------------------- its life as a process
@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedClickHouse]:
    found = EmbeddedClickHouse(tmp_path / "engine")
    yield found
    found.stop()


def test_only_one_process_serves_a_directory_and_all_find_it(engine: EmbeddedClickHouse) -> None:
    others = [EmbeddedClickHouse(engine.home) for _ in range(3)]
    found: list[str] = []
    threads = [threading.Thread(target=lambda each=each: found.append(each.start())) for each in [engine, *others]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    started = [each.process for each in [engine, *others] if each.process]
    wait_until(lambda: sum(process.poll() is None for process in started) == 1)
    assert engine.is_locked()
    assert statement(found[0], "SELECT 1") == "1\n"
    for each in others:
        each.stop()


def test_killed_and_started_again_it_has_its_rows_and_another_password(engine: EmbeddedClickHouse) -> None:
    first = engine.start()
    statement(first, "CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
    statement(first, "INSERT INTO t FORMAT TabSeparated", b"1\n2\n3\n")
    assert engine.process is not None
    os.kill(engine.process.pid, signal.SIGKILL)
    engine.process.wait()
    assert engine.address() is None  # its file is still there, but nobody answers
    assert (engine.home / "address").exists()
    second = engine.start()
    assert second != first
    assert statement(second, "SELECT sum(n) FROM t") == "6\n"
    engine.stop()
    assert not (engine.home / "address").exists()
    assert not engine.is_locked()


def test_another_program_on_the_old_port_is_not_taken_for_the_engine(engine: EmbeddedClickHouse) -> None:
    engine.home.mkdir()
    with serving(lambda asked: Answer(200, b"Ok.\n")) as upstream:
        (engine.home / "address").write_text(f"http://altor:secret@127.0.0.1:{upstream.port}?database=otel")
        assert engine.address() is None
        assert all("authorization" not in asked.headers for asked in upstream.asked)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from altor.embedded.clickhouse import EmbeddedClickHouse;"
        "e = EmbeddedClickHouse(Path(sys.argv[1])); e.start(); print(e.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "e")], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), 8)
    wait_until(lambda: not EmbeddedClickHouse(tmp_path / "e").is_locked(), 3)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_directory_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    home = tmp_path / "engine"
    home.mkdir()
    (home / "data").write_text("not a directory")
    with pytest.raises(ClickHouseUnavailable, match="did not start"):
        EmbeddedClickHouse(home).start(timeout_s=20)


def test_no_other_module_imports_the_engine() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'altor.settings.test'; import django; django.setup();"
        "import altor.urls, investigations.sources.clickhouse.source, altor.embedded.clickhouse, investigations.tasks;"
        "assert 'chdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
