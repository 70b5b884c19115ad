"""The tests' own databases: what a test commits is gone before the next, what belongs to the schema stays."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from altor import events
from altor.models import Membership, PhaseEvent
from tests import databases
from tests import factories as make

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not databases.are_ours(), reason="another server is emptied by Django"),
]


def test_every_row_is_taken_out_but_those_of_the_schema() -> None:
    before = Permission.objects.count()
    make.user(teams=(make.team(),))
    events.record(
        "run.queued", ticket_ref="TK-1", subject_ref="INV-1", at=make.NOON
    )  # the database refuses to delete it
    databases.empty()
    with connection.cursor() as cursor:
        left = set()
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}")')
            if cursor.fetchone()[0]:
                left.add(table)
    assert left == {"django_content_type", "auth_permission"}
    assert Permission.objects.count() == before > 300 and ContentType.objects.exists()


def test_the_database_guards_its_rows_again_afterwards() -> None:
    databases.empty()
    events.record("run.queued", ticket_ref="TK-1", subject_ref="INV-1", at=make.NOON)
    with pytest.raises(Exception, match="append-only"):
        PhaseEvent.objects.all()._raw_delete("default")
    with pytest.raises(Exception, match="foreign key"):
        Membership.objects.create(user_id=1, team_id=1)
