"""A step tried on the spot, through the real source: what it found, what it cost, or why it was refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from altor.models import AuditEvent, User
from altor.outbound.state import forget_states
from investigations.models import (
    Connection,
    Evidence,
    Investigation,
    PlaybookDraft,
    PlaybookVersion,
    StepResult,
    Ticket,
)
from investigations.playbooks.examine import examine
from investigations.services.connections import clickhouse_config
from investigations.services.playbooks import store_version
from investigations.sources.clickhouse import layout
from tests import factories as make
from tests.clickhouse.asking import create_tables, insert, server_span
from tests.clickhouse_fixtures import Database
from tests.loopback import Answer, serving
from tests.playbooks.test_editor import at, save
from tests.playbooks.test_loader import GOOD

pytestmark = pytest.mark.django_db
NOW = timezone.now()
STEP = """\
  - id: later
    title: After the onset
    question: Since then?
    source: clickhouse
    query: SELECT count() AS n FROM requests WHERE ts >= parseDateTimeBestEffort({onset:String})
    params: {onset: speed.onset}
    depends_on: [speed]
"""
TEXT = GOOD.replace("symptom:", f"{STEP}symptom:").replace("facts: {slow", "facts: {onset: \"'x'\", slow")
FAILS = """\
SELECT toStartOfInterval(ts, INTERVAL 10 MINUTE) AS t, countIf(status >= 500) AS failed, count() AS total
  FROM requests
  GROUP BY t ORDER BY t;
