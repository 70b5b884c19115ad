"""One escalation: its packet as it was sent, its clocks, its history, and what may be done with it."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import Team, User
from escalations.attachments.keeping import attach, read_upload
from escalations.attachments.kinds import ENDINGS
from escalations.contracts.stored import form_of
from escalations.lifecycle import changing, gaps
from escalations.lifecycle.acting import ACTS, NEEDS_TEXT, Doer, act, judge
from escalations.lifecycle.again import said_of
from escalations.lifecycle.links import link_token, renew
from escalations.lifecycle.windows import windows
from escalations.models import Escalation

#: How each act is called on its button, in the order in which they are offered.
BUTTONS: Final = (
    ("acknowledge", "Acknowledge", "eye"), ("accept", "Accept", "check"), ("start", "Work begins", "player-play"),
    ("resolve", "Resolved", "circle-check"), ("ask", "Ask support", "message-question"),
    ("update", "Write an update", "message-2"), ("answer", "Answer", "message-2"),
    ("verify", "Verified with the customer", "shield-check"), ("reopen", "Not gone", "rotate-clockwise"),
    ("reject", "Return", "corner-down-right"), ("withdraw", "Take back", "ban"),
)  # fmt: skip
#: What is said after it.
DONE: Final = {
    "acknowledge": "Acknowledged: support knows that you have seen it.", "accept": "It is yours.",
    "start": "Support sees that work has begun.", "reject": "Returned, with your reason.",
    "ask": "Support is asked.", "update": "Everybody who waits is told.", "answer": "Engineering has your answer.",
    "resolve": "Resolved: the tickets come back to their owners.", "verify": "Verified with the customer.",
    "reopen": "Open again.", "withdraw": "Taken back.",
}  # fmt: skip


def visible_escalation(user: User, ref: str) -> Escalation:
    """The escalation, or 404: unknown and forbidden look alike."""
    found = Escalation.objects.visible_to(user).by_ref(ref).with_context().first()
    if found is None:
        raise Http404
    return found


@require_safe
@page("escalation.read")
def escalation(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return render(request, "escalations/escalation.html", page_context(visible_escalation(user, ref), user))


def page_context(found: Escalation, user: User) -> dict[str, Any]:
    now = timezone.now()
    history = list(found.history.select_related("by"))
    form = form_of(found.version)
    return {
        "here": "escalations", "escalation": found, "history": history, "now": now,
        "windows": list(windows(history, form, now).values()), "level": form.level(found.severity),
        "levels": list(form.levels),
        "attachable": {item.id for item in form.checklist if item.attach}, "accepts": ",".join(ENDINGS),
        "links": list(found.links.select_related("ticket__customer", "ticket__owner", "run")),
        "before": found.after, "before_said": said_of(found.after) if found.after is not None else "",
        "followed_by": list(found.followed_by.order_by("pk")),
        "gaps": list(found.gaps.all()), "verdict": found.verdicts.select_related("by").last(),
        "buttons": offered(found, user), "rejections": Escalation.Rejection.choices,
        "may_work": user.may("escalation.work"), "may_send": user.may("escalation.send"),
        "link": settings.BASE_URL + reverse("escalations:by-link", args=[link_token(found)]),
        "teams": Team.objects.order_by("name") if user.may("escalation.work") else (),
    }  # fmt: skip


def offered(found: Escalation, user: User) -> list[dict[str, Any]]:
    """The acts that the person may carry out now."""
    shown = []
    for name, title, icon in BUTTONS:
        chosen = ACTS[name]
        if found.status not in chosen.begins or not user.may(chosen.permission):
            continue
        if (name == "answer") != (found.waits_for == "support") and name in ("answer", "ask"):
            continue
        shown.append({"name": name, "title": title, "icon": icon, "asks": NEEDS_TEXT.get(name, "")})
    return shown


@require_POST
@page("escalation.read")
def act_(request: HttpRequest, ref: str) -> HttpResponse:
    """Carry out one act; what was typed is not lost when it is refused."""
    user = person(request)
    found = visible_escalation(user, ref)
    name, given, now = request.POST.get("act", ""), request.POST, timezone.now()
    doer = Doer(user)
    text = given.get("text", "").replace("\r\n", "\n")
    try:
        if name in ACTS:
            act(found, name, doer, now=now, text=text, reason=given.get("reason", ""))
            said = DONE[name]
        elif name == "severity":
            changing.change_severity(found, given.get("severity", ""), text, doer, now=now)
            said = f"It is {given.get('severity', '')} now."
        elif name == "owner":
            team = Team.objects.filter(slug=given.get("team", "")).first()
            who = User.objects.filter(username=given.get("person", ""), is_active=True).first()
            changing.change_owner(found, team=team, person=who, why=text, doer=doer, now=now)
            said = "Handed over."
        elif name == "add":
            changing.add(found, text, doer, now=now)
            said = "Added to the packet, marked as later."
        elif name == "gap":
            closed = _close_gap(request, found, user, text)
            said = "Added to the packet: the gap is closed." if closed else "Kept; only evidence can close this gap."
        elif name == "renew":
            renew(found, actor=user)
            said = "The link is another one now; the old ones open nothing."
        elif name == "judge":
            complete, avoidable = given.get("complete") == "yes", given.get("avoidable") == "yes"
            judge(found, doer, is_complete=complete, was_avoidable=avoidable, comment=text, now=now)
            said = "Kept. It counts in the score of escalations."
        else:
            raise Http404
    except DomainError as refused:
        context = page_context(found, user) | {"refused": refused.detail, "refused_act": name, "typed": text}
        return render(request, "escalations/escalation.html", context, status=refused.status)
    messages.success(request, said)
    return redirect("escalations:escalation", found.ref)


def _close_gap(request: HttpRequest, found: Escalation, user: User, text: str) -> bool:
    """By what is typed, by a file, or by both."""
    item, file, now = request.POST.get("item", ""), request.FILES.get("file"), timezone.now()
    if file is not None:
        attach(found.ticket, item, read_upload(file), actor=user, now=now)
    open_gaps = found.gaps.filter(item=item, closed_at=None)
    if file is None or (text.strip() and open_gaps.exists()):
        gaps.answer(found, item, text, actor=user, now=now)
    return not open_gaps.exists()
