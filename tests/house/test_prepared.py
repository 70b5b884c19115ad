"""Statements that are planned once for each connection."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction
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
