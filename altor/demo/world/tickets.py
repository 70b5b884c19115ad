"""The tickets that customers wrote about the incidents (or about nothing), as a helpdesk would hand them over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from altor.demo.world.build import iso
from altor.demo.world.company import Customer
from altor.demo.world.incidents import Incident, Said
from altor.demo.world.ticket_texts import CLOSINGS, COMPLAINTS, EXAMPLES, EXTRAS, GREETINGS, STRANGERS, TEXTS, VAGUE

if TYPE_CHECKING:
    from altor.demo.world.build import World

FIRST_ID: Final = 48_000
_ZONES: Final = ((0, "UTC"), (0, "UTC"), (1, "UTC+1"), (-5, "UTC-5"))


@dataclass(frozen=True, slots=True)
class PlannedTicket:
    """One ticket. `opened_at` is None when it arrives `live_s` seconds after the demo has opened."""

    id: int
    subject: str
    description: str
    channel: str
    priority: str
    requester: dict[str, str]
    organization: dict[str, Any]
    opened_at: datetime | None
    live_s: int | None
    truth: dict[str, Any] | None = field(default=None, repr=False)  # None for a stranger

    def payload(self, opened_at: datetime | None = None) -> dict[str, Any]:
        """The neutral ticket shape; `opened_at` for a live one is when it is sent."""
        at = self.opened_at or opened_at
        if at is None:
            raise ValueError("a live ticket needs its time")
        return {
            "id": self.id, "channel": self.channel, "created_at": iso(at), "subject": self.subject, "description": self.description,
            "requester": dict(self.requester), "organization": dict(self.organization), "tags": [], "priority": self.priority,
        }  # fmt: skip


def build_tickets(world: World) -> tuple[PlannedTicket, ...]:
    """All tickets: past ones by time, then the live ones by their delay."""
    rows: list[tuple[float, Incident, Said]] = []
    for incident in world.incidents:
        rows.extend(
            (said.at_h if said.live_s is None else said.live_s / 3600.0, incident, said) for said in incident.said
        )
    used: dict[str, int] = {}
    tickets = []
    for order, (at_h, incident, said) in enumerate(sorted(rows, key=lambda row: row[0])):
        tickets.append(_ticket(world, order, at_h, incident, said, used))
    tickets.extend(_stranger(world, index) for index in range(len(STRANGERS)))
    tickets.sort(key=lambda t: (t.live_s is not None, t.live_s or 0, t.opened_at or world.anchor))
    return tuple(tickets)


def _ticket(
    world: World, order: int, at_h: float, incident: Incident, said: Said, used: dict[str, int]
) -> PlannedTicket:
    rng = np.random.default_rng([world.seed, 101, order])
    customer = world.by_slug[said.customer]
    kind = _complaint(incident, said)
    texts = TEXTS[kind]
    # Each complaint goes through its wordings in turn, so that the queue does not repeat itself.
    used[kind] = used.get(kind, int(rng.integers(0, len(texts)))) + 1
    subject, body = texts[used[kind] % len(texts)]
    words = {
        "when": _when(rng, world.at(at_h), world.at(incident.start_h)),
        "route": said.endpoint, "example": EXAMPLES.get(said.endpoint, said.endpoint), "company": customer.name, "account": customer.org_id,
        "amount": _amount(world, incident),
    }  # fmt: skip
    person = customer.people[int(rng.integers(0, len(customer.people)))]
    body = body.format(**words)
    body = body[0].upper() + body[1:]
    extra = str(rng.choice(EXTRAS))
    requester, organization, signature = _sender(rng, customer, person.name, person.email, person.private_email)
    lines = [str(rng.choice(GREETINGS)), f"{body} {extra}".strip(), f"{rng.choice(CLOSINGS)}\n{signature}".strip()]
    description = "\n\n".join(line for line in lines if line)
    if rng.random() < 0.12:
        description = _in_a_hurry(rng, description)
    return PlannedTicket(
        id=FIRST_ID + order * 7 + int(rng.integers(0, 6)),
        subject=subject.format(**words),
        description=description,
        channel=str(rng.choice(["email", "email", "web", "chat"])),
        priority=str(rng.choice(["normal", "normal", "high", "urgent"])),
        requester=requester,
        organization=organization,
        opened_at=None if said.live_s is not None else world.at(said.at_h),
        live_s=said.live_s,
        truth=world.truth(incident, customer),
    )


def _complaint(incident: Incident, said: Said) -> str:
    if incident.incident_class == "billing":
        return incident.label if incident.label in TEXTS else "bill.quiet"
    if incident.incident_class == "latency" and said.endpoint:
        return "latency_route"
    return COMPLAINTS.get(incident.label, incident.incident_class)


def _when(rng: np.random.Generator, opened_at: datetime, onset: datetime) -> str:
    """How the writer dates the start: a clock time near the truth, or something vague."""
    hours = (opened_at - onset).total_seconds() / 3600.0
    if rng.random() < 0.55 and 0.0 < hours < 20.0:
        offset, zone = _ZONES[int(rng.integers(0, len(_ZONES)))]
        rounded = onset + timedelta(hours=offset, minutes=float(rng.uniform(-8, 14)))
        rounded -= timedelta(minutes=rounded.minute % 15, seconds=rounded.second)
        day = "yesterday " if rounded.date() < (opened_at + timedelta(hours=offset)).date() else ""
        return f"since {day}about {rounded:%H:%M} {zone}"
    if hours > 20.0:
        return "since yesterday" if hours < 40.0 else "for some days now"
    return str(rng.choice(VAGUE))


def _amount(world: World, incident: Incident) -> str:
    """The figure on the object that the ticket is about, as a person writes it."""
    wanted = set(world.billing.culprits.get(incident.key, ()))
    for resource in ("invoices", "charges"):
        for item in world.billing.lists[resource]:
            if item["id"] in wanted:
                return (
                    f"{int(item['total'] if 'total' in item else item['amount']) / 100:,.2f} {item['currency'].upper()}"
                )
    return ""


def _sender(
    rng: np.random.Generator, customer: Customer, name: str, email: str, private_email: str
) -> tuple[dict[str, str], dict[str, Any], str]:
    """(requester, organization, signature): not every helpdesk knows the account, not everybody writes from work."""
    chance = rng.random()
    known = {"name": customer.name, "domain": customer.domain, "external_id": customer.org_id}
    if chance < 0.62:
        return {"name": name, "email": email}, known, name
    if chance < 0.80:
        return {"name": name, "email": email}, {**known, "external_id": None}, f"{name}\n{customer.name}"
    if chance < 0.92:
        return {"name": name, "email": private_email}, {**known, "external_id": None}, f"{name}, {customer.name}"
    return {"name": name, "email": email}, {}, f"{name}\n{customer.name} (account {customer.org_id})"


def _in_a_hurry(rng: np.random.Generator, text: str) -> str:
    """Doubled letters and lost capitals, as typed on a phone. Figures, paths and codes stay whole."""
    words = text.split(" ")
    for _ in range(max(2, len(words) // 9)):
        index = int(rng.integers(0, len(words)))
        word = words[index]
        if len(word) > 3 and word.isalpha():
            at = int(rng.integers(1, len(word)))
            words[index] = word[:at] + word[at - 1] + word[at:].lower()
    return " ".join(words)


def _stranger(world: World, index: int) -> PlannedTicket:
    at_h, live_s, subject, body, name, email, company = STRANGERS[index]
    return PlannedTicket(
        id=FIRST_ID + 900 + index,
        subject=subject,
        description=f"Hi,\n\n{body}\n\n{name}",
        channel="web",
        priority="normal",
        requester={"name": name, "email": email},
        organization={"name": company} if company else {},
        opened_at=None if at_h is None else world.at(at_h),
        live_s=live_s,
    )
