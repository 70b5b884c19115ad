"""Tickets of a company whose customers have words of their own, which no shipped rule knows."""

from __future__ import annotations

from datetime import timedelta

from investigations.models import Customer, Ticket
from tests import factories
from tests.factories import NOON

#: Class -> what its customers say. The rules know none of these words.
SAID = {
    "webhook": ("the messenger stays silent", "our courier brings nothing", "messenger and courier are both silent"),
    "latency": ("the wheel turns and turns", "a spinning wheel all morning", "the wheel is spinning like treacle"),
    "other": ("please send brochures", "a brochure for the fair", "posters and brochures for our fair"),
}
CLASSES = tuple(SAID)


def customers(n: int = 4) -> list[Customer]:
    return [factories.customer(f"org_tm{i}", name=f"Invented {i}") for i in range(n)]


def told(text: str, incident_class: str, customer: Customer | None, number: int) -> Ticket:
    """A ticket whose class a person has set; the higher its number the newer."""
    return factories.ticket(
        subject="Hello", description=text, customer=customer, opened_at=NOON - timedelta(hours=5000 - number),
        incident_class=incident_class, class_why={"how": "person", "reasons": [], "scores": {}},
    )  # fmt: skip


def history(n: int = 168, *, shift: int = 0) -> list[Ticket]:
    """`n` tickets, the classes in turn. `shift` 0: texts fit the classes; else every class speaks like any other."""
    factories.team(is_default=True)
    whose = customers()
    made = []
    for i in range(n):
        says = CLASSES[i % 3] if not shift else CLASSES[(i // 3 * shift + i) % 3]
        texts = SAID[says]
        made.append(told(texts[i // 9 % 3], CLASSES[i % 3], whose[i % 4], i))
    return made
