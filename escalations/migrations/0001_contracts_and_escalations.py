import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


TRIGGERS = """
CREATE FUNCTION altor_contract_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'versions of contracts are never deleted: escalations refer to them' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (to_jsonb(NEW) - 'is_active' - 'created_by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'is_active' - 'created_by_id') THEN
    RAISE EXCEPTION 'a version of a contract never changes: store a new one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER contract_version_immutable BEFORE UPDATE OR DELETE ON escalations_contractversion
FOR EACH ROW EXECUTE FUNCTION altor_contract_version_is_immutable();
CREATE FUNCTION altor_escalation_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Texts may be emptied when a customer's data is erased; what happened, and when, stays.
  IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'text' - 'by_id') IS DISTINCT FROM (to_jsonb(OLD) - 'text' - 'by_id') THEN
    RAISE EXCEPTION 'the history of an escalation is append-only' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER escalation_event_append_only BEFORE UPDATE OR DELETE ON escalations_escalationevent
FOR EACH ROW EXECUTE FUNCTION altor_escalation_event_is_append_only();
"""
UNDO = """
DROP TRIGGER escalation_event_append_only ON escalations_escalationevent;
DROP FUNCTION altor_escalation_event_is_append_only();
DROP TRIGGER contract_version_immutable ON escalations_contractversion;
DROP FUNCTION altor_contract_version_is_immutable();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('altor', '0006_inbound_queue_entry'),
        ('investigations', '0014_closures'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Contract',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=60, unique=True)),
                ('title', models.CharField(max_length=120)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('key',),
            },
        ),
        migrations.CreateModel(
            name='ContractVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('source_yaml', models.TextField()),
                ('document', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('is_active', models.BooleanField(default=False)),
                ('origin', models.CharField(default='editor', max_length=12)),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('contract', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='escalations.contract')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('contract', '-number'),
            },
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(max_length=200)),
                ('title', models.CharField(max_length=300)),
                ('severity', models.CharField(max_length=4)),
                ('proposed_severity', models.CharField(blank=True, max_length=4)),
                ('severity_why', models.TextField(blank=True)),
                ('status', models.CharField(choices=[('sent', 'Sent'), ('acknowledged', 'Acknowledged'), ('accepted', 'Accepted'), ('in_progress', 'In progress'), ('resolved', 'Resolved'), ('verified', 'Verified with the customer'), ('rejected', 'Returned'), ('withdrawn', 'Withdrawn')], default='sent', max_length=12)),
                ('completeness', models.CharField(choices=[('evidence', 'Complete by evidence'), ('answers', 'Complete with answers'), ('tried', 'Complete but for sources that were down'), ('provisional', 'Sent provisionally'), ('overridden', 'Sent past its contract')], max_length=12)),
                ('checklist', models.JSONField(default=list)),
                ('override_reason', models.TextField(blank=True)),
                ('note', models.TextField(blank=True)),
                ('packet', models.JSONField(default=dict)),
                ('token', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('link_nonce', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('rejection', models.CharField(blank=True, choices=[('missing_evidence', 'Evidence is missing'), ('wrong_owner', 'Not ours: wrong owner'), ('not_a_bug', 'Not a bug'), ('duplicate', 'Duplicate'), ('avoidable', 'Support could have resolved it')], max_length=16)),
                ('sent_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('acknowledge_by', models.DateTimeField(null=True)),
                ('update_by', models.DateTimeField(null=True)),
                ('resolve_by', models.DateTimeField(null=True)),
                ('is_broken', models.BooleanField(default=False)),
                ('waits_for', models.CharField(blank=True, max_length=8)),
                ('next_look_at', models.DateTimeField(null=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner_person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner_team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='altor.team')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='investigations.investigation')),
                ('sent_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='investigations.ticket')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='escalations.contractversion')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='EscalationDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('severity', models.CharField(blank=True, max_length=4)),
                ('severity_why', models.TextField(blank=True)),
                ('note', models.TextField(blank=True)),
                ('token', models.UUIDField(default=uuid.uuid4)),
                ('saved_at', models.DateTimeField()),
                ('saved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='escalation_draft', to='investigations.ticket')),
            ],
        ),
        migrations.CreateModel(
            name='EscalationEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('sent', 'Sent'), ('joined', 'Another ticket joined'), ('acknowledged', 'Acknowledged'), ('accepted', 'Accepted'), ('started', 'Work began'), ('rejected', 'Returned'), ('asked', 'Waits for an answer'), ('answered', 'Answered'), ('updated', 'Update'), ('severity', 'Severity changed'), ('owner', 'Owner changed'), ('resolved', 'Resolved'), ('reopened', 'Open again'), ('verified', 'Verified with the customer'), ('withdrawn', 'Withdrawn'), ('added', 'Added to the packet'), ('climbed', 'Told further up'), ('warned', 'A window is nearly over'), ('broken', 'A window is over'), ('judged', 'Judged by engineering')], max_length=12)),
                ('at', models.DateTimeField()),
                ('via', models.CharField(default='page', max_length=12)),
                ('text', models.TextField(blank=True)),
                ('data', models.JSONField(default=dict)),
                ('key', models.CharField(max_length=120, unique=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('escalation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='history', to='escalations.escalation')),
            ],
            options={
                'ordering': ('at', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='EscalationTicket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('linked_at', models.DateTimeField()),
                ('escalation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='escalations.escalation')),
                ('linked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='investigations.investigation')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalation_links', to='investigations.ticket')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='GapTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=60)),
                ('title', models.CharField(max_length=200)),
                ('due_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('late_at', models.DateTimeField(null=True)),
                ('escalation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gaps', to='escalations.escalation')),
            ],
            options={
                'ordering': ('due_at', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_complete', models.BooleanField()),
                ('was_avoidable', models.BooleanField()),
                ('comment', models.TextField(blank=True)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('escalation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='escalations.escalation')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='ChecklistAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=60)),
                ('text', models.TextField()),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checklist_answers', to='investigations.ticket')),
            ],
            options={
                'ordering': ('pk',),
                'indexes': [models.Index(fields=['ticket', 'item', '-id'], name='checklist_answer_newest')],
            },
        ),
        migrations.AddConstraint(
            model_name='contractversion',
            constraint=models.UniqueConstraint(fields=('contract', 'number'), name='contract_version_once'),
        ),
        migrations.AddConstraint(
            model_name='contractversion',
            constraint=models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('contract',), name='contract_one_active_version'),
        ),
        migrations.AddIndex(
            model_name='escalation',
            index=models.Index(condition=models.Q(('next_look_at__isnull', False)), fields=['next_look_at'], name='escalation_due'),
        ),
        migrations.AddIndex(
            model_name='escalation',
            index=models.Index(fields=['status', '-id'], name='escalation_by_status'),
        ),
        migrations.AddConstraint(
            model_name='escalation',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['sent', 'acknowledged', 'accepted', 'in_progress'])), fields=('cause',), name='escalation_one_open_per_cause'),
        ),
        migrations.AddConstraint(
            model_name='escalationticket',
            constraint=models.UniqueConstraint(fields=('escalation', 'ticket'), name='escalation_ticket_once'),
        ),
        migrations.AddConstraint(
            model_name='gaptask',
            constraint=models.UniqueConstraint(fields=('escalation', 'item'), name='escalation_gap_once'),
        ),
        migrations.RunSQL(TRIGGERS, UNDO),
    ]
