"""The runs list, the run page with its live part, one piece of evidence, comparison and export."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.listing import keyset_page
from altor.models import User
from investigations.filters import RunFilter, with_progress
from investigations.models import Evidence, Feedback, Investigation
from investigations.panels import panels
from investigations.services.affected import affected_of
from investigations.services.gates import gate_state
from investigations.services.lifecycle import prospect
from investigations.services.playbook_proposals import open_among
from investigations.views import run_view
from investigations.views.pulse import pulse, unchanged

#: htmx's answer code for "swap this and stop polling".
STOP_POLLING: Final = 286


def visible_run(user: User, ref: str) -> Investigation:
    """The run with its ticket and playbook, or 404: unknown and forbidden look alike."""
    run = (
        Investigation.objects.visible_to(user)
        .by_ref(ref)
        .with_context()
        .select_related("ticket__owner", "previous")
        .first()
    )
    if run is None:
        raise Http404
    return run


@require_safe
@page("run.read")
def runs(request: HttpRequest) -> HttpResponse:
    user = person(request)
    now = pulse(user)
    answer = unchanged(request, now)
    if answer is not None:
        return answer
    chosen = RunFilter(request.GET, user)
    listed = with_progress(
        chosen.apply(Investigation.objects.visible_to(user)).with_context().select_related("ticket__owner")
    )
    listed = listed.defer(
        "diagnosis", "inputs", "profile", "playbook__document", "playbook__source_yaml", "ticket__description"
    )
    context = {
        "here": "runs",
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "chosen": chosen,
        "pulse": now,
        "may_create": user.may("ticket.create"),
        "any": chosen.is_active or Investigation.objects.visible_to(user).exists(),
    }
    return render(request, "investigations/run_list.html", context)


def gate_lines(run: Investigation, known: Mapping[str, Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The two gates as the page shows them; nothing for a run that has no playbook. `known`: its state, if read."""
    if run.playbook is None:
        return []
    titles = {"reply": "Reply to the customer", "escalation": "Escalate to engineering"}
    state = known or gate_state(run)
    return [{"name": name, "title": titles.get(name, name), **gate} for name, gate in state.items()]


def labels(run: Investigation) -> list[tuple[str, str]]:
    """Causes a person may name: those of the run's playbook, and the two that fit any ticket."""
    hypotheses = run.playbook.document.get("hypotheses", []) if run.playbook else []
    known = {item["label"]: re.sub(r"\s*\{[^}]*\}", " …", item["title"]) for item in hypotheses}
    known.setdefault("none.no_anomaly", "Nothing unusual on our side")
    known.setdefault("other.out_of_scope", "Not an incident")
    return list(known.items())


def run_context(request: HttpRequest, run: Investigation) -> dict[str, Any]:
    user = person(request)
    steps = list(run.steps.select_related("assignee", "answered_by"))
    evidence = list(run.evidence.select_related("step"))
    newest = run.ticket.investigations.only("pk").order_by("-pk").first()
    ahead = None if run.is_active else prospect(run.ticket)
    if ahead is not None and ahead.run != run:
        ahead = None  # a reply rests on the newest diagnosis, which is another run's
    verdicts = run.feedback.select_related("user", "proposal").defer("proposal__changes", "proposal__effect")
    feedback = list(verdicts)
    placed = panels("run", user, run.ticket.ref) if ahead is not None else []
    return {
        "here": "runs",
        "run": run,
        "ticket": run.ticket,
        "view": run_view.build(run, steps, evidence, readable=_readable(user, run_view.earlier_runs(run))),
        "gates": [] if run.is_active else gate_lines(run, ahead.gates if ahead else None),
        "next": ahead,
        "panels": placed,
        "replies_in_panel": any(one.panel.holds_reply for one in placed),
        "labels": labels(run),
        "grades": Feedback.Grade.choices,
        "affected": affected_of(run, user),
        "feedback": feedback,
        "proposal": open_among(feedback) if user.may("playbook.edit") else None,
        "newest_ref": newest.ref if newest else "",
        "may": {name: user.may(f"run.{name}") for name in ("start", "answer", "feedback")}
        | {name: user.may(f"ticket.{name}") for name in ("reply", "resolve")}
        | {
            "export": user.may("export"),
            "override": user.may("gate.override"),
            "connections": user.may("connection.read"),
        },
    }


def _readable(user: User, refs: frozenset[str]) -> frozenset[str]:
    """Those of the runs that the reader may open. One query, none without references."""
    if not refs:
        return refs
    wanted = [int(ref.removeprefix("INV-")) for ref in refs]
    return frozenset(run.ref for run in Investigation.objects.visible_to(user).filter(pk__in=wanted).only("pk"))


@require_safe
@page("run.read")
def run(request: HttpRequest, ref: str) -> HttpResponse:
    found = visible_run(person(request), ref)
    return render(request, "investigations/run_detail.html", run_context(request, found))


@require_safe
@page("run.read")
def run_live(request: HttpRequest, ref: str) -> HttpResponse:
    """The live part: 204 while version `v` is still current, 286 (stop polling) once the run has ended."""
    known = Investigation.objects.visible_to(person(request)).by_ref(ref).values("live_version", "status").first()
    if known is None:
        raise Http404
    is_active = known["status"] in (Investigation.Status.QUEUED, Investigation.Status.RUNNING)
    if is_active and request.GET.get("v") == str(known["live_version"]):
        return HttpResponse(status=204)
    context = run_context(request, visible_run(person(request), ref))
    # What was read last decides: the run may have ended between the two reads.
    status = 200 if context["run"].is_active else STOP_POLLING
    return render(request, "investigations/_run_live.html", context, status=status)


@require_safe
@page("run.read")
def evidence(request: HttpRequest, ref: str, ref_id: str) -> HttpResponse:
    found = visible_run(person(request), ref)
    item = get_object_or_404(Evidence.objects.select_related("step"), investigation=found, ref_id=ref_id)
    siblings = list(found.evidence.order_by(F("at").asc(nulls_last=True), "pk").values_list("ref_id", flat=True))
    place = siblings.index(item.ref_id)
    context = {
        "here": "runs",
        "run": found,
        "ticket": found.ticket,
        "item": item,
        "card": run_view.card(item),
        "before": siblings[place - 1] if place else "",
        "after": siblings[place + 1] if place + 1 < len(siblings) else "",
    }
    return render(request, "investigations/evidence.html", context)


def as_download(document: Any, name: str) -> HttpResponse:
    body = json.dumps(document, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/json; charset=utf-8", headers=headers)
