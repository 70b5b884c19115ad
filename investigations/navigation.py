"""Entries of the rail that belong to investigations, with their live counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from altor.shell import NavItem
from investigations.models import Connection, Investigation, PlaybookApproval

if TYPE_CHECKING:
    from altor.models import User


def active_runs(user: User) -> int:
    return Investigation.objects.visible_to(user).unfinished().count()


def broken_connections(user: User) -> int:
    return Connection.objects.filter(is_active=True, health__in=["down", "refused"]).count()


def versions_to_approve(user: User) -> int:
    """Those that wait for this person: not what they wrote or asked for themselves."""
    if not user.may("playbook.edit"):
        return 0
    return PlaybookApproval.objects.waiting_for(user).count()


ITEMS: Final = (
    NavItem("", 10, "today", "Today", "home", "today", go="t"),
    NavItem("", 20, "runs", "Runs", "activity", "investigations:runs", "run.read", "r", active_runs, "active"),
    NavItem("", 30, "tickets", "Tickets", "ticket", "investigations:tickets", "ticket.read", "i"),
    NavItem(
        "", 40, "playbooks", "Playbooks", "list-check", "investigations:playbooks", "playbook.read", "p",
        versions_to_approve, "to approve",
    ),
    NavItem("", 45, "backtests", "Backtest", "history", "investigations:backtests", "run.read"),
    NavItem("", 47, "practice", "Practice", "book", "investigations:practice", "practice.try"),
    NavItem("", 50, "customers", "Customers", "building", "investigations:customers", "customer.read", "c"),
    NavItem("Operate", 55, "automation", "Automation", "bolt", "investigations:automation", "automation.read"),
    NavItem(
        "Operate", 60, "connections", "Connections", "plug-connected", "investigations:connections", "connection.read",
        "o", broken_connections, "not working",
    ),
    NavItem("Operate", 62, "helpdesks", "Helpdesks", "inbox", "investigations:helpdesks", "connection.read"),
    NavItem("Operate", 65, "profile", "Installation", "adjustments", "investigations:profile", "connection.read"),
    NavItem("Operate", 70, "inbound", "Inbound events", "webhook", "investigations:inbound", "inbound.read"),
)  # fmt: skip
