"""All that the sidebar shows about one ticket, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Case, IntegerField, Prefetch, Value, When, prefetch_related_objects
from django.urls import reverse

from altor.models import User
from altor.roles import VOUCHED, role_may
from investigations.models import Evidence, GateOverride, HelpdeskConnection, Investigation, StepResult, Ticket
from investigations.services.fetching import can_fetch
from investigations.services.gates import gate_state
from investigations.services.summary import checked_line, five_lines
from investigations.widget.parts import WidgetContext, widget_parts

#: Pieces of evidence shown; the run's page has all.
MOST_EVIDENCE: Final = 4
_ENDED: Final = frozenset(
    {
        StepResult.Status.DONE, StepResult.Status.SKIPPED, StepResult.Status.UNAVAILABLE, StepResult.Status.CANCELLED,
    }
)  # fmt: skip
#: Parts of apps above that have a place of their own.
_PLACES: Final = ("similar", "escalation", "incident", "handoff", "questions", "on_call")
#: What is wrong comes first, then what was found in order, then context.
_ORDER: Final = {"abnormal": 0, "": 2}
_RANK: Final = Case(
    *(When(verdict=verdict, then=Value(place)) for verdict, place in _ORDER.items()), default=Value(1),
    output_field=IntegerField(),
)  # fmt: skip
#: Of each piece of evidence.
_TOLD: Final = ("ref_id", "summary", "verdict", "source")


def newest_run(ticket: Ticket) -> Investigation | None:
    """The ticket's newest run in any status, without what the sidebar does not show. One query."""
    found = Investigation.objects.filter(ticket=ticket).select_related("playbook").defer(
        "route", "claims", "playbook__document", "playbook__source_yaml"
    ).order_by("-pk").first()  # fmt: skip
    if found is not None:
        found.ticket = ticket
    return found


def version_of(run: Investigation) -> str:
    """Changes with everything that the sidebar shows of a run; a poll compares it and needs nothing else."""
    return f"{run.pk}-{run.live_version}-{run.status}"


def widget_document(
    ticket: Ticket, *, run: Investigation | None, user: User | None, now: datetime, name: str = ""
) -> dict[str, Any]:
    """`run` as `newest_run` gives it. Without a `user` only the helpdesk vouches for `name`: nothing is offered then
    that needs a person. Three queries and those of the parts.
    """
    if run is not None:
        shown = StepResult.objects.only(
            "investigation_id", "step_id", "position", "title", "source", "status", "verdict"
        )
        # Once for all parts: gates are asked for by several.
        overrides = Prefetch("overrides", queryset=GateOverride.objects.select_related("user"))
        prefetch_related_objects([run], Prefetch("steps", queryset=shown), overrides)
    parts = widget_parts(WidgetContext(ticket, run, user, now))
    is_done = run is not None and run.status == Investigation.Status.DONE
    reply = _reply(run, parts.get("reply")) if run is not None and is_done else None
    escalation = parts.get("escalation")
    return {
        "state": run.status if run is not None else "none",
        "ticket": _ticket(ticket),
        "may_create": False,
        "run": _run(run) if run is not None else None,
        "lines": _lines(run) if run is not None and is_done else [],
        "checked": _checked(run) if run is not None and is_done else None,
        "evidence": _evidence(run) if run is not None else [],
        "reply": reply,
        **{place: parts.get(place) for place in _PLACES},
        "actions": {
            "start": _may(user, "run.start") and run is None,
            "rerun": _may(user, "run.start") and run is not None and not run.is_active,
            "feedback": user is not None and _may(user, "run.feedback") and is_done,
            # Into the helpdesk's own editor, where the agent reads and sends it: no right of Altor's beyond reading.
            "insert": reply is not None and bool(reply["gate"]["open"]) and _may_insert(user),
            "escalate": bool(escalation and escalation.get("may_escalate")),
        },
        "viewer": viewer(user, name),
    }


