"""A ticket with a diagnosis, people of each role, the shipped templates, and a helpdesk on a loopback socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from altor.models import InboundEndpoint, Team, User
from investigations.models import Customer, HelpdeskConnection, Investigation, Ticket
from tests import factories as make
from tests.shipped import reply_templates


@dataclass
class Desk:
    """What the helpdesk was sent, and how it answers: `fails` holds statuses for the next requests to reply."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fails: list[int] = field(default_factory=list)
    loses_answer: bool = False  # the next reply is taken, and its answer is lost

    def take(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        if request.method == "GET":
            return self._ticket()
        if self.fails:
            return Response("{}", self.fails.pop(0), content_type="application/json")
        body = request.get_json()
        self.messages.append({**body, "id": f"m{len(self.messages) + 1}"})
        if self.loses_answer:
            self.loses_answer = False
            return Response("bad gateway", 502)
        return _json({"id": self.messages[-1]["id"]})

    def _ticket(self) -> Response:
        listed = [
            {
                "id": one["id"], "text": one["text"], "is_public": True, "at": timezone.now().isoformat(),
                "author": {"kind": "agent", "name": "Priya"},
            }
            for one in self.messages
        ]  # fmt: skip
        return _json({"id": "900", "subject": "429", "updated_at": timezone.now().isoformat(), "messages": listed})


def _json(data: Any) -> Response:
    return Response(json.dumps(data), content_type="application/json")


@dataclass
class Case:
    team: Team
    agent: User
    lead: User
    engineer: User
    read_only: User
    outsider: User
    customer: Customer
    ticket: Ticket
    run: Investigation

    @property
    def people(self) -> dict[str, User]:
        return {
            "agent": self.agent, "lead": self.lead, "engineer": self.engineer, "read_only": self.read_only,
            "outsider": self.outsider,
        }  # fmt: skip


@pytest.fixture
def case(db: None) -> Case:
    reply_templates()
    support, other = make.team("Support", is_default=True), make.team("Elsewhere")
    who = make.customer("org_0042", name="Northwind Freight")
    make.customer("org_0077", name="Contoso Chemicals", domains=["contoso.example"])
    ticket = make.ticket(
        in_team=support, customer=who, status="diagnosed", helpdesk="generic", connection="main", external_id="900",
        requester_name="Noor Example", requester_email="noor@northwind.example",
    )  # fmt: skip
    return Case(
        team=support,
        agent=make.user("priya", teams=(support,), first_name="Priya", last_name="Nair"),
        lead=make.user("lena", role="lead", teams=(support,), first_name="Lena", last_name="Lead"),
        engineer=make.user("eric", role="engineer", teams=(support,)),
        read_only=make.user("rosa", role="read_only", teams=(support,)),
        outsider=make.user("otto", teams=(other,)),
        customer=who,
        ticket=ticket,
        run=make.finished_run(ticket),
    )


@pytest.fixture
def desk(case: Case, httpserver: HTTPServer) -> Desk:
    """The ticket's helpdesk, which Altor may send replies to."""
    found = Desk(httpserver.url_for(""))
    httpserver.expect_request("/tickets/900").respond_with_handler(found.take)
    httpserver.expect_request("/tickets/900/replies").respond_with_handler(found.take)
    endpoint = InboundEndpoint.objects.create(source="generic", connection="main", title="Main")
    HelpdeskConnection.objects.create(
        endpoint=endpoint, base_url=found.url, secret="obviously-fake-token", sends_replies=True,
        options={"replies_path": "tickets/{id}/replies"},
    )  # fmt: skip
    return found
