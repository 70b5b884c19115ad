"""Steps of a cancelled run that had not ended are `cancelled`. They were stored as `skipped`, which opened gates."""

from django.db import migrations, models

_RESULT = "The run was cancelled"


def tell_apart(apps, schema_editor):
    steps = apps.get_model("investigations", "StepResult").objects.filter(investigation__status="cancelled")
    steps.filter(status="skipped", result=_RESULT).update(status="cancelled")
    steps.filter(status="asked").update(status="cancelled", result=_RESULT)


def back(apps, schema_editor):
    apps.get_model("investigations", "StepResult").objects.filter(status="cancelled").update(status="skipped")


class Migration(migrations.Migration):
    dependencies = [("investigations", "0003_route")]

    operations = [
        migrations.AlterField(
            model_name="stepresult",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("skipped", "Skipped"),
                    ("unavailable", "Could not be checked"),
                    ("asked", "Waiting for an answer"),
                    ("cancelled", "Cancelled"),
                ],
                default="waiting",
                max_length=12,
            ),
        ),
        migrations.RunPython(tell_apart, back),
    ]
