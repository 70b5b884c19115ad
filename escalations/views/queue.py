"""The work queue: what comes due first, and who takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import Team, User
from altor.roles import Role
from escalations.ownership.listing import PAGE, VIEWS, QueueFilter, open_tickets, rows_of
from escalations.ownership.shown import panel_of
from investigations.models import Ticket
from investigations.services.custody import assign, give_back, take
from investigations.views.tickets import visible_ticket

#: Tickets of one bulk action, and lines that tell of refusals one by one.
MOST: Final = 200
_TOLD: Final = 12


@require_safe
@page("ticket.read")
def queue(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    chosen = QueueFilter(request.GET, user)
    found = chosen.apply(open_tickets(user))
    begin = (chosen.page - 1) * PAGE
    listed = list(found[begin : begin + PAGE + 1])
    context: dict[str, Any] = {
        "here": "queue",
        "chosen": chosen,
        "views": VIEWS,
        "rows": rows_of(listed[:PAGE], user, now),
        "older": chosen.page + 1 if len(listed) > PAGE else 0,
        "newer": chosen.page - 1,
        "any": bool(listed) or open_tickets(user).exists(),
        "may_edit": user.may("ticket.edit"),
        "people": colleagues(user, chosen.teams) if user.may("ticket.edit") else [],
    }
    return render(request, "escalations/queue.html", context)


def colleagues(user: User, teams: Sequence[Team]) -> list[User]:
    """Who may be given tickets of these teams, the person first."""
    found = User.objects.filter(is_active=True, memberships__team__in=teams).exclude(role=Role.READ_ONLY)
    return sorted(found.distinct(), key=lambda one: (one.pk != user.pk, str(one).lower()))


@require_POST
@page("ticket.edit")
def act(request: HttpRequest) -> HttpResponse:
    """Take or assign the chosen tickets; each is told of on its own. `take` names a single one."""
    user = person(request)
    refs = [request.POST["take"]] if request.POST.get("take") else request.POST.getlist("ticket")
    refs = list(dict.fromkeys(ref[:80] for ref in refs))
    back = redirect(_back(request))
    if not refs:
        messages.error(request, "Choose at least one ticket first.")
        return back
    if len(refs) > MOST:
        messages.error(request, f"At most {MOST} tickets at once.")
        return back
    is_taking = request.POST.get("act") != "assign" or bool(request.POST.get("take"))
    owner = user if is_taking else User.objects.filter(username=request.POST.get("owner", ""), is_active=True).first()
    if owner is None:
        messages.error(request, "Choose whom to assign the tickets to.")
        return back
    visible = {ticket.ref: ticket for ticket in Ticket.objects.visible_to(user).filter(ref__in=refs)}
    done, refused = [], []
    for ref in refs:
        try:
            if ref not in visible:
                refused.append(f"{ref}: there is no such ticket among yours.")
            elif is_taking:
                take(visible[ref], actor=user)
                done.append(ref)
            else:
                assign(visible[ref], owner=owner, actor=user, seen=request.POST.get(f"seen-{ref}"))
                done.append(ref)
        except DomainError as error:
            refused.append(error.detail)
    _tell(request, done, refused, "yours" if owner.pk == user.pk else f"{owner}'s")
    return back


def _tell(request: HttpRequest, done: Sequence[str], refused: Sequence[str], whose: str) -> None:
    if done:
        named = ", ".join(done[:_TOLD]) + (f" and {len(done) - _TOLD} more" if len(done) > _TOLD else "")
        messages.success(request, f"{named} {'is' if len(done) == 1 else 'are'} {whose} now.")
    for sentence in refused[:_TOLD]:
        messages.warning(request, sentence)
    if len(refused) > _TOLD:
        messages.warning(request, f"{len(refused) - _TOLD} more could not be changed.")


def _back(request: HttpRequest) -> str:
    """The queue as it was filtered."""
    kept = {name: request.GET[name][:60] for name in ("view", "team", "page") if request.GET.get(name)}
    return reverse("escalations:queue") + (f"?{urlencode(kept)}" if kept else "")


@require_safe
@page("ticket.read")
def ownership(request: HttpRequest, ref: str) -> HttpResponse:
    """A ticket's clocks and owners: a panel for htmx, a page for everybody else."""
    user = person(request)
    ticket = visible_ticket(user, ref)
    is_open = ticket.status != Ticket.Status.RESOLVED
    context = {
        "here": "tickets",
        "ticket": ticket,
        "panel": panel_of(ticket, timezone.now()),
        "may_edit": user.may("ticket.edit") and is_open,
        "teams": list(Team.objects.exclude(pk=ticket.team_id)),
    }
    name = "_ownership.html" if request.headers.get("HX-Request") else "ownership.html"
    return render(request, f"escalations/{name}", context)


@require_POST
@page("ticket.edit")
def hand(request: HttpRequest, ref: str) -> HttpResponse:
    """`act`: take or return."""
    user = person(request)
    ticket = visible_ticket(user, ref)
    ways: dict[str, Callable[[], str]] = {
        "take": lambda: _taken(ticket, user),
        "return": lambda: _returned(request, ticket, user),
    }
    try:
        messages.success(request, ways.get(request.POST.get("act", ""), ways["take"])())
    except DomainError as refused:
        messages.error(request, refused.detail)
    if not Ticket.objects.visible_to(user).filter(pk=ticket.pk).exists():
        return redirect("escalations:queue")  # it went to a team of which the person is not
    return redirect("investigations:ticket", ref)


def _taken(ticket: Ticket, user: User) -> str:
    take(ticket, actor=user)
    return f"{ticket.ref} is yours."


def _returned(request: HttpRequest, ticket: Ticket, user: User) -> str:
    team = Team.objects.filter(slug=request.POST.get("team", "")).first()
    changed = give_back(ticket, actor=user, reason=request.POST.get("reason", ""), team=team)
    return f"{ticket.ref} is in the queue of {changed.team}."
