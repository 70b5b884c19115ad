import django.db.models.deletion
import escalations.clocks.clock
from django.conf import settings
from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION altor_sla_policy_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'versions of SLA policies are never deleted: clocks refer to them' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (to_jsonb(NEW) - 'is_active' - 'created_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active' - 'created_by_id') THEN
    RAISE EXCEPTION 'a version of an SLA policy never changes: store a new one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sla_policy_version_immutable BEFORE UPDATE OR DELETE ON escalations_slapolicyversion
FOR EACH ROW EXECUTE FUNCTION altor_sla_policy_version_is_immutable();
CREATE FUNCTION altor_ticket_clock_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'events of clocks never change: void one by another' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ticket_clock_event_append_only BEFORE UPDATE ON escalations_ticketclockevent
FOR EACH ROW EXECUTE FUNCTION altor_ticket_clock_event_is_append_only();
"""
UNDO = """
DROP TRIGGER sla_policy_version_immutable ON escalations_slapolicyversion;
DROP FUNCTION altor_sla_policy_version_is_immutable();
DROP TRIGGER ticket_clock_event_append_only ON escalations_ticketclockevent;
DROP FUNCTION altor_ticket_clock_event_is_append_only();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("escalations", "0004_oncall"),
        ('altor', '0005_notices'),
        ('investigations', '0015_customer_renews_on'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TicketClockWork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ticket_ref', models.CharField(max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name='SlaPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=60, unique=True)),
                ('title', models.CharField(max_length=120)),
                ('tier', models.CharField(blank=True, max_length=40)),
                ('incident_class', models.CharField(blank=True, max_length=20)),
                ('priority', models.CharField(blank=True, max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'SLA policies',
                'ordering': ('tier', 'incident_class', 'priority'),
                'constraints': [models.UniqueConstraint(fields=('tier', 'incident_class', 'priority'), name='sla_policy_one_per_case')],
            },
        ),
        migrations.CreateModel(
            name='SlaPolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('document', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('is_active', models.BooleanField(default=False)),
                ('origin', models.CharField(default='editor', max_length=12)),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='escalations.slapolicy')),
            ],
            options={
                'ordering': ('policy', '-number'),
            },
        ),
        migrations.CreateModel(
            name='TeamQueue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='queues', to=settings.AUTH_USER_MODEL)),
                ('team', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='queue', to='altor.team')),
            ],
        ),
        migrations.CreateModel(
            name='TicketClock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('first_reply', 'First reply'), ('next_reply', 'Next reply'), ('resolution', 'Resolution')], max_length=12)),
                ('number', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('idle', 'idle'), ('running', 'running'), ('paused', 'paused'), ('fulfilled', 'fulfilled'), ('cancelled', 'cancelled')], default=escalations.clocks.clock.State['IDLE'], max_length=10)),
                ('pause', models.CharField(blank=True, max_length=20)),
                ('target_s', models.PositiveIntegerField(null=True)),
                ('elapsed_s', models.PositiveBigIntegerField(default=0)),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('broken_at', models.DateTimeField(null=True)),
                ('warned_at', models.DateTimeField(null=True)),
                ('last_called_at', models.DateTimeField(null=True)),
                ('breach_told_at', models.DateTimeField(null=True)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clocks', to='investigations.ticket')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clocks', to='escalations.slapolicyversion')),
            ],
            options={
                'ordering': ('ticket', 'kind', 'number'),
            },
        ),
        migrations.CreateModel(
            name='TicketClockEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('place', models.PositiveIntegerField(default=0)),
                ('what', models.CharField(max_length=10)),
                ('reason', models.CharField(blank=True, max_length=20)),
                ('cause', models.CharField(max_length=40)),
                ('cause_key', models.CharField(blank=True, max_length=160)),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('clock', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='escalations.ticketclock')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='escalations.slapolicyversion')),
                ('voids', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='voided_by', to='escalations.ticketclockevent')),
            ],
            options={
                'ordering': ('at', 'place', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='TicketStanding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_at', models.DateTimeField(null=True)),
                ('due_kind', models.CharField(blank=True, max_length=12)),
                ('is_broken', models.BooleanField(default=False)),
                ('waiting', models.CharField(blank=True, max_length=10)),
                ('check_at', models.DateTimeField(null=True)),
                ('owner_since', models.DateTimeField(null=True)),
                ('unowned_since', models.DateTimeField(null=True)),
                ('unowned_s', models.PositiveBigIntegerField(default=0)),
                ('unowned_told', models.DateTimeField(null=True)),
                ('owner_changes', models.PositiveIntegerField(default=0)),
                ('circles', models.PositiveIntegerField(default=0)),
                ('circles_told', models.PositiveIntegerField(default=0)),
                ('pins', models.JSONField(default=dict)),
                ('read_at', models.DateTimeField()),
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='standing', to='investigations.ticket')),
            ],
        ),
        migrations.AddConstraint(
            model_name='slapolicyversion',
            constraint=models.UniqueConstraint(fields=('policy', 'number'), name='sla_policy_version_once'),
        ),
        migrations.AddConstraint(
            model_name='slapolicyversion',
            constraint=models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('policy',), name='sla_policy_one_active_version'),
        ),
        migrations.AddIndex(
            model_name='ticketclock',
            index=models.Index(condition=models.Q(('broken_at__isnull', False)), fields=['broken_at'], name='ticket_clock_broken'),
        ),
        migrations.AddConstraint(
            model_name='ticketclock',
            constraint=models.UniqueConstraint(fields=('ticket', 'kind', 'number'), name='ticket_clock_once'),
        ),
        migrations.AddIndex(
            model_name='ticketclockevent',
            index=models.Index(fields=['clock', 'at'], name='escalations_clock_i_5d9e8f_idx'),
        ),
        migrations.AddIndex(
            model_name='ticketstanding',
            index=models.Index(condition=models.Q(('check_at__isnull', False)), fields=['check_at'], name='standing_to_check'),
        ),
        migrations.AddIndex(
            model_name='ticketstanding',
            index=models.Index(fields=['due_at'], name='standing_due'),
        ),
        migrations.RunSQL(TRIGGERS, UNDO),
    ]
