"""The audit log and the phase events are append-only: the database itself refuses to change or delete a row.

One way out, for the retention job: a transaction that sets `altor.erasure` to `on` may delete (not change) rows.
"""

from django.db import migrations, models

_TABLES = ("altor_auditevent", "altor_phaseevent")

_FORWARD = """
CREATE OR REPLACE FUNCTION altor_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('altor.erasure', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
""" + "\n".join(
    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION altor_append_only();"
    for table in _TABLES
)
_BACK = (
    "\n".join(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table};" for table in _TABLES)
    + "\nDROP FUNCTION IF EXISTS altor_append_only();"
)


class Migration(migrations.Migration):
    dependencies = [("altor", "0001_initial")]

    operations = [
        migrations.RunSQL(_FORWARD, _BACK),
        migrations.AddIndex(
            model_name="inboundevent",
            index=models.Index(fields=["result_ref", "occurred_at"], name="inbound_of_ticket"),
        ),
    ]
