"""Interruption hours of a week in groups. People are counted, never listed: this is about causes, not about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from escalations.interruptions.ledger import Ledger
from escalations.interruptions.tally import Total, grouped


def by_team(ledger: Ledger) -> Mapping[str, Total]:
    return grouped(ledger.lines, lambda one: str(ledger.subjects[one.subject].team))


def by_incident_class(ledger: Ledger) -> Mapping[str, Total]:
    """The empty name is what nobody classified."""
    return grouped(ledger.lines, lambda one: ledger.subjects[one.subject].incident_class)


def by_contract(ledger: Ledger) -> Mapping[str, Total]:
    """By the contract's key; questions have none and come together."""
    return grouped(ledger.lines, lambda one: ledger.subjects[one.subject].contract or "questions")


def week_of(written: str, today: date) -> date:
    """The Monday of `2026-W18`; of the running week for what cannot be read."""
    try:
        year, _, week = written.partition("-W")
        return date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        return today - timedelta(days=today.weekday())
