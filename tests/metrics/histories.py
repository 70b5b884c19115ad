"""Made-up lives of tickets as phase events: reopened, merged, closed by mistake, waiting, told late and told twice."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from altor.models import PhaseEvent, Team, User
from investigations.models import Ticket
from tests import factories as make

#: A Monday; the clocks of Berlin go back on the Sunday after the second week.
BEGIN = datetime(2026, 10, 12, 6, 0, tzinfo=UTC)
CLASSES = ("rate_limit", "billing", "webhook")
LABELS = ("rl.many", "bill.proration", "hook.tls")
MINUTE = timedelta(minutes=1)


@dataclass
class Life:
    """The events of one ticket in the order in which they happened; minutes, so that time can be counted one by one."""

    ticket: Ticket
    chance: random.Random
    person: User
    at: datetime
    events: list[PhaseEvent] = field(default_factory=list)
    run: int = 0
    escalation: int = 0

    def later(self, *minutes: int) -> None:
        self.at += MINUTE * self.chance.choice(minutes)

    def tell(self, what: str, subject: str = "", by: bool = False, **data: Any) -> None:
        self.events.append(
            PhaseEvent(
                ticket_ref=self.ticket.ref, subject_ref=subject, kind=what, at=self.at,
                actor=self.person if by else None, data=data,
                key=f"{what}:{self.ticket.ref}:{subject}:{self.at.isoformat()}:{len(self.events)}",
            )
        )  # fmt: skip


def make_histories(count: int, seed: int, teams: tuple[Team, ...], first: datetime = BEGIN) -> list[Life]:
    chance = random.Random(seed)
    person = make.user("worker", teams=teams)
    customers = [make.customer(f"org_m{n}", tier=tier) for n, tier in enumerate(("", "gold", "gold", "silver"))]
    lives = []
    for _ in range(count):
        begin = first + MINUTE * chance.randrange(0, 3 * 7 * 24 * 60)
        ticket = make.ticket(in_team=chance.choice(teams), opened_at=begin, customer=chance.choice(customers))
        life = Life(ticket, chance, person, begin)
        live(life)
        lives.append(life)
    # Told in another order than they happened, and some twice.
    events = [event for life in lives for event in life.events]
    chance.shuffle(events)
    PhaseEvent.objects.bulk_create(events)
    return lives


def live(life: Life) -> None:
    chance = life.chance
    life.tell("ticket.received")
    for part in chance.sample(("class", "customer", "owner"), chance.choice((1, 2, 3, 3, 3))):
        life.later(0, 0, 1, 7, 45)
        if part == "class":
            life.tell("ticket.classified", **{"class": chance.choice(CLASSES)}, how="rules")
        elif part == "customer":
            life.tell("ticket.customer_set", org_id=life.ticket.customer.org_id, how="domain")
        else:
            life.tell("ticket.assigned", owner="worker")
        if chance.random() < 0.3:
            investigate(life, by=False)
    for round_ in range(chance.choice((1, 1, 1, 2, 3))):
        if round_:
            life.later(3, 9, 400, 9_000, 30_000)
            if chance.random() < 0.5:
                life.tell("ticket.customer_wrote")
                life.later(0, 2)
            life.tell("ticket.reopened")
        work(life)
        if chance.random() < 0.9 or round_:
            close(life)
        else:
            return
    if chance.random() < 0.3:
        life.later(1, 60)
        life.tell("ticket.learned", by=True, how=chance.choice(("linked", "draft", "nothing", "improved")), why="")
    if chance.random() < 0.3:
        life.later(1, 60)
        life.tell(
            "ticket.explained",
            by=True,
            how=chance.choice(("right", "other_cause", "gone")),
            label=chance.choice(LABELS),
        )
    if chance.random() < 0.5:
        life.later(5, 60)
        life.tell("recovery.asked")
        if chance.random() < 0.5:
            life.later(5, 600)
            life.tell("recovery.told", who=chance.choice(("customer", "engineer")), score=chance.randint(1, 5))


def work(life: Life) -> None:
    for _ in range(life.chance.choice((1, 2, 3, 5))):
        life.later(0, 1, 5, 30, 300)
        life.chance.choice(
            (run_by_person, run_alone, judge, draft, answer, answer, acknowledge, wait, wrote, escalate, assign, hold)
        )(life)


def run_by_person(life: Life) -> None:
    investigate(life, by=True)


def run_alone(life: Life) -> None:
    investigate(life, by=False)


def investigate(life: Life, by: bool) -> None:
    chance = life.chance
    life.run += 1
    ref = f"INV-{life.ticket.pk}{life.run:03d}"
    life.tell("run.queued", ref, by, playbook="rate_limit v1", trigger="person" if by else "ticket")
    life.later(0, 1)
    life.tell("run.started", ref)
    for step in range(chance.randint(0, 4)):
        status = chance.choice(("done", "done", "done", "unavailable"))
        life.tell("run.step", ref, step=f"s{step}", status=status, source=chance.choice(("clickhouse", "manual")))
    life.later(0, 1, 2)
    ending = chance.random()
    if ending < 0.8:
        life.tell(
            "run.finished", ref, label=chance.choice((*LABELS, "inconclusive")), seconds=3.1,
            confidence=chance.choice((0.3, 0.6, 0.9)), unavailable=chance.choice(([], [], ["github"])),
        )  # fmt: skip
    elif ending < 0.9:
        life.tell("run.failed", ref, reason="no playbook")
    else:
        life.tell("run.cancelled", ref, by=True)
    if chance.random() < 0.2:
        life.later(1, 9)
        life.tell("run.answered", ref, by=True, step="m1")


def judge(life: Life) -> None:
    if not life.run:
        return
    ref = f"INV-{life.ticket.pk}{life.run:03d}"
    if life.chance.random() < 0.7:
        last = next((one for one in reversed(life.events) if one.kind == "run.finished"), None)
        life.tell("diagnosis.accepted", ref, by=True, label=last.data["label"] if last else "", grade="exact")
    else:
        life.tell("diagnosis.corrected", ref, by=True, label=life.chance.choice((*LABELS, "")), grade="wrong")


def draft(life: Life) -> None:
    life.tell("reply.drafted", by=life.chance.random() < 0.8, kind=life.chance.choice(("answer", "answer", "holding")))


def answer(life: Life) -> None:
    chance = life.chance
    if chance.random() < 0.3:
        life.tell("reply.sent", by=True, kind="answer", how="draft", similarity=0.9, leaks=0)
    before = not any(one.kind == "run.finished" for one in life.events)
    life.tell("ticket.replied", by=True, via="helpdesk", before_diagnosis=before, before_evidence=chance.random() < 0.2)
    if chance.random() < 0.5:
        life.tell("ticket.status", status=chance.choice(("pending", "open")), was="")


def acknowledge(life: Life) -> None:
    life.tell("reply.sent", by=True, kind=life.chance.choice(("acknowledgement", "holding")), how="as drafted")


def wait(life: Life) -> None:
    life.tell("ticket.status", status="pending", was="open")


def hold(life: Life) -> None:
    life.tell("ticket.status", status=life.chance.choice(("hold", "open")), was="open")


def wrote(life: Life) -> None:
    life.tell("ticket.customer_wrote")


def assign(life: Life) -> None:
    life.tell("ticket.assigned", by=True, owner=life.chance.choice(("worker", "")))


def escalate(life: Life) -> None:
    chance = life.chance
    life.escalation += 1
    ref = f"ESC-{life.ticket.pk}{life.escalation:03d}"
    completeness = chance.choice(("evidence", "evidence", "overridden", "provisional"))
    if chance.random() < 0.2:
        life.tell("escalation.joined", ref, by=True, severity="SEV2")
    else:
        life.tell("escalation.sent", ref, by=True, severity="SEV2", completeness=completeness)
    if chance.random() < 0.3:
        life.tell("gate.overridden", by=True, gate=chance.choice(("reply", "escalation")), missing=[])
    if chance.random() < 0.3:
        life.later(10, 60)
        life.tell("escalation.asked", ref)
        life.later(10, 60)
        life.tell("escalation.answered", ref, by=True)
    if chance.random() < 0.8:
        life.later(30, 2000)
        life.tell(chance.choice(("escalation.resolved", "escalation.rejected", "escalation.withdrawn")), ref)


def close(life: Life) -> None:
    life.later(1, 30)
    ending = life.chance.random()
    if ending < 0.05:
        life.tell("ticket.resolved", merged_into="TK-1")
    elif ending < 0.08:
        life.tell("ticket.resolved", deleted=True)
    else:
        life.tell("ticket.resolved", **{"from": "replied"})
        if life.chance.random() < 0.1:
            life.tell("ticket.resolved", **{"from": "resolved"})
