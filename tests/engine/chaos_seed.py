"""Fill the installation of the chaos test: `python -m tests.engine.chaos_seed UPSTREAM_URL RUNS`; prints a token."""

from __future__ import annotations

import sys

import django


def main(upstream_url: str, runs: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from altor.roles import PERMISSIONS
    from altor.tokens import create_token
    from investigations.models import Connection
    from investigations.services.runs import start_investigation
    from tests import factories
    from tests.engine.scene import playbook, step
    from tests.engine.sources import NAMES

    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)
    for name in NAMES:
        Connection.objects.create(source=name, name="main", base_url=upstream_url)
    book = playbook(
        step("a"), step("b", "beta"), step("c", "gamma", depends_on=["a"]), step("d", depends_on=["b"]), run_seconds=8
    )
    admin, team = factories.user("chaos", role="admin"), factories.team(is_default=True)
    for _ in range(runs):
        start_investigation(ticket=factories.ticket(in_team=team), playbook_key=book.key)
    _, token = create_token(user=admin, name="chaos", scopes=list(PERMISSIONS))
    sys.stdout.write(token)


#: Every change that ends a run or touches an ended one leaves a line: nothing may happen twice unseen.
_WATCH = """
CREATE TABLE chaos_ends (run_id bigint, status text, attempt int, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION chaos_watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IN ('done', 'failed', 'cancelled') THEN
        INSERT INTO chaos_ends (run_id, status, attempt) VALUES (NEW.id, NEW.status, NEW.attempt);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_watch AFTER UPDATE ON investigations_investigation FOR EACH ROW EXECUTE FUNCTION chaos_watch();
"""

if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], int(sys.argv[2]))
