"""What the holder of a signed link sees and may do, without an account."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from altor.errors import DomainError
from escalations.contracts.stored import form_of
from escalations.lifecycle.acting import ACTS, NEEDS_TEXT, Doer, act, judge
from escalations.lifecycle.links import escalation_of
from escalations.lifecycle.windows import windows
from escalations.models import Escalation
from escalations.packets.frozen import additions
from escalations.views.escalation import BUTTONS, DONE

#: Characters of the name they give.
_LONGEST_NAME: Final = 80


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The packet, and the acts of engineering under a name that is typed. 404 for a link that opens nothing."""
    found = escalation_of(token, now=timezone.now())
    if found is None:
        raise Http404
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            context["said"] = _act(request, found)
        except DomainError as refused:
            context |= {"refused": refused.detail, "refused_act": request.POST.get("act", ""),
                        "typed": request.POST.get("text", "")}  # fmt: skip
            status = refused.status
        else:
            answer = redirect("escalations:by-link", token)
            answer.set_cookie("altor-link-name", _name(request), max_age=90 * 86_400, httponly=True, samesite="Lax",
                              secure=request.is_secure(), path="/e/")  # fmt: skip
            return _private(answer)
        found.refresh_from_db()
    return _private(render(request, "escalations/by_link.html", _shown(request, found, token) | context, status=status))


def _act(request: HttpRequest, found: Escalation) -> str:
    given, name = request.POST, request.POST.get("act", "")
    doer = Doer(None, _name(request) or "Engineering", "link")
    text = given.get("text", "").replace("\r\n", "\n")
    if name == "judge":
        judge(found, doer, is_complete=given.get("complete") == "yes", was_avoidable=given.get("avoidable") == "yes",
              comment=text, now=timezone.now())  # fmt: skip
        return "Kept."
    if name not in ACTS or ACTS[name].permission != "escalation.work":
        raise Http404
    act(found, name, doer, now=timezone.now(), text=text, reason=given.get("reason", ""))
    return DONE[name]


def _name(request: HttpRequest) -> str:
    typed = " ".join(request.POST.get("name", "").split())[:_LONGEST_NAME]
    return "".join(character for character in typed if character.isprintable())


def _shown(request: HttpRequest, found: Escalation, token: str) -> dict[str, Any]:
    now = timezone.now()
    history = list(found.history.select_related("by"))
    offered = [
        {"name": name, "title": title, "icon": icon, "asks": NEEDS_TEXT.get(name, "")}
        for name, title, icon in BUTTONS
        if ACTS[name].permission == "escalation.work" and found.status in ACTS[name].begins
    ]
    return {
        "escalation": found, "token": token, "packet": found.packet, "additions": additions(found), "buttons": offered,
        "windows": list(windows(history, form_of(found.version), now).values()), "history": history,
        "rejections": Escalation.Rejection.choices, "name": request.COOKIES.get("altor-link-name", "")[:_LONGEST_NAME],
    }  # fmt: skip


def _private(answer: HttpResponse) -> HttpResponse:
    """The address is the key: it is kept out of stores, other sites' logs and search engines. Without any referrer a
    form would come from nowhere, and be refused.
    """
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
