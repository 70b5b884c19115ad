"""People and teams, for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from altor.access import page
from altor.access import person as actor_of
from altor.errors import DomainError
from altor.forms import PersonForm, TeamForm
from altor.models import Team, User
from altor.people import save_person, save_team


@require_safe
@page("user.edit")
def people(request: HttpRequest) -> HttpResponse:
    listed = User.objects.prefetch_related("teams").order_by("-is_active", "username")
    teams = Team.objects.prefetch_related("members")
    return render(request, "altor/people.html", {"here": "people", "people": listed, "teams": teams})


@require_http_methods(["GET", "HEAD", "POST"])
@page("user.edit")
def new_person(request: HttpRequest) -> HttpResponse:
    return _person_form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page("user.edit")
def person_page(request: HttpRequest, username: str) -> HttpResponse:
    return _person_form(request, get_object_or_404(User, username=username))


def _person_form(request: HttpRequest, who: User | None) -> HttpResponse:
    initial = None
    if who is not None:
        initial = {
            name: getattr(who, name) for name in ("username", "email", "first_name", "last_name", "role", "is_active")
        }
        initial["teams"] = list(who.teams.all())
    form = PersonForm(request.POST or None, initial=initial, person=who)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save_person(person=who, data=form.cleaned_data, actor=actor_of(request))
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, f"{saved} is saved.")
            return redirect("people")
    context = {"here": "people", "form": form, "who": who}
    return render(request, "altor/person.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@page("user.edit")
def team_page(request: HttpRequest, slug: str = "") -> HttpResponse:
    team = get_object_or_404(Team, slug=slug) if slug else None
    form = TeamForm(request.POST or None, instance=team)
    if request.method == "POST" and form.is_valid():
        saved = save_team(team=form.save(commit=False), actor=actor_of(request))
        messages.success(request, f"{saved.name} is saved.")
        return redirect("people")
    return render(
        request, "altor/team.html", {"here": "people", "form": form, "team": team}, status=422 if form.errors else 200
    )