"""


@pytest.fixture
def lena() -> User:
    return make.user("lena", role="lead", teams=(make.team(),))


@pytest.fixture
def client(client: Client, lena: User) -> Client:
    client.force_login(lena)
    return client


@pytest.fixture
def telemetry(clickhouse_database: Database, settings: Settings) -> Iterator[Database]:
    """Ten failed and ten fine requests of org_a, five failed ones of org_b, in the last hour."""
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    layout.forget()
    create_tables(clickhouse_database)
    for tenant, status, number in (("org_a", "500", 10), ("org_a", "200", 10), ("org_b", "503", 5)):
        rows = (
            server_span(
                tenant,
                at=NOW - timedelta(minutes=5 + 2 * index),
                attributes={"http.response.status_code": status, "user_agent.original": "agent of noor@example.com"},
            )
            for index in range(number)
        )
        insert(clickhouse_database, "otel_traces", rows)
    at_hand = clickhouse_config(clickhouse_database.reader_url)
    Connection.objects.create(
        source="clickhouse",
        name="main",
        base_url=at_hand.base_url,
        secret=at_hand.secret,
        options=dict(at_hand.options),
    )
    yield clickhouse_database
    forget_states()
    layout.forget()


@pytest.fixture
def begun(client: Client) -> None:
    store_version(GOOD, name="sample.yaml")
    save(client, TEXT)
    make.customer("org_a")


@pytest.fixture
def sample_only() -> None:
    store_version(GOOD, name="sample.yaml")
    make.customer("org_a")


def ask(client: Client, step: str = "speed", about: str = "org_a", **form: object) -> str:
    answer = client.post(at("try"), {"step": step, "about": about, **form}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_step_is_asked_for_a_customer(client, telemetry, begun):
    part = ask(client)
    assert "Rows of the answer" in part and ">10<" in part
    assert "rows read" in part and "As sent" in part and "fence_tenant" in part
    event = AuditEvent.objects.get(action="playbook.step_tried")
    assert event.after == {
        "step": "speed", "source": "clickhouse", "about": "org_a", "fence": "customer", "rows": 1, "error": "",
    }  # fmt: skip


def test_nothing_is_stored_with_the_ticket(client, telemetry, begun, lena):
    ticket = make.ticket(customer=make.customer("org_b"), opened_at=NOW)
    before = (Ticket.objects.get(pk=ticket.pk).updated_at, StepResult.objects.count(), Evidence.objects.count())
    part = ask(client, about=ticket.ref)
    assert ">5<" in part
    assert Investigation.objects.count() == 0
    assert (Ticket.objects.get(pk=ticket.pk).updated_at, StepResult.objects.count(), Evidence.objects.count()) == before


def test_the_verdict_is_shown_with_what_it_reads(client, telemetry, begun):
    save(
        client, TEXT.replace("    result:", '    verdict: {abnormal: "speed.row_count > 0.0"}\n    result:'), revision=1
    )
    part = ask(client)
    assert "Breach" in part and "speed.row_count = 1.0" in part and "<strong>yes</strong>" in part


def test_what_the_guard_refuses_is_said_in_its_words(client, telemetry, begun):
    save(
        client,
        TEXT.replace("FROM requests WHERE status >= {least:UInt16}", "FROM system.users WHERE 1 = {least:UInt16}"),
        revision=1,
    )
    part = ask(client)
    assert "Could not be checked" in part and "system.… is not a view" in part
    assert "not a view" in AuditEvent.objects.get(action="playbook.step_tried").after["error"]


def test_what_the_server_refuses_is_said(client, telemetry, begun):
    save(client, TEXT.replace("count() AS n FROM requests", "nothing_here AS n FROM requests"), revision=1)
    assert "nothing_here" in ask(client) and "Could not be checked" in ask(client)


def test_a_value_of_another_step_is_asked_for(client, telemetry, begun):
    part = ask(client, "later")
    assert "onset" in part and "not known" in part and 'name="value.onset"' in part
    assert not AuditEvent.objects.filter(action="playbook.step_tried").exists()
    start = (NOW - timedelta(minutes=14)).isoformat()
    assert "After the onset" in ask(client, "later", **{"value.onset": start})


def test_values_of_other_steps_come_from_the_tickets_newest_run(client, telemetry, begun):
    ticket = make.ticket(customer=make.customer("org_c"), opened_at=NOW)
    facts = {"onset": (NOW - timedelta(hours=1)).isoformat(), "row_count": 1.0}
    make.step(make.run(ticket, status="done", as_of=NOW), "speed", 1, facts=facts)
    assert "not known" in ask(client, "later", about=ticket.ref)  # a step of that name in another playbook
    run = make.run(ticket, status="done", as_of=NOW, playbook=PlaybookVersion.objects.get(key="sample"))
    make.step(run, "speed", 1, facts=facts)
    part = ask(client, "later", about=ticket.ref)
    assert "After the onset" in part and f"with what {run.ref} found" in part


def test_the_window_can_be_chosen(client, telemetry, begun):
    start, end = NOW - timedelta(hours=9), NOW - timedelta(hours=8)
    part = ask(client, start=f"{start:%Y-%m-%dT%H:%M}", end=f"{end:%Y-%m-%dT%H:%M}")
    assert ">0<" in part
    assert "ends before it begins" in ask(client, start=f"{end:%Y-%m-%dT%H:%M}", end=f"{start:%Y-%m-%dT%H:%M}")
    assert "is no time" in ask(client, start="yesterday")


def test_a_ticket_of_another_team_is_not_found(client, telemetry, begun):
    ticket = make.ticket(in_team=make.team("Elsewhere"), customer=make.customer("org_b"))
    part = ask(client, about=ticket.ref)
    assert "There is no ticket or customer" in part


@pytest.mark.parametrize(("step", "words"), [("nothing", "has no step"), ("speed", "no ticket or customer")])
def test_what_does_not_exist_is_said(client, begun, step, words):
    assert words in ask(client, step, about="org_a" if step == "nothing" else "org_zz")


def test_a_source_that_is_not_connected_is_said(client, begun):
    assert "clickhouse is not connected" in ask(client)


def test_one_query_at_a_time_for_a_person_whatever_the_draft(client, begun, lena):
    soon = timezone.now() + timedelta(seconds=9)
    PlaybookDraft.objects.create(owner=lena, key="other", trying_until=soon, saved_at=timezone.now())
    assert "still being tried" in ask(client)
    PlaybookDraft.objects.filter(key="other").update(owner=make.user("olga", role="lead"))
    assert "clickhouse is not connected" in ask(client)


def test_a_source_that_does_not_answer_is_not_waited_for(client, begun, settings):
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    save(client, TEXT.replace("    result:", "    timeout_s: 0.3\n    result:"), revision=1)
    with serving(lambda asked: Answer(delay_s=20.0)) as upstream:
        make.connection("clickhouse", base_url=upstream.url)
        assert "no answer within" in ask(client)
    assert PlaybookDraft.objects.get().trying_until is None


def test_personal_data_is_taken_out_of_what_is_shown(client, telemetry, begun):
    query = "SELECT any(user_agent) AS agent FROM requests WHERE status >= {least:UInt16}"
    save(client, TEXT.replace("SELECT count() AS n FROM requests WHERE status >= {least:UInt16}", query), revision=1)
    part = ask(client)
    assert "agent of" in part and "noor@example.com" not in part


def test_trying_alone_begins_no_draft(client, sample_only):
    assert "clickhouse is not connected" in ask(client)
    assert not PlaybookDraft.objects.exists()


# ------------------------------------------------------------------------------------------------------ pasted queries
def paste(client: Client, sql: str = FAILS, key: str = "sample", **form: str):
    url = at("step", key) if key else "/playbooks/new/step/"
    return client.post(url, {"sql": sql, "step_id": "failures", "title": "Failures: 5xx", **form}, follow=True)


def test_a_pasted_query_becomes_a_step_with_the_columns_it_gave(client, telemetry, begun):
    page = paste(client, about="org_a")
    assert page.redirect_chain[-1][0].startswith(at("edit") + "#line-")
    text = PlaybookDraft.objects.get().text
    assert (
        "# columns: t DateTime" in text
        and "failed UInt64, total UInt64" in text
        and "# tried: " in text
        and " rows in " in text
        and "org_a" not in text
    )
    assert "change: {method: share_change, time: t, hits: failed, total: total}" in text and "fence: customer" in text
    assert examine(text).playbook is not None, examine(text).problems
    line = int(page.redirect_chain[-1][0].rpartition("-")[2])
    assert text.split("\n")[line - 1] == "  - id: failures"
    assert "After the onset" in text.split("- id: failures")[0]
    assert "Measured facts" in ask(client, "failures")


def test_without_a_ticket_the_step_is_valid_too(client, begun):
    paste(client, sql="select body from logs where status = {code:UInt16} and route = {endpoint:String}")
    found = examine(PlaybookDraft.objects.get().text)
    assert found.problems == () and found.playbook is not None
    assert found.playbook.step("failures").params == {"code": "0.0", "endpoint": "inputs.endpoint"}


def test_it_goes_into_a_new_playbook_and_can_be_undone(client):
    paste(client, key="")
    draft = PlaybookDraft.objects.get()
    assert draft.key == "" and examine(draft.text).playbook is not None and "failures" in draft.text
    client.post("/playbooks/new/undo/")
    assert "id: failures" not in PlaybookDraft.objects.get().text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"sql": "DROP TABLE requests"}, "begins with SELECT"),
        ({"sql": "SELECT * FROM otel_traces"}, "otel_traces is not a view"),
        ({"sql": "SELECT 1; SELECT 2"}, "only one statement"),
        ({"step_id": "Two words"}, "needs a name"),
        ({"step_id": "speed"}, "already a step"),
        ({"about": "org_zz"}, "no ticket or customer"),
    ],
)
def test_a_refused_query_loses_nothing(client, begun, form, words):
    answer = paste(client, **form)
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page
    assert (form.get("sql") or "countIf(status &gt;= 500)") in page and PlaybookDraft.objects.get().text == TEXT


def test_a_file_keeps_its_line_ends_around_the_step(client, begun):
    save(client, "", revision=1)
    PlaybookDraft.objects.update(text=TEXT.replace("\n", "\r\n"))
    paste(client)
    text = PlaybookDraft.objects.get().text
    assert "- id: failures\r\n" in text and "\n" not in text.replace("\r\n", "")
