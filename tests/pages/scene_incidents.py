"""What the pages of incidents show: one open and late, one closed, one suggested, hostile words in each."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from altor.models import Team, User
from escalations.incidents.changing import note
from escalations.incidents.closing import close
from escalations.incidents.customers import customers_of, keep_notice, mark_told
from escalations.incidents.declaring import Wish, declare
from escalations.incidents.followups import add_follow_up
from escalations.incidents.proposing import Origin
from escalations.incidents.updates import Words, publish
from escalations.models import Escalation, Incident, IncidentSuggestion
from tests import factories as make


def build(team: Team, agent: User, lead: User, payloads: tuple[str, ...], long: str) -> None:
    now = timezone.now()
    hostile = " ".join(payloads)
    silent = make.customer("org_i1", name=f"Silent {payloads[0]}"[:200], mrr_minor=120_000, mrr_currency="EUR")
    quiet = make.customer("org_i2", name=f"Quiet {long}"[:200])
    listed = make.affected(silent.org_id, quiet.org_id, "org_i3")
    for number, (begin, ends) in enumerate(((now - timedelta(days=2), True), (now - timedelta(hours=6), False))):
        who = make.customer(f"org_w{number}", name=f"Wrote {payloads[1]}"[:200])
        ticket = make.ticket(in_team=team, customer=who, owner=agent, subject=f"Slow {payloads[0]} {long}"[:500])
        run = make.finished_run(ticket, as_of=begin, diagnosis=diagnosis(f"inc{number}", payloads[0], listed))
        wish = Wish(title=f"Nothing answers {payloads[2]} {long}"[:300], note=hostile, channel=payloads[4][:300])
        made, _ = declare(Origin(ticket=run.ticket), wish, actor=lead, now=begin)
        note(made, hostile, actor=lead, now=begin)
        texts = {"en": f"We work on it. {payloads[5]}\nYou will hear from us again by {{next_update}}."}
        words = Words("identified", texts, override_reason="Said by the test itself.")
        publish(made, words, actor=lead, now=begin + timedelta(minutes=20))
        keep_notice(made, texts, override_reason="Said by the test itself.", actor=lead, now=begin)
        told = [one.row.pk for one in customers_of(made, lead).silent][:1]
        mark_told(made, told, how="call", actor=lead, now=begin)
        add_follow_up(
            made, hostile[:500], owner=lead, due_on=begin.date(), link="https://linear.example/x", actor=lead, now=begin
        )
        if ends:
            close(made, cause_label="other.out_of_scope", cause_text=hostile, unproven_reason=hostile, actor=lead,
                  now=begin + timedelta(hours=3))  # fmt: skip
    run = make.finished_run(make.ticket(in_team=team, owner=agent), diagnosis=diagnosis("inc9", payloads[0], listed))
    IncidentSuggestion.objects.create(
        cause="rl.limiter_deploy|deployment|inc9", run=run, team=team, title=f"{payloads[1]} {long}"[:300],
        severity="SEV2", customers=4, wrote=1, threshold=3, tickets=[run.ticket.ref], found_at=now,
    )  # fmt: skip


def diagnosis(deployment: str, title: str, listed: dict[str, object]) -> dict[str, object]:
    return make.diagnosis(
        culprit={"kind": "deployment", "id": deployment}, affected=listed,
        candidates=[make.candidate("rl.limiter_deploy", f"A deployment {title}", 0.9)],
    )  # fmt: skip


def pages() -> dict[str, str]:
    of = {one.status: one for one in Incident.objects.all()}
    found = IncidentSuggestion.objects.get()
    ref, ended = of["open"].ref, of["closed"].ref
    return {
        "incidents": reverse("incidents:list"),
        "incidents-closed": reverse("incidents:list") + "?closed=1",
        "incidents-today": reverse("incidents:today"),
        "incident": reverse("incidents:incident", args=[ref]),
        "incident-closed": reverse("incidents:incident", args=[ended]),
        "incident-update": reverse("incidents:update", args=[ref]),
        "incident-customers": reverse("incidents:customers", args=[ref]),
        "incident-review": reverse("incidents:review", args=[ended]),
        "incident-declare": f"{reverse('incidents:declare')}?suggestion={found.pk}",
        "incident-panel": reverse("incidents:panel", args=[of["open"].links.get().ticket.ref]),
        "incident-of-escalation": reverse("incidents:of-escalation", args=[Escalation.objects.latest("pk").ref]),
    }
