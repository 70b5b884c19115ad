"""Packets of the demo company's incidents, investigated over sockets, against what its generator knows.

Whatever the truth names (the culprit's id, where it happens) and the kinds of evidence that its cause asks for must
stand in the packet and in its Markdown; the detection query must run as it is pasted.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jsonschema
import pytest
from django.core.cache import cache

from altor.demo.parts import DemoSetting
from altor.demo.people import create_people
from altor.demo.telemetry.generator import Telemetry
from altor.demo.telemetry.store import Address, TelemetryStore
from altor.demo.upstreams.server import make_server
from altor.demo.world.build import World
from altor.demo.world.tickets import PlannedTicket
from altor.embedded.clickhouse import statement
from altor.outbound.state import forget_states
from escalations.packets.markdown import markdown
from escalations.packets.preview import preview
from escalations.packets.schema import schema_document
from investigations.demo import InvestigationsDemo
from investigations.engine.work import work_on
from investigations.models import Investigation
from investigations.services.runs import start_investigation
from investigations.services.tickets import upsert_ticket
from investigations.sources.clickhouse import layout
from tests.demo.conftest import ANCHOR

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
#: Label -> kinds of evidence without which nobody could act on it.
REQUIRED = {
    "lat.payload_growth": {"latency_p95", "request_size"},
    "lat.deploy_route": {"latency_p95", "by_route", "deployment"},
    "wh.tls_expired": {"webhook_success_rate", "webhook_error"},
    "wh.consumer_timeout": {"webhook_success_rate", "webhook_error"},
    "wh.endpoint_5xx": {"webhook_success_rate", "webhook_error"},
    "wh.auth_after_rotation": {"webhook_success_rate", "webhook_error", "audit_log"},
    "rl.leaked_key": {"status_429_share", "new_client_ips"},
    "rl.retry_storm": {"status_429_share", "retry_share"},
    "rl.customer_burst": {"status_429_share", "request_rate"},
    "bill.payment_failed": {"invoice"},
    "bill.duplicate_charge": {"charge"},
    "none.no_anomaly": set(),
}
#: Telemetry is made for so long; the tickets of the last hours have the whole of their window in it.
HOURS, TICKETS_H = 44, 14
#: Labels of which a ticket must be diagnosed rightly, or the test says little.
LEAST = 9


@dataclass(frozen=True)
class Company:
    world: World
    upstreams: str
    engine: str

    def setting(self) -> DemoSetting:
        return DemoSetting(
            self.world, self.upstreams, self.engine, actor=create_people(), tickets=0, say=lambda _: None
        )

    def tickets(self) -> Iterator[PlannedTicket]:
        """The newest of each label."""
        seen = set()
        for planned in sorted(self.world.tickets, key=lambda one: one.opened_at or ANCHOR, reverse=True):
            if planned.truth is None or planned.opened_at is None or planned.truth["label"] in seen:
                continue
            if planned.opened_at >= ANCHOR - timedelta(hours=TICKETS_H):
                seen.add(planned.truth["label"])
                yield planned

    def investigate(self, planned: PlannedTicket) -> Investigation:
        ticket, _ = upsert_ticket(planned.payload(), helpdesk="generic", connection="harborline", prefix="HD")
        run = start_investigation(ticket=ticket, as_of=ticket.opened_at + timedelta(minutes=1), queue=False)
        work_on(run.pk)
        return Investigation.objects.with_context().get(pk=run.pk)


@pytest.fixture(scope="module")
def company(clickhouse: Any) -> Iterator[Company]:
    def of_company(address: str) -> str:
        return urlunsplit(urlsplit(address)._replace(query="database=packets"))

    world = World(seed=7, anchor=ANCHOR)
    store = TelemetryStore(Address.parse(of_company(clickhouse.address())))
    store.create(reset=True)
    telemetry = Telemetry(world)
    store.write(*telemetry.between(ANCHOR - timedelta(hours=HOURS), ANCHOR))
    store.write("", telemetry.usage())
    store.close()
    server = make_server(world, clock=lambda: ANCHOR)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield Company(world, f"http://127.0.0.1:{server.server_address[1]}", of_company(clickhouse.reader_address()))
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _connected(company: Company, settings: Any) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    forget_states()
    layout.forget()
    part = InvestigationsDemo()
    part.connect(company.setting())
    part.seed(company.setting())
    yield
    forget_states()
    layout.forget()


def test_every_packet_holds_what_its_truth_asks_for(company: Company) -> None:
    schema, told = schema_document(), []
    for planned in company.tickets():
        truth = planned.truth or {}
        run = company.investigate(planned)
        packet = preview(run, user=None, now=run.as_of).as_dict()
        jsonschema.validate(packet, schema)
        assert len([part for part in re.split(r"(?<=[.!?])\s+", packet["summary"]) if part]) <= 3, packet["summary"]
        assert str(planned.payload()["requester"]["email"]) not in json.dumps(packet)
        if run.top_label not in truth["acceptable"]:
            continue
        told.append(truth["label"])
        wrong = missing(packet, truth)
        assert not wrong, (truth["label"], wrong)
        assert_it_can_be_run(company, packet)
    assert len(told) >= LEAST, told


def missing(packet: dict[str, Any], truth: dict[str, Any]) -> list[str]:
    """What the truth asks for and the packet, or its Markdown, does not hold."""
    text = re.sub(r"[\\\u2060]", "", markdown(packet))
    found = []
    for kind in REQUIRED[truth["label"]]:
        items = [one for one in packet["evidence"] if one["kind"] == kind]
        if not any(f"[{one['ref_id']}](" in text and one["summary"][:50] in text for one in items):
            found.append(f"no evidence {kind}")
    ids = truth["culprit"]["any_of"]
    refs = json.dumps([one["ref"] for one in packet["evidence"]])
    if ids and not any(name in refs for name in ids):
        found.append(f"no evidence of {ids}")
    if ids and not any(name[:7] in text for name in ids):
        found.append(f"the Markdown names none of {ids}")
    scope = truth["scope"]
    if scope["value"] and scope["value"] not in text:
        found.append(f"the scope {scope} is not told")
    if truth["label"].startswith("none.") and packet["impact"]["customers"]:
        found.append(f"somebody is called affected: {packet['impact']['says']}, {packet['cause']}")
    return found


def assert_it_can_be_run(company: Company, packet: dict[str, Any]) -> None:
    """As an engineer would paste it, with an account that can only read."""
    detection = packet["reproduction"]["detection"]
    if detection is not None:
        assert "{" not in detection["sql"], "a parameter is left"
        assert statement(company.engine, detection["sql"]).strip(), packet["title"]
