"""Overrides: put somebody in, take a shift now, take an override back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from escalations.models import Rotation, RotationOverride
from escalations.oncall.editing import may_edit
from escalations.oncall.overrides import add_override, cancel_override, take_shift
from escalations.oncall.rotations import Plan, load_one
from escalations.views.oncall.finding import LOCAL, moment_of, standing, visible_rotation


class OverrideForm(forms.Form):
    """Somebody for a time. Without the right to edit, the person is the reader."""

    seat = forms.ChoiceField()
    person = forms.ChoiceField(label="Who is on call instead")
    begins_at = forms.DateTimeField(label="From", widget=forms.DateTimeInput({"type": "datetime-local"}, LOCAL))
    ends_at = forms.DateTimeField(label="To", widget=forms.DateTimeInput({"type": "datetime-local"}, LOCAL))
    reason = forms.CharField(max_length=300, required=False, help_text="Whose shifts it changes are told, with this.")

    def __init__(self, plan: Plan, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = standing(plan) if may_edit(user, plan.rotation.team) else [user]
        self.fields["seat"].choices = [(one.key, one.name) for one in plan.seats]  # type: ignore[attr-defined]
        self.fields["person"].choices = [(str(one.pk), str(one)) for one in people]  # type: ignore[attr-defined]
        self.people = {str(one.pk): one for one in people}
        if len(plan.seats) == 1:
            self.fields["seat"].widget = forms.HiddenInput()
            self.fields["seat"].initial = plan.seats[0].key
        self.fields["begins_at"].help_text = f"In {timezone.get_current_timezone_name()}, as all times on this page."


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.take")
def override(request: HttpRequest, slug: str) -> HttpResponse:
    row, user, now = visible_rotation(request, slug), person(request), timezone.now()
    plan = load_one(row, now=now)
    rounded = timezone.localtime(now).replace(second=0, microsecond=0)
    form = OverrideForm(plan, user, request.POST or None, initial={"begins_at": rounded})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = add_override(
                row, seat=data["seat"], begins_at=data["begins_at"], ends_at=data["ends_at"],
                person=form.people[data["person"]], actor=user, now=now, reason=data["reason"],
            )  # fmt: skip
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, f"{made.person} is on call then. Those whose shifts changed are told.")
            return redirect("oncall:rotation", slug)
    context = {"here": "on-call", "rotation": row, "form": form}
    return render(request, "oncall/override.html", context, status=422 if form.errors else 200)


@require_POST
@page("oncall.take")
def take(request: HttpRequest, slug: str) -> HttpResponse:
    """From now to `ends_at`, if `seen` still holds the seat."""
    row, user, now = visible_rotation(request, slug), person(request), timezone.now()
    try:
        made = take_shift(
            row, seat=request.POST.get("seat", ""), begins_at=now, ends_at=moment_of(request.POST.get("ends_at", "")),
            seen=request.POST.get("seen", "")[:20], actor=user, now=now,
        )  # fmt: skip
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"You are on call now, until {timezone.localtime(made.ends_at):%a %-d %b %H:%M}.")
    return _back(request, row)


@require_POST
@page("oncall.take")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    rows = RotationOverride.objects.filter(rotation__in=Rotation.objects.visible_to(user))
    row = get_object_or_404(rows.select_related("rotation__team", "person", "instead_of"), pk=pk)
    try:
        cancel_override(row, actor=user, now=timezone.now())
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Cancelled: from now on the rotation counts again.")
    return _back(request, row.rotation)


def _back(request: HttpRequest, row: Rotation) -> HttpResponse:
    """To the page the button stood on."""
    asked = request.POST.get("next", "")
    if asked and url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return redirect(asked)
    return redirect("oncall:rotation", row.slug)
