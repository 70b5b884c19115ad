from django.db import migrations

TRIGGER = """
CREATE FUNCTION altor_playbook_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'playbook versions are never deleted: runs refer to them' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (to_jsonb(NEW) - 'is_active' - 'created_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active' - 'created_by_id') THEN
    RAISE EXCEPTION 'a playbook version never changes: store a new one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER playbook_version_immutable BEFORE UPDATE OR DELETE ON investigations_playbookversion
FOR EACH ROW EXECUTE FUNCTION altor_playbook_version_is_immutable();
"""
UNDO = """
DROP TRIGGER playbook_version_immutable ON investigations_playbookversion;
DROP FUNCTION altor_playbook_version_is_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("investigations", "0001_initial")]
    operations = [migrations.RunSQL(TRIGGER, UNDO)]
