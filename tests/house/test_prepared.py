"""Statements that are planned once for each connection."""

from __future__ import annotations

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from altor.prepared import first_row

pytestmark = pytest.mark.django_db
SQL = "SELECT one.number, one.name::text FROM one WHERE one.number = %s"


@pytest.fixture
def _one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE one (number bigint, name varchar(10))")
        cursor.execute("INSERT INTO one VALUES (1, 'first'), (2, 'second')")


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%%FROM one%%'")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.usefixtures("_one")
def test_a_statement_is_planned_once_and_asked_with_other_values() -> None:
    assert [first_row(SQL, [number]) for number in (1, 2, 3)] == [(1, "first"), (2, "second"), None]
    assert len(prepared()) == 1


@pytest.mark.usefixtures("_one")
def test_a_migration_of_a_text_between_two_calls_does_no_harm() -> None:
    assert first_row(SQL, [1]) == (1, "first")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE one ALTER COLUMN name TYPE varchar(80), ADD COLUMN more text")
    assert first_row(SQL, [1]) == (1, "first")


@pytest.mark.usefixtures("_one")
def test_it_counts_as_a_query_and_fails_as_one() -> None:
    for _ in range(2):
        with CaptureQueriesContext(connection) as found:
            first_row(SQL, [1])
        assert [("FROM one" in str(query["sql"])) for query in found] == [True]
    with pytest.raises(ProgrammingError), transaction.atomic():
        first_row("SELECT nothing FROM one", [])
    assert first_row(SQL, [2]) == (2, "second")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_before_a_request_is_made_anew() -> None:
    sql = "SELECT pg_backend_pid() WHERE %s > 0"
    first = first_row(sql, [1])
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", first)
    other.close()
    connection.health_check_done = False  # as at a request's beginning
    second = first_row(sql, [1])
    assert second is not None and second != first


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_within_a_transaction_is_an_error() -> None:
    other = connection.copy()
    with pytest.raises(OperationalError), transaction.atomic():
        first = first_row("SELECT pg_backend_pid() WHERE %s > 0", [1])
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", first)
        other.close()
        connection.health_check_done = False
        first_row("SELECT pg_backend_pid() WHERE %s > 0", [1])
    connection.close()
