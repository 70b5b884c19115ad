"""Each shipped playbook against upstream servers that are slow, and against each that fails, over real sockets.

The demo's company answers: its GitHub, Linear, Stripe and status pages, and its telemetry in a ClickHouse engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.cache import cache

from altor.demo.parts import DemoSetting
from altor.demo.people import create_people
from altor.demo.telemetry.generator import Telemetry
from altor.demo.telemetry.store import Address, TelemetryStore
from altor.demo.upstreams.server import make_server
from altor.demo.world.build import World
from altor.outbound.state import forget_states
from benchmarks.chain import longest_chain
from investigations.demo import InvestigationsDemo
from investigations.engine.work import work_on
from investigations.models import Investigation
from investigations.services.runs import start_investigation
from investigations.services.tickets import upsert_ticket
from investigations.sources.clickhouse import layout
from tests.demo.conftest import ANCHOR
from tests.playbooks.front import FAULTS, Fronts, fronts
from tests.shipped import playbooks

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ANSWER_S = 0.3
#: The calls of a run that must follow each other; counted at the servers.
LONGEST_CHAIN = 5
#: Nothing is remembered from run to run here: connections, layouts and caches are made anew, on a busy machine.
COLD_S = 0.35
#: What a run may take when a source hangs; the playbooks allow themselves more.
LIMIT_S = 4.0
PLAYBOOKS = playbooks()
ASKED = [
    (key, source)
    for key, playbook in PLAYBOOKS.items()
    for source in sorted({step.source for step in playbook.steps} - {"manual"})
]


@dataclass(frozen=True)
class Company:
    """The demo's company; what is asked of it goes through `fronts`."""

    world: World
    fronts: Fronts
    upstreams: str
    engine: str

    def setting(self) -> DemoSetting:
        return DemoSetting(
            self.world, self.upstreams, self.engine, actor=create_people(), tickets=0, say=lambda _: None
        )

    def investigate(self, key: str, *, limit_s: float | None = None) -> Investigation:
        """A run of the playbook, with nothing remembered from the run before.

        Over the newest ticket of the playbook's class, or of any where the company has none.
        """
        cache.clear()
        forget_states()
        layout.forget()
        past = [item for item in self.world.tickets if item.opened_at and item.truth]
        fitting = [item for item in past if item.truth and item.truth["class"] == PLAYBOOKS[key].incident_class]
        planned = max(fitting or past, key=lambda item: item.opened_at or ANCHOR)
        ticket, _ = upsert_ticket(planned.payload(), helpdesk="generic", connection="harborline", prefix="HD")
        as_of = ticket.opened_at + timedelta(minutes=1)
        run = start_investigation(ticket=ticket, as_of=as_of, playbook_key=key, queue=False)
        work_on(run.pk, limit_s=limit_s)
        return Investigation.objects.get(pk=run.pk)


@pytest.fixture(scope="module")
def company(clickhouse: Any) -> Iterator[Company]:
    world = World(seed=7, anchor=ANCHOR)
    store = TelemetryStore(Address.parse(_in_database(clickhouse.address())))
    store.create(reset=True)
    telemetry = Telemetry(world)
    store.write(*telemetry.between(ANCHOR - timedelta(hours=44), ANCHOR))
    store.write("", telemetry.usage())
    store.close()
    server = make_server(world, clock=lambda: ANCHOR)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    reader = urlsplit(_in_database(clickhouse.reader_address()))
    with fronts(server.server_address[1], reader.port or 0) as before:
        account = reader.netloc.rpartition("@")[0]
        engine = urlunsplit(reader._replace(netloc=f"{account}@127.0.0.1:{before.ports[1]}"))
        yield Company(world, before, f"http://127.0.0.1:{before.ports[0]}", engine)
    server.shutdown()
    server.server_close()


def _in_database(address: str) -> str:
    return urlunsplit(urlsplit(address)._replace(query="database=company"))


@pytest.fixture(autouse=True)
def _connected(company: Company, settings: Any) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    part = InvestigationsDemo()
    part.connect(company.setting())
    part.seed(company.setting())
    company.fronts.behave()
    yield
    company.fronts.behave()
    forget_states()
    layout.forget()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("key", PLAYBOOKS)
def test_a_run_takes_little_longer_than_its_longest_chain_of_calls(
    company: Company, key: str, record_property: Callable[[str, object], None]
) -> None:
    company.investigate(key)  # records the answers
    # On a slow machine the run's own work is more; it is measured beside, with sources that answer at once.
    own = min(company.investigate(key).seconds or 0.0 for _ in range(2))
    company.fronts.behave(ANSWER_S)
    measured = []
    for _ in range(4):
        run = company.investigate(key)
        assert run.status == "done" and run.diagnosis is not None and run.diagnosis["unavailable"] == []
        calls = company.fronts.behave(ANSWER_S)
        measured.append((run.seconds or 0.0, longest_chain(calls), len(calls)))
        # The best counts: other work on the machine can only add.
        seconds, chain, count = min(measured)
        if seconds <= 1.3 * chain * ANSWER_S:
            break
    record_property("chain", f"{key}: {seconds:.2f} s for {count} calls, {chain} one after the other")
    assert chain <= LONGEST_CHAIN, f"{count} calls, {chain} of them one after the other"
    assert seconds <= 1.3 * chain * ANSWER_S + max(COLD_S, own), (measured, own)


@pytest.mark.parametrize(("key", "source"), ASKED)
def test_a_source_that_fails_is_named_and_the_rest_is_kept(company: Company, key: str, source: str) -> None:
    whole = company.investigate(key)
    kept = set(whole.steps.filter(status="done").exclude(source=source).values_list("step_id", flat=True))
    for fault in FAULTS:
        company.fronts.behave(broken=source, fault=fault)
        run = company.investigate(key, limit_s=LIMIT_S)
        assert run.status == "done" and run.diagnosis is not None, fault
        assert run.diagnosis["unavailable"] == [source], fault
        assert (run.seconds or 0) < LIMIT_S + 0.5, fault
        steps = {step.step_id: step for step in run.steps.all()}
        failed = {step.step_id for step in steps.values() if step.source == source and step.status != "skipped"}
        assert failed and all(steps[step_id].status == "unavailable" for step_id in failed), fault
        assert all(steps[step_id].error for step_id in failed), fault
        taken = PLAYBOOKS[run.playbook.key]  # the first look may have chosen another one without this source
        independent = {step_id for step_id in kept & set(steps) if not _needs(taken, step_id) & failed}
        assert all(steps[step_id].status == "done" for step_id in independent), fault


def _needs(playbook: Any, step_id: str) -> set[str]:
    """Steps that this one cannot be asked without."""
    found: set[str] = set()
    for name in playbook.step(step_id).depends_on:
        found |= {name} | _needs(playbook, name)
    return found
