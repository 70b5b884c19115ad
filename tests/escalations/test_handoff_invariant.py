"""Whatever people do, in whatever order: nothing open is without owner, and only an acceptance moves it."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command

from altor.errors import DomainError
from altor.models import PhaseEvent, User
from escalations.handoffs.checking import violations
from escalations.handoffs.giving import sign
from escalations.handoffs.sweeping import sweep
from escalations.handoffs.taking import accept, accept_rest, refuse, take, take_item
from escalations.models import Handoff, HandoffItem
from escalations.oncall.overrides import add_override
from escalations.ownership.queues import violations as queue_violations
from investigations.models import Ticket
from investigations.services.custody import assign, give_back
from tests import factories as make
from tests.escalations.handoff_scene import MINUTE, NOW, promise, team_with_shifts, ticket_of

pytestmark = pytest.mark.django_db
STEPS = 45


class Play:
    """People who act at random while time goes on."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now = Random(seed), NOW
        self.team, self.ana, self.ben, self.leo, self.rotation = team_with_shifts()
        self.cleo = make.user("cleo", teams=(self.team,))
        self.people = [self.ana, self.ben, self.cleo, self.leo]
        for _ in range(4):
            self.come()

    def come(self) -> None:
        ticket = ticket_of(self.chance.choice([self.ana, self.ana, self.ben]))
        if self.chance.random() < 0.3:
            promise(ticket, self.now + timedelta(hours=self.chance.randint(1, 9)))
        if self.chance.random() < 0.3:
            Ticket.objects.filter(pk=ticket.pk).update(priority="urgent")

    def owners(self) -> dict[str, int | None]:
        return dict(Ticket.objects.exclude(status="resolved").values_list("ref", "owner"))

    def step(self) -> str:
        name = self.chance.choice(
            ["pass", "pass", "come", "sign", "accept", "accept", "rest", "refuse", "take", "take all", "assign",
             "return", "resolve", "replace", "leave"]
        )  # fmt: skip
        try:
            getattr(self, "do_" + name.replace(" ", "_"))()
        except DomainError:
            return "refused"
        return name

    def handoff(self) -> Handoff | None:
        return self.chance.choice([*Handoff.objects.open().with_context(), None])

    def item(self) -> tuple[Handoff, str] | None:
        rows = list(HandoffItem.objects.select_related("handoff", "ticket", "escalation"))
        found = self.chance.choice(rows) if rows else None
        return (found.handoff, found.ref) if found is not None else None

    def ticket(self) -> Ticket:
        found = list(Ticket.objects.exclude(status="resolved"))
        return self.chance.choice(found) if found else ticket_of(self.leo)

    def who(self) -> User:
        return self.chance.choice(list(User.objects.filter(is_active=True, pk__in=[one.pk for one in self.people])))

    def do_pass(self) -> None:
        self.now += self.chance.choice([MINUTE, 10 * MINUTE, 45 * MINUTE, timedelta(hours=5)])
        sweep(self.now)

    do_come = come

    def do_sign(self) -> None:
        if found := self.handoff():
            sign(found, actor=self.who(), now=self.now)

    def do_accept(self) -> None:
        if found := self.item():
            who = found[0].incoming or self.who()
            accept(*found, actor=who, keeps_promise=self.chance.random() < 0.7, now=self.now)

    def do_rest(self) -> None:
        if found := self.handoff():
            accept_rest(found, actor=found.incoming or self.who(), now=self.now)

    def do_refuse(self) -> None:
        if found := self.item():
            refuse(*found, actor=found[0].incoming or self.who(), reason="It is not for me", now=self.now)

    def do_take(self) -> None:
        if found := self.item():
            take_item(*found, actor=self.who(), to=self.who(), now=self.now)

    def do_take_all(self) -> None:
        if found := self.handoff():
            take(found, actor=self.who(), now=self.now)

    def do_assign(self) -> None:
        assign(self.ticket(), owner=self.who(), actor=self.leo, now=self.now)

    def do_return(self) -> None:
        give_back(self.ticket(), actor=self.who(), reason="Not for me", now=self.now)

    def do_resolve(self) -> None:
        ticket = self.ticket()
        Ticket.objects.filter(pk=ticket.pk).update(status="resolved")

    def do_replace(self) -> None:
        begin = self.now + self.chance.choice([0, 5, 20]) * MINUTE
        add_override(self.rotation, seat="primary", begins_at=begin, ends_at=begin + timedelta(hours=2),
                     person=self.who(), actor=self.leo, now=self.now)  # fmt: skip

    def do_leave(self) -> None:
        who = self.chance.choice([self.ben, self.cleo])
        User.objects.filter(pk=who.pk).update(is_active=not User.objects.get(pk=who.pk).is_active)


#: What may change whose a ticket is.
MOVING = {"accept", "rest", "take", "take all", "assign", "return", "come", "resolve"}


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 10))])
def test_nothing_open_is_nobodys_and_only_acceptance_moves_it(seed: int) -> None:
    play = Play(seed)
    seen: set[str] = set()
    for _ in range(STEPS):
        before, events = play.owners(), PhaseEvent.objects.filter(kind="ticket.assigned").count()
        name = play.step()
        seen.add(name)
        after = play.owners()
        if name not in MOVING:
            assert after == before, name
        moved = [ref for ref in before if ref in after and after[ref] != before[ref]]
        if moved:
            assert PhaseEvent.objects.filter(kind="ticket.assigned").count() == events + len(moved), name
        _check(play.now, name)
    assert {"accept", "take", "pass"} & seen


def _check(now: datetime, name: str) -> None:
    assert list(violations(now)) == [], name
    # What is in a queue is answered for by the lead; who has left is found by the check of queues.
    left = [one for one in queue_violations(now) if "not active" not in one.why]
    assert left == [], name
    for handoff in Handoff.objects.all():
        ends = Handoff.objects.filter(rotation=handoff.rotation, seat=handoff.seat, ends_at=handoff.ends_at)
        assert ends.exclude(status="dropped").count() <= 1, name
    for item in HandoffItem.objects.filter(status="offered").select_related("handoff", "ticket"):
        assert item.handoff.is_open, name
        assert item.ticket is not None
        assert item.ticket.status == "resolved" or item.ticket.owner_id == item.handoff.outgoing_id, name


def test_after_everything_is_accepted_the_command_is_content() -> None:
    _, ana, ben, _, _ = team_with_shifts()
    tickets = [ticket_of(ana) for _ in range(3)]
    end = NOW + timedelta(hours=1)
    sweep(end - MINUTE)
    handoff = Handoff.objects.get()
    sign(handoff, actor=ana, now=end)
    accept_rest(handoff, actor=ben, now=end)
    assert {one.owner for one in Ticket.objects.filter(pk__in=[each.pk for each in tickets])} == {ben}
    out = StringIO()
    call_command("owners", stdout=out)
    assert out.getvalue().startswith("Every open ticket has an owner")
