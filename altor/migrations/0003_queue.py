"""The queue's table has no index but its primary key: one for the claim. And the schedules every installation has."""

from django.db import migrations
from django.utils import timezone

_SCHEDULES = (
    # name, function, type, minutes
    ("Sweep", "altor.tasks.sweep", "I", 1),
    ("Prune results", "altor.tasks.prune_results", "D", None),
)


def add_schedules(apps, schema_editor):
    Schedule = apps.get_model("django_q", "Schedule")
    for name, function, kind, minutes in _SCHEDULES:
        Schedule.objects.get_or_create(
            func=function,
            defaults={"name": name, "schedule_type": kind, "minutes": minutes, "repeats": -1, "next_run": timezone.now()},
        )


def remove_schedules(apps, schema_editor):
    functions = [function for _, function, _, _ in _SCHEDULES]
    apps.get_model("django_q", "Schedule").objects.filter(func__in=functions).delete()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("altor", "0002_append_only"), ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS altor_ormq_key_lock ON django_q_ormq (key, lock)",
            "DROP INDEX CONCURRENTLY IF EXISTS altor_ormq_key_lock",
        ),
        migrations.RunPython(add_schedules, remove_schedules),
    ]
