import altor.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


TRIGGER = """
CREATE FUNCTION altor_rotation_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'versions of rotations are never deleted: they say who was on call' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (to_jsonb(NEW) - 'created_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'created_by_id') THEN
    RAISE EXCEPTION 'a version of a rotation never changes: store a new one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rotation_version_immutable BEFORE UPDATE OR DELETE ON escalations_rotationversion
FOR EACH ROW EXECUTE FUNCTION altor_rotation_version_is_immutable();
"""
UNDO = """
DROP TRIGGER rotation_version_immutable ON escalations_rotationversion;
DROP FUNCTION altor_rotation_version_is_immutable();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("escalations", "0003_escalation_issue"),
        ('altor', '0005_notices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Rotation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('owns', models.CharField(max_length=80)),
                ('zone', models.CharField(default='UTC', max_length=60)),
                ('is_default', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('stamp', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('checked_at', models.DateTimeField(null=True)),
                ('problems_told', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rotations', to='altor.team')),
            ],
            options={
                'ordering': ('-is_default', 'name'),
            },
        ),
        migrations.CreateModel(
            name='ImportedCalendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=40)),
                ('url', altor.fields.EncryptedTextField()),
                ('zone', models.CharField(default='UTC', max_length=60)),
                ('spans', models.JSONField(default=list)),
                ('unmatched', models.JSONField(default=list)),
                ('said', models.JSONField(default=list)),
                ('names', models.JSONField(default=dict)),
                ('etag', models.CharField(blank=True, max_length=200)),
                ('fetched_at', models.DateTimeField(null=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('next_fetch_at', models.DateTimeField(null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendars', to='escalations.rotation')),
            ],
            options={
                'ordering': ('rotation', 'key'),
            },
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lookup', models.CharField(max_length=40, unique=True)),
                ('kind', models.CharField(choices=[('person', 'My shifts'), ('rotation', 'One rotation'), ('team', 'A team')], max_length=8)),
                ('created_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_links', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='altor.team')),
                ('rotation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='links', to='escalations.rotation')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='RotationVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('in_force_from', models.DateTimeField()),
                ('document', models.JSONField()),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('origin', models.CharField(default='editor', max_length=12)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='escalations.rotation')),
            ],
            options={
                'ordering': ('rotation', '-number'),
            },
        ),
        migrations.CreateModel(
            name='ShiftSwap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('asked', 'Asked'), ('accepted', 'Accepted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn'), ('undone', 'Undone')], default='asked', max_length=10)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('seat', models.CharField(max_length=40)),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('return_seat', models.CharField(blank=True, max_length=40)),
                ('return_begins_at', models.DateTimeField(null=True)),
                ('return_ends_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('why', models.CharField(blank=True, max_length=300)),
                ('asked', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='swaps_to_answer', to=settings.AUTH_USER_MODEL)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='swaps_asked', to=settings.AUTH_USER_MODEL)),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='swaps', to='escalations.rotation')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='RotationOverride',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seat', models.CharField(max_length=40)),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('made_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('cancelled_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instead_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='escalations.rotation')),
                ('swap', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='escalations.shiftswap')),
            ],
            options={
                'ordering': ('begins_at', 'pk'),
            },
        ),
        migrations.AddConstraint(
            model_name='rotation',
            constraint=models.UniqueConstraint(condition=models.Q(('is_active', True), ('is_default', True)), fields=('team',), name='rotation_one_default_per_team'),
        ),
        migrations.AddIndex(
            model_name='importedcalendar',
            index=models.Index(fields=['next_fetch_at'], name='calendar_to_fetch'),
        ),
        migrations.AddConstraint(
            model_name='importedcalendar',
            constraint=models.UniqueConstraint(fields=('rotation', 'key'), name='imported_calendar_once'),
        ),
        migrations.AddConstraint(
            model_name='calendarlink',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'person'), ('rotation', None), ('team', None)), models.Q(('kind', 'rotation'), ('rotation__isnull', False), ('team', None)), models.Q(('kind', 'team'), ('rotation', None), ('team__isnull', False)), _connector='OR'), name='calendar_link_of_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='calendarlink',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('owner', 'kind', 'rotation', 'team'), name='calendar_link_one_live', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='rotationversion',
            constraint=models.UniqueConstraint(fields=('rotation', 'number'), name='rotation_version_once'),
        ),
        migrations.AddIndex(
            model_name='shiftswap',
            index=models.Index(condition=models.Q(('status', 'asked')), fields=['asked'], name='swap_to_answer'),
        ),
        migrations.AddConstraint(
            model_name='shiftswap',
            constraint=models.CheckConstraint(condition=models.Q(('begins_at__lt', models.F('ends_at'))), name='swap_has_length'),
        ),
        migrations.AddConstraint(
            model_name='shiftswap',
            constraint=models.CheckConstraint(condition=models.Q(('asked_by', models.F('asked')), _negated=True), name='swap_between_two'),
        ),
        migrations.AddIndex(
            model_name='rotationoverride',
            index=models.Index(fields=['rotation', 'ends_at'], name='override_by_end'),
        ),
        migrations.AddConstraint(
            model_name='rotationoverride',
            constraint=models.CheckConstraint(condition=models.Q(('begins_at__lt', models.F('ends_at'))), name='override_has_length'),
        ),
        migrations.RunSQL(TRIGGER, UNDO),
    ]
