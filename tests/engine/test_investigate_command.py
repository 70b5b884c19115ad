"""`manage.py investigate`: exit codes, one JSON object, and what it leaves behind."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from investigations.engine.lease import SILENCE
from investigations.models import Customer, Investigation, Ticket
from tests import factories
from tests.engine.scene import answering, connections, playbook, step
from tests.loopback import Answer, Upstream

pytestmark = pytest.mark.django_db(transaction=True)
TICKET = {
    "id": 48213,
    "subject": "Many 429 answers since 10:00 UTC",
    "description": "Half of our calls to GET /v2/orders are refused with 429.",
    "requester": {"name": "Ada", "email": "ada@northwind.example"},
    "organization": {"name": "Northwind", "external_id": "org_nw"},
    "created_at": "2026-05-01T11:30:00Z",
}
INSTALLATION = {
    "now": "2026-05-01T12:00:00Z",
    "customers": [
        {"org_id": "org_nw", "name": "Northwind", "domain": "northwind.example", "plan": "growth"},
        {"org_id": "org_other", "name": "Contoso", "domain": "contoso.example"},
    ],
}
CONTRACT = [
    "investigation", "ticket", "class", "as_of", "seconds", "candidates", "culprit", "scope", "onset", "escalate",
    "severity", "unavailable", "missing", "evidence", "ruled_out", "next_steps", "reply_draft",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _connected(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("investigations.engine.work.active_connections", lambda: connections(upstream))


@pytest.fixture
def book() -> str:
    return playbook(step("a"), step("b", "beta", depends_on=["a"])).key


def file(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def investigate(*arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error)"""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("investigate", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_it_prints_exactly_one_json_object_in_the_contracts_order(tmp_path: Path, book: str) -> None:
    code, out, err = investigate(file(tmp_path, "t.json", TICKET), "--playbook", book, "--format", "json")
    document = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert list(document)[: len(CONTRACT)] == CONTRACT
    assert (document["ticket"], document["candidates"][0]["label"]) == ("TK-48213", "rl.many")
    assert document["evidence"][0]["summary"] == "a has n = 7"
    assert set(document["timing"]) == {"wall", "upstream", "own"}
    assert "a" in err, "progress is told on standard error"


def test_it_prints_the_answer_first_as_text(tmp_path: Path, book: str) -> None:
    code, out, _ = investigate(file(tmp_path, "t.json", TICKET), "--playbook", book)
    assert code == 0
    assert out.index("rl.many") < out.index("evidence:") < out.index("reply draft:")


def test_the_ticket_may_come_on_standard_input(book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(TICKET).encode())))
    code, out, _ = investigate("-", "--playbook", book, "--format", "json")
    assert code == 0 and json.loads(out)["ticket"] == "TK-48213"


def test_the_clock_is_the_installations_unless_another_is_given(tmp_path: Path, book: str) -> None:
    ticket, installation = file(tmp_path, "t.json", TICKET), file(tmp_path, "i.json", INSTALLATION)
    common = ("--playbook", book, "--format", "json", "--installation", installation)
    ways = ((), ("--as-of", "NOW"), ("--as-of", "2026-05-01T09:00:00+02:00"))
    clocks = [json.loads(investigate(ticket, *common, *given)[1])["as_of"] for given in ways]
    assert clocks == ["2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z", "2026-05-01T07:00:00Z"]


def test_an_installations_customers_serve_the_run_and_leave_only_the_tickets_own(tmp_path: Path, book: str) -> None:
    factories.customer("org_other", name="Ours", domains=["ours.example"])
    arguments = (file(tmp_path, "t.json", TICKET), "--playbook", book, "--format", "json")
    assert investigate(*arguments, "--installation", file(tmp_path, "i.json", INSTALLATION))[0] == 0
    ticket = Ticket.objects.get()
    assert ticket.customer is not None and ticket.customer.org_id == "org_nw"
    assert Investigation.objects.get().inputs["org_id"] == "org_nw"
    assert dict(Customer.objects.values_list("org_id", "name")) == {"org_nw": "Northwind", "org_other": "Ours"}
    assert Customer.objects.get(org_id="org_other").domains == ["ours.example"]


def test_our_own_customers_are_not_met_under_another_installation(tmp_path: Path, book: str) -> None:
    factories.customer("org_same_domain", domains=["northwind.example"])
    installation = {**INSTALLATION, "customers": [INSTALLATION["customers"][1]]}  # type: ignore[index]
    investigate(
        file(tmp_path, "t.json", TICKET), "--playbook", book, "--installation", file(tmp_path, "i.json", installation)
    )
    assert Ticket.objects.get().customer is None
    assert set(Customer.objects.values_list("org_id", flat=True)) == {"org_same_domain"}


