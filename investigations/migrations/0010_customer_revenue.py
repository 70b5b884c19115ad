"""What a customer pays a month, to tell whom an incident concerns most."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("investigations", "0009_text_model")]

    operations = [
        migrations.AddField(
            model_name="customer", name="mrr_minor", field=models.PositiveBigIntegerField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="customer", name="mrr_currency", field=models.CharField(blank=True, max_length=3)
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("mrr_minor", None), models.Q(("mrr_currency", ""), _negated=True), _connector="OR"),
                name="customer_mrr_has_currency",
            ),
        ),
    ]
