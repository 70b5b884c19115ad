"""Nothing goes past its contract, by any door; and a crowd at the doors makes one escalation and one issue."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from altor.models import InboundEndpoint
from altor.roles import PERMISSIONS, role_may
from altor.tokens import create_token
from escalations.lifecycle.sending import AlreadyEscalated, Wish, send
from escalations.linear import working
from escalations.models import Escalation, TrackedIssue
from investigations.models import HelpdeskConnection
from investigations.services.automatic import consider
from investigations.widget.tokens import Voucher, new_token, write_token
from tests import factories as make
from tests.escalations.linear_scene import connect
from tests.escalations.peers.linear import LinearPeer
from tests.escalations.test_linear_filing import retried
from tests.helpdesks.scene import endpoint, event, take


def incomplete(**values: Any) -> Any:
    """A run whose diagnosis asks for an escalation, of a ticket whose customer nobody knows."""
    return make.finished_run(make.ticket(**values))


def client_of(user: Any) -> APIClient:
    scopes = [name for name in PERMISSIONS if role_may(user.role, name)]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_token(user=user, name='t', scopes=scopes)[1]}")
    return client


# Each door gives (was it refused, did it name the gap).
def by_page(run: Any, user: Any) -> tuple[bool, bool]:
    client = Client()
    client.force_login(user)
    answer = client.post(reverse("escalations:escalate", args=[run.ticket.ref]), {"action": "send"})
    return answer.status_code == 422, "The customer, with its id" in answer.content.decode()


def by_page_with_forged_fields(run: Any, user: Any) -> tuple[bool, bool]:
    """What a page does not offer is not taken from it either."""
    client = Client()
    client.force_login(user)
    forged = {
        "action": "override",
        "override_reason": "",
        "completeness": "evidence",
        "item-symptom": "x",
        "joins": "1",
    }
    answer = client.post(reverse("escalations:escalate", args=[run.ticket.ref]), forged)
    return answer.status_code == 422, "The customer, with its id" in answer.content.decode()


def by_rest(run: Any, user: Any) -> tuple[bool, bool]:
    answer = client_of(user).post(f"/api/v1/investigations/{run.ref}/escalations/", {}, format="json")
    named = [item["id"] for item in answer.json().get("missing", [])]
    return answer.status_code == 409 and answer.json()["code"] == "contract_unmet", named == ["customer"]


def by_rest_provisionally(run: Any, user: Any) -> tuple[bool, bool]:
    body = {"provisional": True}
    answer = client_of(user).post(f"/api/v1/investigations/{run.ref}/escalations/", body, format="json")
    return answer.status_code == 409, "customer" in json.dumps(answer.json())


def by_sidebar(run: Any, user: Any) -> tuple[bool, bool]:
    endpoint, _ = InboundEndpoint.objects.get_or_create(source="generic", connection="desk")
    row, _ = HelpdeskConnection.objects.get_or_create(endpoint=endpoint, origins=["https://desk.example"])
    run.ticket.connection = "desk"
    run.ticket.save()
    now = timezone.now()
    token = new_token(row, voucher=Voucher.PAIRED, ticket=run.ticket.external_id, user=user, now=now)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Widget {write_token(token)}")
    answer = client.post(f"/api/v1/widget/generic/{run.ticket.external_id}/escalate/", {}, format="json")
    return answer.status_code == 409, "customer" in answer.content.decode()


def by_command(run: Any, user: Any) -> tuple[bool, bool]:
    try:
        call_command("escalate", run.ref, "--as", user.username, stdout=StringIO(), stderr=StringIO())
    except CommandError as refused:
        return True, "The customer, with its id" in str(refused)
    return False, False


def by_admin(run: Any, user: Any) -> tuple[bool, bool]:
    """The admin shows escalations and makes none."""
    admin = make.user(role="admin")
    client = Client()
    client.force_login(admin)
    answers = [
        client.get("/admin/escalations/escalation/add/").status_code,
        client.post("/admin/escalations/escalation/add/", {"ticket": run.ticket.pk}).status_code,
    ]
    return set(answers) <= {403, 404}, True


def by_a_file(run: Any, user: Any) -> tuple[bool, bool]:
    """A file supplies only what asks for one."""
    client, log = client_of(user), SimpleUploadedFile("customer.log", b"org_0042", "text/plain")
    address = f"/api/v1/tickets/{run.ticket.ref}/attachments/"
    attached = client.post(address, {"item": "customer", "file": log}, format="multipart").status_code
    refused, named = by_rest(run, user)
    return attached == 404 and refused, named


def by_an_incident(run: Any, user: Any) -> tuple[bool, bool]:
    """Whoever declares one escalates nothing, and what it knows of customers answers nothing here."""
    make.customer("org_0042")
    lead = make.user("lea", role="lead", teams=(run.ticket.team,))
    body = {"ticket": run.ticket.ref, "severity": "SEV1", "title": "Orders are refused", "note": "All of them."}
    declared = client_of(lead).post("/api/v1/incidents/", body, format="json")
    refused, named = by_rest(run, user)
    return declared.status_code == 201 and refused, named


def by_helpdesk(run: Any, user: Any) -> tuple[bool, bool]:
    """An event of the helpdesk: urgent, tagged, assigned to an engineer, in words that ask for it."""
    engineer = make.user("eli", role="engineer", teams=(run.ticket.team,))
    desk = endpoint()
    said = {
        "priority": "urgent", "tags": ["escalated", "sev1", "engineering"], "subject": "ESCALATE to engineering NOW",
        "status": "escalated", "assignee": {"id": "9", "email": engineer.email},
    }  # fmt: skip
    ticket = take(desk, event("ticket.created", description=run.ticket.description, **said), event(minutes=1, **said))
    consider(ticket)
    return by_rest(run, user)


DOORS = (
    by_page, by_page_with_forged_fields, by_rest, by_rest_provisionally, by_sidebar, by_command, by_admin, by_a_file,
    by_an_incident, by_helpdesk,
)  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_door_lets_an_incomplete_escalation_through(door: Any) -> None:
    agent = make.user("mina", teams=(make.team(),))
    assert door(incomplete(), agent) == (True, True)
    assert not Escalation.objects.exists()


@pytest.mark.django_db
def test_every_address_that_makes_escalations_is_among_the_doors() -> None:
    """One place calls `send`, and everything that calls that place is walked above."""
    import re
    from pathlib import Path

    root = Path(__file__).parents[2]
    apps = [root / name for name in ("altor", "investigations", "escalations", "knowledge", "metrics")]
    makes = {
        str(file.relative_to(root))
        for app in apps
        for file in app.rglob("*.py")
        if "migrations" not in file.parts
        and re.search(
            r"\bEscalation\.objects\.(create|bulk_create|get_or_create|update_or_create)|\bEscalation\(\n",
            file.read_text(),
        )
    }
    assert makes == {"escalations/lifecycle/sending.py"}
    calls = {
        str(file.relative_to(root))
        for app in apps
        for file in app.rglob("*.py")
        if "from escalations.lifecycle.sending import" in file.read_text()
    }
    assert calls == {
        "escalations/views/escalate.py", "escalations/api/escalate.py", "escalations/api/widget.py",
        "escalations/management/commands/escalate.py",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_thousand_that_escalate_at_once_make_one_escalation_and_one_issue(peer: LinearPeer, settings: Any) -> None:
    settings.ISSUE_CHANGED = ["escalations.lifecycle.upstream.issue_changed"]
    connect(peer)
    for point in ("written", "mid_answer", "unwritten", "timeout"):
        peer.lose("AltorFileIssue", point)
    agent = make.user("mina", teams=(make.team(),))
    runs = [make.finished_run(make.ticket(customer=make.customer())) for _ in range(40)]

    def call(number: int) -> int:
        try:
            wish = Wish(joins=number % 3 == 0)
            try:
                sent, _ = send(runs[number % len(runs)], wish, actor=agent, now=timezone.now())
            except AlreadyEscalated as refused:
                assert refused.extra["escalation"].startswith("ESC-")
                return 0
            if number % 7 == 0 and sent.issue_id is not None:
                working.file(sent.issue_id)
            return sent.pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(call, range(1000))) - {0}
    assert len(made) == 1
    escalation = Escalation.objects.get()
    assert escalation.history.filter(what="sent").count() == 1
    assert escalation.links.count() == escalation.history.filter(what="joined").count() + 1 > 10
    retried(TrackedIssue.objects.get(), tries=40)
    assert peer.workspace.writes.count("issueCreate") == 1
    assert len(peer.workspace.issues) == 1
    assert len(peer.workspace.attachments) == escalation.links.count()
