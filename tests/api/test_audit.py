"""The audit log and phase events: written with the change, never changed, no forged lines."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory

from altor.audit import client_address, record_event
from altor.events import record
from altor.models import AuditEvent, PhaseEvent
from tests.api.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[AuditEvent, PhaseEvent])
def row(request: pytest.FixtureRequest) -> AuditEvent | PhaseEvent:
    if request.param is AuditEvent:
        return record_event(actor=None, action="test.done")
    record("ticket.received", ticket_ref="TK-1", at=NOW)
    return PhaseEvent.objects.get()


def test_the_database_refuses_changes_and_deletion(row: AuditEvent | PhaseEvent) -> None:
    table = row._meta.db_table
    column = "action" if isinstance(row, AuditEvent) else "kind"
    for statement in (f"UPDATE {table} SET {column} = 'forged'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert type(row)._default_manager.count() == 1


def test_erasure_has_to_be_asked_for_in_its_transaction(row: AuditEvent | PhaseEvent) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL altor.erasure = 'on'")
        cursor.execute(f"DELETE FROM {row._meta.db_table}")
    assert type(row)._default_manager.count() == 0


def test_a_rolled_back_change_leaves_no_event() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        record_event(actor=None, action="test.done")
        raise RuntimeError
    assert not AuditEvent.objects.exists()


def test_control_characters_are_made_visible() -> None:
    event = record_event(actor=None, action="x", object_ref="a\nb", reason="line\r\nforged\x1b[2J\u2028")
    assert event.object_ref == "a\\x0ab"
    assert event.reason == "line\\x0d\\x0aforged\\x1b[2J\\x2028"


@pytest.mark.parametrize(("hops", "expected"), [(0, "10.0.0.9"), (1, "3.3.3.3"), (2, "2.2.2.2"), (9, "10.0.0.9")])
def test_a_forged_forwarded_address_counts_only_behind_trusted_proxies(settings: Any, hops: int, expected: str) -> None:
    settings.TRUSTED_PROXIES = hops
    request = RequestFactory().get(
        "/", headers={"x-forwarded-for": "1.1.1.1, 2.2.2.2, 3.3.3.3"}, REMOTE_ADDR="10.0.0.9"
    )
    assert client_address(request) == expected
