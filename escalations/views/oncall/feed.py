"""Links that calendars read: make, renew, revoke; and the feed itself, which needs no login but its signed address."""

from __future__ import annotations

import hashlib

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.models import Team
from escalations.models import CalendarLink, Rotation
from escalations.oncall.ical_out import feed
from escalations.oncall.links import address_of, find_link, make_link, of_what, plans_of, renew_link, revoke_link


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.read")
def links(request: HttpRequest) -> HttpResponse:
    """`of`: "me", "rotation:slug" or "team:slug"."""
    user, now = person(request), timezone.now()
    rotations = list(Rotation.objects.visible_to(user).active().order_by("name"))
    teams = list(Team.objects.filter(rotations__in=rotations).distinct().order_by("name"))
    if request.method == "POST":
        try:
            kind, rotation, team = _chosen(request.POST.get("of", ""), rotations, teams)
            make_link(kind, actor=user, now=now, rotation=rotation, team=team)
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, "The link is made. Whoever has it can read these shifts.")
        return redirect("oncall:feeds")
    live = CalendarLink.objects.filter(owner=user, revoked_at=None).select_related("rotation", "team", "owner")
    context = {
        "here": "on-call",
        "links": [(one, address_of(one), of_what(one)) for one in live],
        "rotations": rotations,
        "teams": teams,
    }
    return render(request, "oncall/feeds.html", context)


def _chosen(value: str, rotations: list[Rotation], teams: list[Team]) -> tuple[str, Rotation | None, Team | None]:
    kind, _, slug = value.partition(":")
    if value == "me":
        return CalendarLink.Kind.PERSON, None, None
    rotation = next((one for one in rotations if kind == "rotation" and one.slug == slug), None)
    team = next((one for one in teams if kind == "team" and one.slug == slug), None)
    if rotation is None and team is None:
        raise InvalidInput("Choose what the calendar shows.")
    return (CalendarLink.Kind.ROTATION if rotation else CalendarLink.Kind.TEAM), rotation, team


@require_POST
@page("oncall.read")
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """`do`: renew, revoke."""
    user, now = person(request), timezone.now()
    rows = CalendarLink.objects.filter(owner=user).select_related("rotation", "team", "owner")
    link = get_object_or_404(rows, pk=pk)
    try:
        if request.POST.get("do") == "renew":
            renew_link(link, actor=user, now=now)
            messages.success(request, "There is a new link; the old one opens nothing any more.")
        elif request.POST.get("do") == "revoke":
            revoke_link(link, actor=user, now=now)
            messages.success(request, "The link opens nothing any more.")
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect("oncall:feeds")


@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The feed of a signed link. Anything that is not right is not found."""
    now = timezone.now()
    link = find_link(token, now)
    if link is None:
        raise Http404
    person_ = link.owner if link.kind == CalendarLink.Kind.PERSON else None
    body = feed(plans_of(link, now), title=f"On call: {of_what(link)}", now=now, person=person_)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match", "") == etag:
        answer: HttpResponse = HttpResponseNotModified()
    else:
        answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
        answer["Content-Disposition"] = 'inline; filename="on-call.ics"'
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=300"
    answer["X-Robots-Tag"] = "noindex"
    return answer
