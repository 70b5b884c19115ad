
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('altor', '0005_notices'),
    ]

    operations = [
        migrations.AddField(
            model_name='inboundevent',
            name='queue_entry',
            field=models.BigIntegerField(null=True),
        ),
    ]