def test_the_same_ticket_again_is_a_new_run_of_the_same_ticket(tmp_path: Path, book: str) -> None:
    ticket = file(tmp_path, "t.json", TICKET)
    first, second = (json.loads(investigate(ticket, "--playbook", book, "--format", "json")[1]) for _ in range(2))
    assert first["ticket"] == second["ticket"] and first["investigation"] != second["investigation"]
    assert Ticket.objects.count() == 1


def _ended_process() -> int:
    """The id of a process that is over."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.parametrize("left", ["its process is gone", "it is silent", "it was never claimed"])
def test_a_run_left_by_a_killed_command_does_not_block_the_next(tmp_path: Path, book: str, left: str) -> None:
    ticket = file(tmp_path, "t.json", TICKET)
    investigate(ticket, "--playbook", book)
    here, now = socket.gethostname(), timezone.now()
    changes: dict[str, Any] = {
        "its process is gone": {"lease_owner": f"{here}:{_ended_process()}", "heartbeat_at": now},
        "it is silent": {"lease_owner": "another-host:1", "heartbeat_at": now - 2 * SILENCE},
        "it was never claimed": {"lease_owner": "", "heartbeat_at": None, "queued_at": now - 2 * SILENCE},
    }[left]
    Investigation.objects.update(status="running", trigger="command", **changes)
    assert investigate(ticket, "--playbook", book)[0] == 0
    assert sorted(Investigation.objects.values_list("status", flat=True)) == ["cancelled", "done"]


def test_a_command_that_still_works_keeps_its_run(tmp_path: Path, book: str) -> None:
    ticket = file(tmp_path, "t.json", TICKET)
    investigate(ticket, "--playbook", book)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    Investigation.objects.update(status="running", trigger="command", lease_owner=owner, heartbeat_at=timezone.now())
    code, out, err = investigate(ticket, "--playbook", book)
    assert (code, out) == (2, "") and "is still working on TK-48213" in err
    assert Investigation.objects.get().status == "running"


def test_a_run_with_an_unexpected_fault_has_failed_and_nobody_tries_it_again(
    tmp_path: Path, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ArithmeticError("an obvious fault")

    monkeypatch.setattr("investigations.engine.execute.diagnose", broken)
    code, out, err = investigate(file(tmp_path, "t.json", TICKET), "--playbook", book)
    assert (code, out) == (3, "") and "ArithmeticError: an obvious fault" in err
    run = Investigation.objects.get()
    assert run.status == "failed" and "an obvious fault" in run.failure
    assert Ticket.objects.get().status == "classified"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{not json", "is not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"subject": 1}', ""),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_bad_input_ends_with_2_and_one_clear_line(tmp_path: Path, book: str, content: str, says: str) -> None:
    code, out, err = investigate(file(tmp_path, "t.json", content), "--playbook", book, "--format", "json")
    assert (code, out) == (2, "")
    assert err.startswith("investigate: ") and err.count("\n") == 1 and says in err
    assert not Investigation.objects.exists()


def test_what_cannot_be_read_ends_with_2(tmp_path: Path, book: str) -> None:
    ticket = file(tmp_path, "t.json", TICKET)
    (tmp_path / "latin").write_bytes(b'{"subject": "Z\xfcrich"}')
    for arguments, says in (
        ((str(tmp_path / "none.json"),), "cannot be read"),
        ((str(tmp_path),), "cannot be read"),
        ((str(tmp_path / "latin"),), "not UTF-8"),
        ((ticket, "--as-of", "yesterday"), "is not a time"),
        ((ticket, "--playbook", "nonsense"), "no playbook 'nonsense'"),
        ((ticket, "--installation", file(tmp_path, "i.json", {"telemetry": 3})), "not valid"),
        ((ticket, "--installation", file(tmp_path, "i.yaml", "a: [1")), "is not YAML"),
    ):
        code, out, err = investigate(*arguments)
        assert (code, out) == (2, ""), arguments
        assert says in err.splitlines()[-1], err


def test_a_ticket_that_speaks_of_nothing_gets_the_first_look_only(tmp_path: Path) -> None:
    ticket = {**TICKET, "subject": "Hello", "description": "How are you?"}
    code, out, _ = investigate(file(tmp_path, "t.json", ticket), "--format", "json")
    document = json.loads(out)
    assert (code, document["class"], document["route"]["playbook"]) == (0, "other", "triage")
    assert document["candidates"][0]["label"] in ("other.out_of_scope", "inconclusive")


def test_sources_that_fail_are_named_and_the_exit_is_still_0(tmp_path: Path, book: str, upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(status=500))
    code, out, _ = investigate(file(tmp_path, "t.json", TICKET), "--playbook", book, "--format", "json")
    assert (code, json.loads(out)["unavailable"]) == (0, ["beta"])


def test_a_run_that_fails_ends_with_3(tmp_path: Path, book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("obviously broken")

    monkeypatch.setattr("investigations.engine.execute.diagnose", broken)
    code, out, err = investigate(file(tmp_path, "t.json", TICKET), "--playbook", book, "--format", "json")
    assert (code, out) == (3, "") and "obviously broken" in err
