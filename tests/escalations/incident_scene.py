"""One cause at several customers: two wrote, two were measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from altor.models import Team, User
from escalations.incidents.declaring import Wish, declare
from escalations.incidents.proposing import Origin
from escalations.models import Incident
from investigations.models import Customer, Investigation, Ticket
from tests import factories as make
from tests.shipped import reply_templates

NOW = make.NOON + timedelta(minutes=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GERMAN = "Seit heute Morgen werden die Aufrufe der Schnittstelle abgelehnt, und wir wissen nicht, ob das an uns liegt."


@dataclass(frozen=True)
class Scene:
    team: Team
    mina: User
    leo: User
    eli: User
    first: Ticket
    second: Ticket
    run: Investigation
    silent: tuple[Customer, ...]

    def declare(self, **wish: Any) -> Incident:
        found, _ = declare(Origin(ticket=self.first), Wish(**wish), actor=self.leo, now=NOW)
        return Incident.objects.with_context().get(pk=found.pk)


def build() -> Scene:
    """`first` in English and `second` in German are mina's; Blue Kite and Red Fern have not written."""
    reply_templates()
    team = make.team("Support", is_default=True)
    mina = make.user("mina", teams=(team,), first_name="Mina", last_name="Example")
    leo = make.user("leo", role="lead", teams=(team,), first_name="Leo", last_name="Example")
    eli = make.user("eli", role="engineer", teams=(team,), first_name="Eli", last_name="Example")
    silent = (
        make.customer("org_kite", name="Blue Kite Traders", mrr_minor=250_000, mrr_currency="EUR"),
        make.customer("org_fern", name="Red Fern Logistics"),
    )
    listed = make.affected("org_kite", "org_fern")
    first = make.ticket(in_team=team, customer=make.customer("org_wind", name="Northwind Freight"), owner=mina)
    second = make.ticket(
        in_team=team, customer=make.customer("org_oak", name="Oakline Foods"), owner=mina, subject="429 seit heute",
        description=GERMAN,
    )  # fmt: skip
    run = make.finished_run(first, diagnosis=make.diagnosis(affected=listed))
    make.finished_run(second)
    return Scene(team, mina, leo, eli, first, second, run, silent)
