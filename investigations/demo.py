"""The demo's customers, connections, profile and past tickets. Everything goes through the services that people use."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from altor.demo.credentials import DESK_TOKEN, GITHUB_TOKEN, LINEAR_KEY, STRIPE_KEY
from altor.demo.parts import DemoSetting
from altor.demo.upstreams.github_objects import OWNER, REPO
from altor.demo.world.build import TELEMETRY_H, iso
from altor.demo.world.company import PLANS, TENANT_ATTRIBUTE, VENDOR
from altor.demo.world.issues import TEAM_KEY
from altor.models import InboundEndpoint
from investigations.models import Connection, HelpdeskConnection, Investigation, Ticket
from investigations.services.connections import clickhouse_config, save_connection
from investigations.services.customers import import_directory
from investigations.services.playbooks import ensure_library
from investigations.services.profiles import save_profile
from investigations.services.runs import NoPlaybook, start_investigation
from investigations.services.tickets import upsert_ticket

CONNECTION_NAME: Final = "harborline"
PREFIX: Final = "HD"


class InvestigationsDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Point the connections at this start's addresses (ports change). Unchanged ones are left alone."""
        for source, (url, secret, options) in _wanted(setting).items():
            row = Connection.objects.filter(source=source, name=CONNECTION_NAME).first()
            if row is None or (row.base_url, row.secret, row.options) != (url, secret, options):
                save_connection(
                    source=source,
                    name=CONNECTION_NAME,
                    base_url=url,
                    secret=secret,
                    options=options,
                    actor=setting.actor,
                )

        if setting.desk:
            _connect_desk(setting)

    def seed(self, setting: DemoSetting) -> None:
        ensure_library()
        save_profile(_profile(setting), actor=setting.actor, comment="Set up with the demo")
        import_directory(_directory(setting))
        _tickets(setting)

    def progress(self) -> tuple[int, int]:
        runs = Investigation.objects.all()
        return runs.count() - runs.unfinished().count(), runs.count()

    def report(self) -> list[dict[str, Any]]:
        """The newest run of each ticket."""
        rows: dict[str, dict[str, Any]] = {}
        for run in Investigation.objects.with_context().order_by("pk"):
            rows[run.ticket.external_id] = {
                "ticket": run.ticket.ref,
                "external_id": run.ticket.external_id,
                "run": run.ref,
                "status": run.status,
                "failure": run.failure,
                "seconds": run.seconds,
                "upstream_seconds": run.upstream_seconds,
                "diagnosis": run.diagnosis,
            }
        return list(rows.values())


def _wanted(setting: DemoSetting) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """source -> (address, secret, options)"""
    base = setting.upstreams
    engine = clickhouse_config(setting.clickhouse)
    pages = [f"{base}/statuspage/harborline", f"{base}/statuspage/parcelquote"]
    return {
        "clickhouse": (engine.base_url, engine.secret, dict(engine.options)),
        "github": (f"{base}/github", GITHUB_TOKEN, {}),
        "linear": (f"{base}/linear/graphql", LINEAR_KEY, {}),
        "stripe": (f"{base}/stripe", STRIPE_KEY, {}),
        "statuspage": (pages[0], "", {"urls": pages}),
    }


def _connect_desk(setting: DemoSetting) -> None:
    """The stand-in helpdesk: its API, its sidebar, and what is written back."""
    endpoint = InboundEndpoint.objects.get(source="generic", connection=CONNECTION_NAME)
    state = {
        "base_url": f"{setting.desk}/api",
        "secret": DESK_TOKEN,
        "options": {
            "notes_path": "tickets/{id}/notes",
            "tags_path": "tickets/{id}/tags",
            "replies_path": "tickets/{id}/replies",
            "ticket_url": f"{_origin(setting)}/tickets/{{id}}",
        },
        "origins": [_origin(setting)],
        "launch_secret": setting.launch_secret,
        "writes_notes": True,
        "writes_tags": True,
        "sends_replies": True,
    }  # fmt: skip
    HelpdeskConnection.objects.update_or_create(endpoint=endpoint, defaults=state)


def _origin(setting: DemoSetting) -> str:
    """Where a browser sees the stand-in: another site than Altor's own, as in real life."""
    return setting.desk.replace("127.0.0.1", "localhost")


def _profile(setting: DemoSetting) -> dict[str, Any]:
    world = setting.world
    return {
        "vendor": VENDOR,
        "telemetry": {
            "tenant_attribute": TENANT_ATTRIBUTE,
            "window_start": iso(world.at(-TELEMETRY_H)),
        },
        "github": {"owner": OWNER, "repo": REPO, "environment": "production", "service_payload_key": "service"},
        "linear": {"team_key": TEAM_KEY},
        "stripe": {
            "customer_metadata_key": "org_id",
            "plan_limit_metadata_key": "rate_limit_per_minute",
            "included_requests_metadata_key": "included_requests",
        },
    }


def _directory(setting: DemoSetting) -> list[dict[str, Any]]:
    plans = setting.world.billing.current_plan
    return [
        {
            "org_id": customer.org_id,
            "name": customer.name,
            "domain": customer.domain,
            "plan": plans[customer.slug],
            "tier": "enterprise" if customer.plan == "Enterprise" else "standard",
            "stripe_customer": customer.stripe_id,
            "mrr_minor": PLANS[plans[customer.slug]].unit_amount,
            "mrr_currency": "USD",
            "renews_on": (setting.world.anchor + timedelta(days=9 + 37 * number % 330)).date(),
        }
        for number, customer in enumerate(setting.world.customers)
    ]


def _tickets(setting: DemoSetting) -> None:
    """Past tickets with a run each, as of when they were written. Newest first: so they are worked in that order."""
    past = [ticket for ticket in setting.world.tickets if ticket.opened_at is not None]
    past.sort(key=lambda ticket: ticket.opened_at or timezone.now(), reverse=True)
    wanted = past[: setting.tickets]
    for planned in wanted:
        ticket, created = upsert_ticket(
            planned.payload(), helpdesk="generic", connection=CONNECTION_NAME, prefix=PREFIX, actor=setting.actor
        )
        if created:
            _investigate(ticket)
    setting.say(f"{len(wanted)} past tickets")


def _investigate(ticket: Ticket) -> None:
    """One run as of the ticket's time, if there is none yet."""
    if Investigation.objects.filter(ticket=ticket).exists():
        return
    # A minute later than written: what came in with the ticket's own minute is then complete.
    as_of = ticket.opened_at + timedelta(minutes=1)
    # Some tickets are of no class that a playbook covers: they stay in the queue for a person.
    with suppress(NoPlaybook):
        start_investigation(
            ticket=ticket, trigger="ticket", as_of=as_of, event_key=f"ticket:{ticket.ref}:v{ticket.version}"
        )
