"""The model of the installation's own tickets; it learns again every week."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

_TASK = "investigations.tasks.train_text_model"


def add_schedule(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        func=_TASK,
        defaults={"name": "Train the text model", "schedule_type": "W", "repeats": -1, "next_run": timezone.now()},
    )


def remove_schedule(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(func=_TASK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("investigations", "0008_playbook_drafts"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TextModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField()),
                ("data_version", models.CharField(max_length=64)),
                ("is_better", models.BooleanField()),
                ("why", models.CharField(max_length=500)),
                ("figures", models.JSONField()),
                ("document", models.JSONField(null=True)),
                ("seconds", models.FloatField()),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ("-pk",)},
        ),
        migrations.CreateModel(
            name="TextModelSwitch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_allowed", models.BooleanField(default=True)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("changed_at", models.DateTimeField(null=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="text_model_switch_once")]
            },
        ),
        migrations.RunPython(add_schedule, remove_schedule),
    ]
