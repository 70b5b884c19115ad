from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("investigations", "0014_closures")]

    operations = [
        migrations.AddField(
            model_name="customer", name="renews_on", field=models.DateField(blank=True, null=True)
        ),
    ]
