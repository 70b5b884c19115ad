"""The weekly review: what is proposed, the page on which it is prepared, held and closed, and its minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import Conflict, DomainError, InvalidInput
from altor.models import Team, User
from altor.roles import Role
from metrics.definitions.catalogue import METRICS
from metrics.models import Review, ReviewAction
from metrics.review.effects import effects
from metrics.review.holding import (
    add_action,
    add_item,
    change_item,
    changes_since,
    end_action,
    move,
    open_actions,
    people_of,
    prepare,
    week_of_today,
    write,
)
from metrics.review.minutes import as_markdown
from metrics.review.proposing import propose

#: Reviews that the list shows of each team, and actions that are done.
LISTED: Final = 26


@require_safe
@page("review.read")
def reviews(request: HttpRequest) -> HttpResponse:
    """The last whole week of each own team, and the reviews before."""
    user = person(request)
    week = week_of_today(timezone.now())
    found = [(team, _of(team, week), list(_past(team, week)), open_actions(team).count()) for team in _teams(user)]
    context = {"here": "reviews", "week": week, "found": found, "may_hold": user.may("review.hold")}
    return render(request, "metrics/reviews.html", context)


@require_safe
@page("review.read")
def review(request: HttpRequest, team: str, week: str) -> HttpResponse:
    """One team's week; what is proposed as long as nobody has prepared it. Writes nothing."""
    user = person(request)
    return _page(request, user, _team(user, team), _week(week))


@require_safe
@page("review.read")
def minutes(request: HttpRequest, team: str, week: str) -> HttpResponse:
    found = _of(_team(person(request), team), _week(week))
    if found is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="review-{team}-{week}.md"'}
    return HttpResponse(as_markdown(found), content_type="text/markdown; charset=utf-8", headers=headers)


@require_POST
@page("review.hold")
def act(request: HttpRequest, team: str, week: str) -> HttpResponse:
    """What a button of the page does; what is refused comes back with what was typed."""
    user = person(request)
    of, day = _team(user, team), _week(week)
    name = request.POST.get("act", "")
    try:
        if name == "prepare":
            prepare(of, day, actor=user)
        elif name in _ACTS:
            found = _of(of, day)
            if found is None:
                raise Conflict("The review is not prepared yet.")
            said = _ACTS[name](request, found, user)
            if said:
                messages.success(request, said)
        else:
            raise InvalidInput("There is nothing to do.")
    except DomainError as refused:
        return _page(request, user, of, day, refused=refused.detail, status=refused.status)
    return redirect(f"{request.path.removesuffix('act/')}{_anchor(request)}")


def _anchor(request: HttpRequest) -> str:
    """Back to where the button was."""
    wanted = request.POST.get("at", "")
    return f"#{wanted}" if wanted.replace("-", "").isalnum() and len(wanted) < 30 else ""


# ---------------------------------------------------------------------------------------------------------------- acts
def _add(request: HttpRequest, found: Review, user: User) -> str:
    add_item(found, request.POST.get("ticket", ""), request.POST.get("why", ""), actor=user)
    return ""


def _item(request: HttpRequest, found: Review, user: User) -> str:
    post = request.POST
    changes: dict[str, Any] = {name: post[name] == "yes" for name in ("is_done", "is_dropped") if name in post}
    if "notes" in post:
        changes["notes"] = post["notes"]
    change_item(found, _number(post.get("item", "")), actor=user, **changes)
    return ""


def _write(request: HttpRequest, found: Review, user: User) -> str:
    post = request.POST
    write(
        found, post.get("notes", ""), post.get("decisions", ""), based_on=_number(post.get("revision", "")), actor=user
    )
    return "Written."


def _action(request: HttpRequest, found: Review, user: User) -> str:
    post = request.POST
    owner = people_of(found.team).filter(username=post.get("owner", "")).first()
    due = post.get("due", "").strip()
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        raise InvalidInput("Write the date as 2026-12-07.", errors={"due": ["no date"]}) from None
    add_action(
        found, post.get("text", ""), actor=user, owner=owner, due=day, ticket=post.get("ticket", ""),
        metric=post.get("metric", ""), incident_class=post.get("incident_class", ""),
    )  # fmt: skip
    return ""


def _end(request: HttpRequest, found: Review, user: User) -> str:
    post = request.POST
    end_action(
        found.team, _number(post.get("action", "")), post.get("status", ""), actor=user, change=post.get("change", "")
    )
    return ""


def _move(request: HttpRequest, found: Review, user: User) -> str:
    moved = move(found, request.POST.get("status", ""), actor=user)
    return "Closed: the team has the minutes." if moved.is_closed else ""


_ACTS: Final[dict[str, Callable[[HttpRequest, Review, User], str]]] = {
    "add": _add, "item": _item, "write": _write, "action": _action, "end": _end, "move": _move,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- parts
def _page(
    request: HttpRequest, user: User, team: Team, week: date, *, refused: str = "", status: int = 200
) -> HttpResponse:
    found = _of(team, week)
    now = timezone.now()
    context: dict[str, Any] = {
        "here": "reviews", "team": team, "week": week, "last": week + timedelta(days=6), "review": found,
        "may_hold": user.may("review.hold"), "refused": refused, "typed": request.POST if refused else {},
        "before": week - timedelta(days=7), "after": week + timedelta(days=7),
        "is_last": week >= week_of_today(now) + timedelta(days=7),
    }  # fmt: skip
    if found is None:
        context["proposed"] = propose(team, week)
        context["earlier"] = list(open_actions(team))
        return render(request, "metrics/review.html", context, status=status)
    done = ReviewAction.objects.filter(review__team=team, status=ReviewAction.Status.DONE, review__week__lt=week)
    items = list(found.items.select_related("ticket"))
    context |= {
        "items": [one for one in items if not one.is_dropped],
        "dropped": [one for one in items if one.is_dropped],
        "actions": list(found.actions.select_related("owner", "ticket")),
        "earlier": [one for one in open_actions(team) if one.review_id != found.pk and one.review.week < week],
        "effects": effects(team, done.exclude(metric="").order_by("-ended_at")[:LISTED], now),
        "people": list(people_of(team)),
        "metrics": list(METRICS.values()),
        "changes": changes_since(found.prepared_at) if context["may_hold"] else [],
        "classes": sorted({one.ticket.incident_class for one in items if one.ticket.incident_class}),
    }
    return render(request, "metrics/review.html", context, status=status)


def _teams(user: User) -> list[Team]:
    if user.role == Role.ENGINEER:
        return []
    return list(Team.objects.order_by("name") if user.role == Role.ADMIN else user.teams.order_by("name"))


def _team(user: User, slug: str) -> Team:
    found = next((team for team in _teams(user) if team.slug == slug), None)
    if found is None:
        raise Http404
    return found


def _week(written: str) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise Http404 from None
    if day.weekday() != 0:
        raise Http404
    return day


def _of(team: Team, week: date) -> Review | None:
    return Review.objects.filter(team=team, week=week).select_related("team", "prepared_by", "closed_by").first()


def _past(team: Team, week: date) -> Any:
    return Review.objects.filter(team=team, week__lt=week).select_related("closed_by")[:LISTED]


def _number(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) < 15 else 0
