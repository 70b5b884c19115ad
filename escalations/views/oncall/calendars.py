"""Imported calendars: begin a rotation with one, add another, say who is meant, read it again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import DomainError
from altor.forms import zones
from altor.models import Team, User
from altor.roles import Role
from escalations.models import ImportedCalendar
from escalations.oncall.calendars import add_calendar, choose_names, refresh, start_import
from escalations.views.oncall.finding import editable_rotation


def editable_teams(user: User) -> list[Team]:
    rows = Team.objects.all() if user.role == Role.ADMIN else user.teams.all()
    return list(rows.order_by("-is_default", "name"))


class ImportForm(forms.Form):
    name = forms.CharField(max_length=80, initial="Support")
    team = forms.ChoiceField()
    owns = forms.CharField(
        max_length=80,
        initial="urgent triage",
        label="What they own",
        help_text="In words, as it stands in the header of every page.",
    )
    url = forms.CharField(
        max_length=1000, label="Address of the calendar",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off"}),
        help_text="Its private iCal link (https or webcal). It is stored encrypted and read every 15 minutes.",
    )  # fmt: skip
    zone = forms.ChoiceField(choices=zones, label="Time zone", help_text="For events that name none.")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {one.slug: one for one in editable_teams(user)}
        names = [(slug, one.name) for slug, one in self.teams.items()]
        self.fields["team"].choices = names  # type: ignore[attr-defined]  # a choice field
        first = next(iter(self.teams.values()), None)
        self.fields["zone"].initial = first.timezone if first else "UTC"


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.edit")
def new(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = ImportForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            row = start_import(
                name=data["name"], team=form.teams[data["team"]], owns=data["owns"], zone=data["zone"], url=data["url"],
                actor=user, now=timezone.now(),
            )  # fmt: skip
        except DomainError as refused:
            form.add_error("url" if "url" in (refused.extra.get("errors") or {}) else None, refused.detail)
        else:
            messages.success(request, "The calendar is read. Look below whether everybody in it was found.")
            return redirect("oncall:rotation", row.slug)
    context = {"here": "on-call", "form": form}
    return render(request, "oncall/import.html", context, status=422 if form.errors else 200)


@require_POST
@page("oncall.edit")
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Another calendar for this rotation, or a new address for one that it has."""
    row = editable_rotation(request, slug)
    key = forms.SlugField(max_length=40)
    try:
        name = key.clean(request.POST.get("key", "").strip().lower())
        add_calendar(
            row, key=name, url=request.POST.get("url", ""), zone=row.zone, actor=person(request), now=timezone.now()
        )
    except forms.ValidationError:
        messages.error(request, "A calendar needs a short name: small letters, digits and -.")
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"Calendar “{name}” is read. A layer follows it once the rotation says so.")
    return redirect("oncall:rotation", slug)


@require_POST
@page("oncall.edit")
def act(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """`do`: fetch (read it again now), names (who is meant: fields `name` and `who`, pairwise)."""
    rotation = editable_rotation(request, slug)
    row = get_object_or_404(ImportedCalendar.objects.select_related("rotation__team"), rotation=rotation, key=key)
    now = timezone.now()
    try:
        if request.POST.get("do") == "names":
            pairs = zip(request.POST.getlist("name")[:60], request.POST.getlist("who")[:60], strict=False)
            choose_names(row, {name[:200]: who[:150] for name, who in pairs}, actor=person(request), now=now)
        error = refresh(row.pk, now=now)
    except DomainError as refused:
        error = refused.detail
    if error:
        messages.error(request, f"The calendar cannot be read: {error}. The last good copy counts.")
    else:
        messages.success(request, "The calendar is read.")
    return redirect("oncall:rotation", slug)
