
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('escalations', '0002_linear'),
    ]

    operations = [
        migrations.AddField(
            model_name='escalation',
            name='issue',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='escalations', to='escalations.trackedissue'),
        ),
        migrations.AlterField(
            model_name='escalationevent',
            name='what',
            field=models.CharField(choices=[('sent', 'Sent'), ('joined', 'Another ticket joined'), ('acknowledged', 'Acknowledged'), ('accepted', 'Accepted'), ('started', 'Work began'), ('rejected', 'Returned'), ('asked', 'Waits for an answer'), ('answered', 'Answered'), ('updated', 'Update'), ('severity', 'Severity changed'), ('owner', 'Owner changed'), ('resolved', 'Resolved'), ('reopened', 'Open again'), ('verified', 'Verified with the customer'), ('withdrawn', 'Withdrawn'), ('added', 'Added to the packet'), ('climbed', 'Told further up'), ('warned', 'A window is nearly over'), ('broken', 'A window is over'), ('judged', 'Judged by engineering'), ('issue', 'Linear')], max_length=12),
        ),
    ]
