"""Rules of automatic investigations. A version of them is never changed: the database itself refuses."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


_FORWARD = """
CREATE FUNCTION investigations_automation_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of the automation rules is never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER investigations_automationversion_fixed
    BEFORE UPDATE OF number, data, comment, created_at ON investigations_automationversion
    FOR EACH ROW EXECUTE FUNCTION investigations_automation_fixed();
CREATE TRIGGER investigations_automationversion_kept BEFORE DELETE ON investigations_automationversion
    FOR EACH ROW EXECUTE FUNCTION investigations_automation_fixed();
"""
_BACK = """
DROP TRIGGER IF EXISTS investigations_automationversion_fixed ON investigations_automationversion;
DROP TRIGGER IF EXISTS investigations_automationversion_kept ON investigations_automationversion;
DROP FUNCTION IF EXISTS investigations_automation_fixed();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('investigations', '0012_helpdesks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AutomationSwitch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField()),
                ('reason', models.CharField(max_length=300)),
                ('at', models.DateTimeField()),
                ('cancelled', models.PositiveIntegerField(default=0)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='AutomationVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(unique=True)),
                ('data', models.JSONField()),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-number',),
            },
        ),
        migrations.CreateModel(
            name='AutomationDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=16)),
                ('at', models.DateTimeField()),
                ('mode', models.CharField(choices=[('watch', 'Watched'), ('suggest', 'Suggested'), ('automatic', 'Automatic')], max_length=10)),
                ('rule_key', models.CharField(blank=True, max_length=40)),
                ('rule_title', models.CharField(blank=True, max_length=120)),
                ('version', models.PositiveIntegerField(default=0)),
                ('reason', models.CharField(max_length=400)),
                ('outcome', models.CharField(blank=True, choices=[('', 'Nothing to start'), ('admitted', 'May run'), ('waiting', 'Waits for the quota'), ('lapsed', 'Not run')], max_length=10)),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='investigations.investigation')),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='automation_decisions', to='investigations.ticket')),
            ],
            options={
                'ordering': ('-pk',),
                'indexes': [models.Index(fields=['ticket', '-id'], name='decision_of_ticket'), models.Index(fields=['outcome', 'at'], name='decision_place')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('outcome', 'waiting')), fields=('ticket',), name='decision_waits_once')],
            },
        ),
        migrations.RunSQL(_FORWARD, _BACK),
    ]