def unknown_document(connection: HelpdeskConnection | None, *, user: User | None, name: str = "") -> dict[str, Any]:
    """The same keys for a ticket that Altor does not know; `may_create` where the helpdesk's API could give it."""
    may = _may(user, "run.start") and (user is None or _may(user, "ticket.create"))
    return {
        "state": "none", "ticket": None, "may_create": can_fetch(connection) and may, "run": None, "lines": [],
        "checked": None, "evidence": [], "reply": None, **dict.fromkeys(_PLACES),
        "actions": dict.fromkeys(("start", "rerun", "feedback", "insert", "escalate"), False),
        "viewer": viewer(user, name),
    }  # fmt: skip


def viewer(user: User | None, name: str) -> dict[str, Any]:
    return {"name": str(user) if user is not None else name, "is_known": user is not None}


def _may(user: User | None, permission: str) -> bool:
    return role_may(user.role, permission) if user is not None else permission in VOUCHED


def _may_insert(user: User | None) -> bool:
    return user is None or _may(user, "ticket.reply")


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return {
        "ref": ticket.ref,
        "subject": ticket.subject,
        "status": ticket.status,
        "class": ticket.incident_class,
        "customer": ticket.customer.name if ticket.customer is not None else "",
        "url": link("investigations:ticket", ticket.ref),
    }


def link(name: str, *args: str) -> str:
    """Where a person opens it, as a whole address: the sidebar lives on another site."""
    return settings.BASE_URL + reverse(name, args=args)


def _run(run: Investigation) -> dict[str, Any]:
    steps = list(run.steps.all())
    current = [step.title for step in steps if step.status == StepResult.Status.RUNNING]
    return {
        "ref": run.ref,
        "status": run.status,
        "version": version_of(run),
        "severity": run.severity,
        "progress": {
            "done": sum(step.status in _ENDED for step in steps),
            "total": len(steps),
            "current": ", ".join(current[:2]),
        },
        "seconds": round(run.seconds, 3) if run.seconds is not None else None,
        "playbook": f"{run.playbook.key} v{run.playbook.version}" if run.playbook is not None else None,
        "url": link("investigations:run", run.ref),
        "failure": run.failure,
    }


def _lines(run: Investigation) -> list[dict[str, Any]]:
    return [
        {
            "key": line.key,
            "lead": line.lead,
            "text": line.text,
            "confidence": line.confidence,
            "band": line.band or None,
            "evidence": [
                {"ref_id": ref, "url": link("investigations:evidence", run.ref, ref)} for ref in line.evidence
            ],
        }
        for line in five_lines(run)
    ]


def _checked(run: Investigation) -> dict[str, Any]:
    text, unavailable = checked_line(run, list(run.steps.all()))
    return {"text": text, "unavailable": unavailable}


def _evidence(run: Investigation) -> list[dict[str, Any]]:
    """The first pieces of evidence, breaches first. One query, none where a part has read them all."""
    known = getattr(run, "_prefetched_objects_cache", {}).get("evidence")
    if known is None:
        known = Evidence.objects.filter(investigation=run).only(*_TOLD).order_by(_RANK, "pk")[:MOST_EVIDENCE]
    found = sorted(known, key=lambda one: (_ORDER.get(one.verdict, 1), one.pk))[:MOST_EVIDENCE]
    return [
        {
            **{name: getattr(one, name) for name in _TOLD},
            "url": link("investigations:evidence", run.ref, one.ref_id),
        }
        for one in found
    ]


def _reply(run: Investigation, part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The draft with its gate. A part of that name has the better text; the gate stays the run's."""
    state = gate_state(run)["reply"]
    gate = {"open": state["open"], "missing": [item["title"] for item in state["missing"]]}
    text = str((run.diagnosis or {}).get("reply_draft") or "")
    if part is None:
        return {"text": text, "gate": gate} if text else None
    return {"text": text, **part, "gate": gate}
