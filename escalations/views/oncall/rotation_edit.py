"""Begin a weekly rotation; edit one, with what a change would move before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from altor.access import page, person
from altor.errors import Conflict, DomainError
from altor.forms import zones
from altor.models import User
from escalations.models import Rotation
from escalations.oncall.editing import (
    Preview,
    create_rotation,
    next_handover,
    preview,
    save_rotation,
    usernames,
    weekly,
)
from escalations.oncall.format import read_form
from escalations.oncall.moves import move_lines
from escalations.oncall.words import until_words
from escalations.views.oncall.calendars import editable_teams
from escalations.views.oncall.editor_form import EditorForm, changed, editor_from, editor_of
from escalations.views.oncall.finding import candidates, editable_rotation, moment_of

DAYS: Final = [
    (str(n), name)
    for n, name in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
]
_SHOWN: Final = 6


class WeeklyForm(forms.Form):
    """The light way: people, a week each, in the order of the list."""

    name = forms.CharField(max_length=80, initial="Support")
    team = forms.ChoiceField()
    owns = forms.CharField(
        max_length=80, initial="urgent triage", label="What they own",
        help_text="In words, as it stands in the header of every page.",
    )  # fmt: skip
    people = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label="Who takes turns",
        help_text="A week each, in this order. The order can be changed afterwards.",
    )  # fmt: skip
    day = forms.ChoiceField(choices=DAYS, label="Handover on")
    at = forms.TimeField(
        label="At", initial="09:00", widget=forms.TimeInput({"type": "time"}, "%H:%M"),
        error_messages={"invalid": "Write a time like 09:00."},
    )  # fmt: skip
    zone = forms.ChoiceField(choices=zones, label="Time zone")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {one.slug: one for one in editable_teams(user)}
        self.known = {str(one.pk): one for one in candidates()}
        names = [(slug, one.name) for slug, one in self.teams.items()]
        self.fields["team"].choices = names  # type: ignore[attr-defined]  # a choice field
        self.fields["people"].choices = [(pk, str(one)) for pk, one in self.known.items()]  # type: ignore[attr-defined]
        first = next(iter(self.teams.values()), None)
        zone = first.timezone if first and first.timezone != "UTC" else user.timezone
        self.fields["zone"].initial = zone


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.edit")
def new(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    form = WeeklyForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        begins = next_handover(now, data["zone"], int(data["day"]), (data["at"].hour, data["at"].minute))
        try:
            row = create_rotation(
                weekly(
                    name=data["name"], team=form.teams[data["team"]], owns=data["owns"], zone=data["zone"],
                    people=[form.known[pk] for pk in data["people"]], begins=begins,
                ),
                actor=user, now=now,
            )  # fmt: skip
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, f"{row.name} runs. Everybody in it is told.")
            return redirect("oncall:rotation", row.slug)
    return render(
        request, "oncall/new.html", {"here": "on-call", "form": form}, status=422 if form.errors else 200
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.edit")
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Buttons of the form (`do`): add and remove rows, preview, save."""
    row, user, now = editable_rotation(request, slug), person(request), timezone.now()
    if request.method != "POST":
        newest = row.versions.order_by("-number")[0]
        form = editor_of(usernames(newest.document), base=newest.number, default=row.is_default)
        return _page(request, row, form)
    form = editor_from(request.POST)
    what = request.POST.get("do", "save")
    try:
        if changed(form, what, _begins(form, now)):
            return _page(request, row, form)
        wanted, since = read_form(form.written()), moment_of(form.since) if form.since.strip() else None
        if what == "preview":
            return _page(request, row, form, shown=preview(row, wanted, now=now, in_force_from=since))
        base = int(form.base) if form.base.isdecimal() and len(form.base) < 8 else None
        if base is None:
            raise Conflict("The page is out of date: load it again.")
        version = save_rotation(
            row, wanted, actor=user, now=now, based_on=base, in_force_from=since, comment=form.comment
        )
    except DomainError as refused:
        found = refused.extra.get("errors") or {}
        problems = (
            [refused.detail] if len(found) < 2 else [f"{path}: {'; '.join(said)}" for path, said in found.items()]
        )
        return _page(request, row, form, problems=problems, conflict=isinstance(refused, Conflict))
    messages.success(request, f"Saved as version {version.number}. Those whose shifts moved are told.")
    return redirect("oncall:rotation", slug)


def _begins(form: EditorForm, now: datetime) -> datetime:
    """Offered for a new layer: the handover before now, as Mondays at nine."""
    zone = form.zone if form.zone in dict(zones()) else "UTC"
    return next_handover(now, zone, 0, (9, 0))


def _page(
    request: HttpRequest, row: Rotation, form: EditorForm, *, problems: Sequence[str] = (), conflict: bool = False,
    shown: Preview | None = None,
) -> HttpResponse:  # fmt: skip
    user, now = person(request), timezone.now()
    known = list(candidates())
    names = {one.username for one in known}
    extra = [
        name for seat in form.seats for layer in seat.layers for name in layer.people if name and name not in names
    ]
    context = {
        "here": "on-call",
        "rotation": row,
        "form": form,
        "people": [(one.username, str(one)) for one in known]
        + [(name, f"{name} (not active)") for name in dict.fromkeys(extra)],
        "teams": editable_teams(user),
        "zones": [name for name, _ in zones()],
        "calendars": list(row.calendars.values_list("key", flat=True)),
        "problems": problems,
        "conflict": conflict,
        "is_plain": len(form.seats) == 1 and len(form.seats[0].layers) == 1,
    }
    if shown is not None:
        lines = [(one.person, move_lines([one], user)) for one in shown.moves]
        context["preview"] = {
            "moves": [(who, said[:_SHOWN], max(0, len(said) - _SHOWN)) for who, said in lines],
            "gaps": [
                (name, gap.begin, until_words(gap.end, now, user)) for name, gap in shown.gaps[:_SHOWN]
            ],
            "more_gaps": max(0, len(shown.gaps) - _SHOWN),
        }  # fmt: skip
    return render(request, "oncall/edit.html", context, status=422 if problems else 200)
