"""What the pages of handoffs show: a draft, one that waits to be accepted, one that is done, hostile words in each."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from altor.models import Team, User
from escalations.handoffs.drafting import draft
from escalations.handoffs.ends import Ending
from escalations.handoffs.giving import sign
from escalations.handoffs.switching import save_setting
from escalations.handoffs.taking import accept_rest, refuse
from escalations.models import Handoff, Rotation
from investigations.models import Customer
from knowledge.models import PromisedUpdate
from tests import factories as make


def build(team: Team, customer: Customer, agent: User, lead: User, payloads: tuple[str, ...], long: str) -> None:
    now = timezone.now()
    save_setting(team, is_on=True, draft_before_min=30, escalate_after_min=30, actor=lead, now=now)
    rotation = Rotation.objects.get(slug="support")
    hostile = " ".join(payloads)
    for minutes in (-400, -10, 20):
        end = now + timedelta(minutes=minutes)
        outgoing, incoming = (agent, lead) if minutes == 20 else (lead, agent)
        owned = [
            make.ticket(in_team=team, customer=customer, owner=outgoing, subject=f"Handed {n} {payloads[1]} {long}")
            for n in range(3)
        ]
        make.finished_run(owned[0])
        PromisedUpdate.objects.create(
            ticket=owned[1], reply=make.reply(owned[1], text=hostile), due_at=end + timedelta(hours=2),
            promised_by=outgoing, promised_at=now,
        )  # fmt: skip
        handoff = draft(Ending(rotation, "primary", "Primary", outgoing, end, incoming, end), now)
        assert handoff is not None
        words = {one.ref: {"note": hostile, "next_step": f"{payloads[0]} {long}"} for one in owned}
        if minutes == 20:
            continue
        sign(handoff, actor=outgoing, note=hostile, items=words, now=end)
        if minutes == -400:
            refuse(handoff, owned[2].ref, actor=incoming, reason=hostile, now=end)
            accept_rest(handoff, actor=incoming, now=end)
            handoff.status = Handoff.Status.CLOSED
            handoff.items.filter(status="offered").update(status="gone")
            handoff.save()
            for one in owned:
                one.refresh_from_db()
                one.owner = None
                one.save()


def pages() -> dict[str, str]:
    by_status = {one.status: one.ref for one in Handoff.objects.all()}
    return {
        "handoffs": reverse("handoffs:list"),
        "handoff": reverse("handoffs:handoff", args=[by_status["drafted"]]),
        "handoff-signed": reverse("handoffs:handoff", args=[by_status["signed"]]),
        "handoff-closed": reverse("handoffs:handoff", args=[by_status["closed"]]),
        "handoff-today": reverse("handoffs:today"),
        "handoff-settings": reverse("handoffs:settings"),
    }
