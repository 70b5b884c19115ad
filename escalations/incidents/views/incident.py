"""Incidents: the list, one with its live timeline, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.listing import keyset_page
from altor.models import User
from escalations.contracts.stored import form_of
from escalations.incidents import changing, closing, followups, recovering
from escalations.incidents.customers import customers_of
from escalations.incidents.history import SHORTEST, allow
from escalations.incidents.linking import join, unlink
from escalations.incidents.proof import fixed_by, gone_again
from escalations.incidents.terms import severities
from escalations.incidents.updates import next_stage
from escalations.incidents.views.declare import commanders
from escalations.incidents.views.finding import person_named, visible_incident, whole
from escalations.models import Escalation, Incident, IncidentSuggestion
from escalations.recovery.shown import newest_of, shown
from investigations.models import Investigation, Ticket

_MOST: Final = 100
S = Incident.Status


@require_safe
@page("incident.read")
def incidents(request: HttpRequest) -> HttpResponse:
    """Open ones with what is suggested, or with `closed=1` those that ended."""
    user = person(request)
    rows = Incident.objects.visible_to(user).with_context().annotate(
        tickets=Count("links", filter=Q(links__unlinked_at=None), distinct=True),
        hit=Count("customers", distinct=True),
    )  # fmt: skip
    ended = request.GET.get("closed") == "1"
    context: dict[str, Any] = {
        "here": "incidents", "closed": ended, "now": timezone.now(), "may_declare": user.may("incident.declare"),
        "any": Incident.objects.visible_to(user).exists(),
    }  # fmt: skip
    if ended:
        context["page"] = keyset_page(rows.filter(status=S.CLOSED), request.GET.get("cursor", ""))
        context["rows"] = context["page"].rows
    else:
        context["rows"] = rows.open()[:_MOST]
        context["suggestions"] = list(IncidentSuggestion.objects.visible_to(user).open().select_related("run"))
    return render(request, "incidents/list.html", context)


@require_safe
@page("incident.read")
def incident(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return render(request, "incidents/incident.html", page_context(visible_incident(user, ref), user))


@require_safe
@page("incident.read")
def timeline(request: HttpRequest, ref: str) -> HttpResponse:
    """The timeline for htmx: 204 while it is as in `v`."""
    found = visible_incident(person(request), ref)
    if request.GET.get("v") == str(found.revision):
        return HttpResponse(status=204)
    context = {"incident": found, "history": list(found.history.select_related("by").order_by("-at", "-pk"))}
    return render(request, "incidents/_timeline.html", context)


def page_context(found: Incident, user: User) -> dict[str, Any]:
    links = list(found.links.filter(unlinked_at=None).select_related("ticket__customer", "ticket__owner"))
    mine = set(
        Ticket.objects.visible_to(user).filter(pk__in=[one.ticket_id for one in links]).values_list("pk", flat=True)
    )
    may_work = user.may("incident.work")
    customers = customers_of(found, user)
    proof = newest_of(found)
    return {
        "here": "incidents", "incident": found, "now": timezone.now(),
        "history": list(found.history.select_related("by").order_by("-at", "-pk")),
        "links": [(one.ticket, one.get_how_display(), one.ticket_id in mine) for one in links],
        "customers": customers, "updates": list(found.updates.select_related("by").order_by("-pk")),
        "follow_ups": list(found.follow_ups.select_related("owner", "done_by")), "may_work": may_work,
        "may_declare": user.may("incident.declare"), "reads_directory": user.may("customer.read"),
        "escalation": _escalation(found, user),
        "may_run": Investigation.objects.visible_to(user).filter(pk=found.run_id or 0).exists(),
        "levels": severities(form_of(found.version) if found.version is not None else None) if may_work else [],
        "people": commanders(found.team) if may_work else [],
        "causes": closing.causes() if may_work and found.is_open else [], "next_stage": next_stage(found),
        "shown": shown(proof, user) if proof is not None else None, "may_measure": user.may("run.start"),
        "label": found.cause_label or (found.run.top_label if found.run is not None else ""),
    }  # fmt: skip


def _escalation(found: Incident, user: User) -> Escalation | None:
    """The one it was declared from, else the newest of its cause; None for one that the person may not open."""
    rows = Escalation.objects.visible_to(user).defer("packet", "checklist")
    if found.escalation_id is not None:
        return rows.filter(pk=found.escalation_id).first()
    return rows.filter(cause=found.cause).order_by("-pk").first()


@require_POST
@page("incident.read")
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """Carry out one act; what was typed is not lost when it is refused."""
    user = person(request)
    found = visible_incident(user, ref)
    name = request.POST.get("act", "")
    chosen = _ACTS.get(name)
    if chosen is None:
        raise Http404
    try:
        said = chosen(found, request, user)
    except DomainError as refused:
        found = visible_incident(user, ref)
        context = page_context(found, user) | {
            "refused": refused.detail, "refused_act": name, "typed": request.POST,
            "errors": refused.extra.get("errors", {}),
        }  # fmt: skip
        return render(request, "incidents/incident.html", context, status=refused.status)
    messages.success(request, said)
    return redirect("incidents:incident", found.ref)


def _note(found: Incident, request: HttpRequest, user: User) -> str:
    changing.note(found, _text(request), actor=user, now=timezone.now())
    return "Everybody who works on it is told."


def _severity(found: Incident, request: HttpRequest, user: User) -> str:
    to = request.POST.get("severity", "")
    changing.change_severity(found, to, _text(request), actor=user, now=timezone.now())
    return f"It is {to} now."


def _commander(found: Incident, request: HttpRequest, user: User) -> str:
    to = person_named(request.POST.get("commander", ""))
    changing.change_commander(found, to, why=_text(request), actor=user, now=timezone.now())
    return f"{to} commands it now."


def _channel(found: Incident, request: HttpRequest, user: User) -> str:
    changing.change_channel(found, request.POST.get("channel", ""), actor=user, now=timezone.now())
    return "The channel is kept."


def _interval(found: Incident, request: HttpRequest, user: User) -> str:
    minutes = whole(request.POST.get("minutes", ""))
    changing.change_interval(found, minutes, _text(request), actor=user, now=timezone.now())
    return f"Customers hear every {minutes} minutes."


def _join(found: Incident, request: HttpRequest, user: User) -> str:
    ref = request.POST.get("ticket", "").strip()[:80]
    ticket = Ticket.objects.visible_to(user).filter(ref=ref).first()
    if ticket is None:
        raise InvalidInput(f"There is no ticket {ref!r} that you may open.", errors={"ticket": ["No such ticket."]})
    join(found, ticket, actor=user, now=timezone.now())
    return f"{ticket.ref} is part of it."


def _unlink(found: Incident, request: HttpRequest, user: User) -> str:
    ref = request.POST.get("ticket", "")[:80]
    unlink(found, ref, why=_text(request), actor=user, now=timezone.now())
    return f"{ref} is no part of it any more."


def _fixed(found: Incident, request: HttpRequest, user: User) -> str:
    allow(user)
    fixed_by(found, now=timezone.now(), actor=user, text=_text(request), via="page")
    return "Fixed. It is back to normal when the measurements say so."


def _recovered(found: Incident, request: HttpRequest, user: User) -> str:
    """A person vouches for it: with a word on what they looked at."""
    allow(user)
    said = _text(request)
    if len(said.strip()) < SHORTEST:
        raise InvalidInput("Say what shows that it is back to normal.", errors={"text": ["Say what shows it."]})
    now = timezone.now()
    recovering.recovered(found, now, now=now, actor=user, text=said, via="page")
    return "Back to normal."


def _not_recovered(found: Incident, request: HttpRequest, user: User) -> str:
    allow(user)
    said = _text(request)
    if len(said.strip()) < SHORTEST:
        raise InvalidInput("Say what shows that it is not gone.", errors={"text": ["Say what shows it."]})
    gone_again(found, said, now=timezone.now(), actor=user, via="page")
    return "It is worked on again."


def _close(found: Incident, request: HttpRequest, user: User) -> str:
    given = request.POST
    closing.close(
        found, cause_label=given.get("cause_label", ""), cause_text=_text(request),
        unproven_reason=given.get("unproven_reason", ""), actor=user, now=timezone.now(),
    )  # fmt: skip
    return "Closed. Its follow-ups live on."


def _reopen(found: Incident, request: HttpRequest, user: User) -> str:
    closing.reopen(found, _text(request), actor=user, now=timezone.now())
    return "Open again."


def _follow_up(found: Incident, request: HttpRequest, user: User) -> str:
    given = request.POST
    followups.add_follow_up(
        found, _text(request), owner=person_named(given.get("owner", "")), due_on=day_of(given.get("due_on", "")),
        link=given.get("link", "").strip(), actor=user, now=timezone.now(),
    )  # fmt: skip
    return "Kept. Its owner is told."


def _follow_up_done(found: Incident, request: HttpRequest, user: User) -> str:
    done = request.POST.get("done") == "yes"
    followups.mark_done(found, whole(request.POST.get("id", "")), done=done, actor=user, now=timezone.now())
    return "Done." if done else "Open again."


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "").replace("\r\n", "\n")


_ACTS: Final[dict[str, Callable[[Incident, HttpRequest, User], str]]] = {
    "note": _note, "severity": _severity, "commander": _commander, "channel": _channel, "interval": _interval,
    "join": _join, "unlink": _unlink, "fixed": _fixed, "recovered": _recovered, "not_recovered": _not_recovered,
    "close": _close, "reopen": _reopen, "follow-up": _follow_up, "follow-up-done": _follow_up_done,
}  # fmt: skip
