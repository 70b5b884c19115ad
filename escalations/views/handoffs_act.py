"""What people do with handoffs: write and sign, accept, refuse, take over, and how teams set them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.models import User
from escalations.handoffs.giving import Changed, sign, write
from escalations.handoffs.switching import LEAST, MOST, has_shifts, save_setting, teams_led_by
from escalations.handoffs.taking import Taken, accept, accept_rest, refuse, take, take_item
from escalations.models import Handoff, HandoffSetting
from escalations.views.handoffs import shown, visible_handoff

_TOLD = 8


@require_POST
@page("handoff.take")
def write_(request: HttpRequest, ref: str) -> HttpResponse:
    """`do`: save or sign. A refusal shows the page with what was typed."""
    user, now = person(request), timezone.now()
    found = visible_handoff(user, ref)
    items: dict[str, dict[str, str]] = {}
    for name, value in request.POST.items():
        field, _, of = name.partition(":")
        if field == "next_step" and _same(value, request.POST.get(f"was:{of}")):
            continue  # not their words: the one that is read stays in force
        if of and field in ("note", "next_step"):
            items.setdefault(of, {})[field] = str(value)
    note = request.POST.get("note")
    try:
        if request.POST.get("do") == "sign":
            seen = request.POST.get("seen", "")
            sign(found, actor=user, note=note, items=items, now=now,
                 seen=int(seen) if seen.isdecimal() and len(seen) < 9 else None)  # fmt: skip
            messages.success(
                request, f"Signed. {found.incoming or 'A lead'} is told; you have it until it is accepted."
            )
        else:
            write(found, actor=user, note=note, items=items, now=now)
            messages.success(request, "Saved. It is not signed yet.")
    except Changed as changed:
        messages.warning(request, changed.detail)
    except DomainError as refused:
        return shown(request, found, refused=refused.detail, typed=request.POST)
    return redirect("handoffs:handoff", ref)


def _same(value: object, was: str | None) -> bool:
    return was is not None and str(value).split() == was.split()


@require_POST
@page("handoff.take")
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """`do`: accept, refuse, take (an `item`), rest, take-all."""
    user, now = person(request), timezone.now()
    found = visible_handoff(user, ref)
    item = request.POST.get("item", "")[:80]
    ways: dict[str, Callable[[], None]] = {
        "accept": lambda: _one(request, accept(found, item, actor=user, now=now,
                                               keeps_promise=request.POST.get("keeps") == "yes").ref, "yours"),
        "refuse": lambda: _one(request, refuse(found, item, actor=user, now=now,
                                               reason=request.POST.get("reason", "")).ref, f"{found.outgoing}'s still"),
        "take": lambda: _one(request, take_item(found, item, actor=user, to=_to(request), now=now,
                                                keeps_promise=request.POST.get("keeps") == "yes").ref,
                             _whose(request, user)),
        "rest": lambda: _many(request, accept_rest(found, actor=user, now=now), "yours"),
        "take-all": lambda: _many(request, take(found, actor=user, to=_to(request), now=now), _whose(request, user)),
    }  # fmt: skip
    try:
        ways.get(request.POST.get("do", ""), _nothing)()
    except DomainError as refused:
        messages.error(request, refused.detail)
    if not Handoff.objects.visible_to(user).filter(pk=found.pk).exists():
        return redirect("handoffs:list")
    return redirect("handoffs:handoff", ref)


def _nothing() -> None:
    raise InvalidInput("Choose what to do.")


def _to(request: HttpRequest) -> User | None:
    """For whom a lead takes over; None for themselves."""
    name = request.POST.get("to", "")[:150]
    if not name:
        return None
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise InvalidInput(f"There is nobody called {name!r}.")
    return found


def _whose(request: HttpRequest, user: User) -> str:
    to = _to(request)
    return "yours" if to is None or to == user else f"{to}'s"


def _one(request: HttpRequest, ref: str, whose: str) -> None:
    messages.success(request, f"{ref} is {whose}.")


def _many(request: HttpRequest, done: Taken, whose: str) -> None:
    if done.refs:
        named = ", ".join(done.refs[:_TOLD]) + (f" and {len(done.refs) - _TOLD} more" if len(done.refs) > _TOLD else "")
        messages.success(request, f"{named} {'is' if len(done.refs) == 1 else 'are'} {whose} now.")
    for sentence in done.refused[:_TOLD]:
        messages.warning(request, sentence)
    if not done.refs and not done.refused:
        messages.info(request, "Nothing was left to take together.")


@require_safe
@page("handoff.edit")
def settings(request: HttpRequest) -> HttpResponse:
    return _settings(request)


def _settings(request: HttpRequest, slug: str = "", error: str = "") -> HttpResponse:
    teams = teams_led_by(person(request))
    known = {one.team_id: one for one in HandoffSetting.objects.filter(team__in=teams)}
    now = timezone.now()
    lines = [(team, known.get(team.pk) or HandoffSetting(team=team, since=now), has_shifts(team)) for team in teams]
    context = {
        "here": "handoffs", "lines": lines, "slug": slug, "error": error, "typed": request.POST, "least": LEAST,
        "most": MOST,
    }  # fmt: skip
    return render(request, "handoffs/settings.html", context, status=422 if error else 200)


@require_POST
@page("handoff.edit")
def save_settings(request: HttpRequest, slug: str) -> HttpResponse:
    user = person(request)
    team = next((one for one in teams_led_by(user) if one.slug == slug), None)
    if team is None:
        raise Http404
    try:
        saved = save_setting(
            team, is_on=request.POST.get("is_on") == "yes", draft_before_min=_minutes(request, "draft_before_min"),
            escalate_after_min=_minutes(request, "escalate_after_min"), actor=user, now=timezone.now(),
        )  # fmt: skip
    except DomainError as refused:
        return _settings(request, slug, refused.detail)
    messages.success(request, f"{team} {'hands' if saved.is_on else 'does not hand'} off at the ends of shifts.")
    return redirect("handoffs:settings")


def _minutes(request: HttpRequest, name: str) -> int:
    """0, which is refused, for what is no number."""
    text = request.POST.get(name, "").strip()
    return int(text) if text.isdecimal() and len(text) < 6 else 0
