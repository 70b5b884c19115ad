"""Foreign servers as judges: Prism over the vendors' contracts, and localstripe, which keeps state.

Both run as processes of their own. Prism refuses requests that the contract does not allow, and answers in its shapes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from investigations.sources.base import SourceRefused
from tests.loopback import closed_port
from tests.sources.asking import ask, check

pytestmark = pytest.mark.peer
PEERS = Path(__file__).parents[1] / "peers"
CONTRACTS = Path(__file__).parents[1] / "contracts"
EVER = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime.now(UTC)}


def missing(what: str) -> None:
    if os.environ.get("ALTOR_TEST_REQUIRE_ALL"):
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(list(command), stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    raise AssertionError(f"it ended at once: {log.read_text()[-2000:]}")
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.1)
                else:
                    break
            else:
                raise AssertionError("it does not listen")
            yield
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def prism_program() -> str:
    program = PEERS / "node_modules" / ".bin" / "prism"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            missing("npm is needed for Prism")
        done = subprocess.run([str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PEERS, timeout=300)
        if done.returncode or not program.exists():
            missing("Prism could not be installed")
    return str(program)


def prism(program: str, contract: str, log: Path) -> Any:
    port = closed_port()
    command = [program, "mock", "-p", str(port), "-h", "127.0.0.1", str(CONTRACTS / contract)]
    return running(command, port, log), f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def github_mock(prism_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server, url = prism(prism_program, "github-openapi.json", tmp_path_factory.mktemp("prism") / "github.log")
    with server:
        yield url


@pytest.fixture(scope="module")
def stripe_mock(prism_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server, url = prism(prism_program, "stripe-openapi.json", tmp_path_factory.mktemp("prism") / "stripe.log")
    with server:
        yield url


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("deployments", EVER),
        ("releases", EVER),
        ("pulls_merged", EVER),
        ("commit", {"sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e"}),
    ],
)
def test_githubs_contract_is_kept(github_mock: str, operation: str, params: dict[str, Any]) -> None:
    answer = ask("github", github_mock, operation, params, as_of=datetime.now(UTC), timeout_s=20)
    assert all(each.status == 200 for each in answer.requests)
    assert any(answer.data.values())
    json.dumps(answer.data)


def test_githubs_connection_test_keeps_the_contract(github_mock: str) -> None:
    report = check("github", github_mock)
    assert report.message


@pytest.mark.parametrize(
    "params", [{"customer": "cus_1"}, {"org_id": "org_1"}, {"email": "a@b.example"}], ids=["id", "metadata", "email"]
)
def test_stripes_contract_is_kept(stripe_mock: str, params: dict[str, Any]) -> None:
    answer = ask("stripe", stripe_mock, "billing", params, as_of=datetime.now(UTC), timeout_s=30)
    refused = [each for each in answer.requests if each.status not in (200, 404)]
    assert refused == []
    assert {each.target.split("?")[0] for each in answer.requests if each.status == 404} <= {
        each.target.split("?")[0]
        for each in answer.requests
        if "/prices/" in each.target or "credit_notes" in each.target
    }
    assert answer.data["subscriptions"]
    assert answer.data["invoices"][0]["id"].startswith("in_")
    json.dumps(answer.data)


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = Path(sys.executable).with_name("localstripe")
    if not program.exists():
        missing("localstripe is not installed")
    port = closed_port()
    log = tmp_path_factory.mktemp("localstripe") / "log"
    with running([str(program), "--port", str(port), "--from-scratch"], port, log):
        yield f"http://127.0.0.1:{port}"


def written(url: str, path: str, **fields: str) -> dict[str, Any]:
    """Set the peer up (Altor itself never writes)."""
    body = "&".join(f"{key}={value}" for key, value in fields.items()).encode()
    request = urllib.request.Request(f"{url}/v1/{path}", data=body, headers={"Authorization": "Bearer sk_test_12345"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_a_customer_of_a_server_with_state_is_found_by_id_and_email(localstripe: str) -> None:
    made = written(localstripe, "customers", email="billing@acme.example", name="Acme")
    later = datetime.now(UTC) + timedelta(minutes=1)
    for handle in ({"stripe_customer": made["id"]}, {"email": "billing@acme.example"}):
        answer = ask("stripe", localstripe, "customer", handle, secret="sk_test_12345", as_of=later)
        assert [each["id"] for each in answer.data["customers"]] == [made["id"]]
    unknown = ask("stripe", localstripe, "customer", {"stripe_customer": "cus_none"}, secret="sk_test_12345")
    assert unknown.data["customers"] == []


def test_a_wrong_key_is_refused_by_a_server_with_state(localstripe: str) -> None:
    with pytest.raises(SourceRefused):
        ask("stripe", localstripe, "customer", {"stripe_customer": "cus_1"}, secret="wrong")
