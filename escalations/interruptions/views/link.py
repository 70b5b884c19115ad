"""What the holder of a question's signed link sees and may do, without an account."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from altor.errors import DomainError
from escalations.interruptions.asking import answer
from escalations.interruptions.links import question_of
from escalations.lifecycle.acting import Doer

_LONGEST_NAME: Final = 80


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The question, and an answer under a name that is typed. 404 for a link that opens nothing."""
    now = timezone.now()
    found = question_of(token, now=now)
    if found is None:
        raise Http404
    context = {"question": found, "name": request.COOKIES.get("altor-link-name", "")[:_LONGEST_NAME], "now": now}
    status = 200
    if request.method == "POST":
        name = _name(request)
        text = request.POST.get("text", "").replace("\r\n", "\n")
        try:
            answer(found, text, Doer(None, name or "Engineering", "link"), now=now)
        except DomainError as refused:
            found.refresh_from_db()
            context |= {"refused": refused.detail, "typed": text, "name": name}
            status = refused.status
        else:
            return _private(redirect("interruptions:by-link", token))
    return _private(render(request, "interruptions/by_link.html", context, status=status))


def _name(request: HttpRequest) -> str:
    typed = " ".join(request.POST.get("name", "").split())[:_LONGEST_NAME]
    return "".join(character for character in typed if character.isprintable())


def _private(answer: HttpResponse) -> HttpResponse:
    """The address is the key: it is kept out of stores, other sites' logs and search engines."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "same-origin"  # with none at all the form has no origin, and is refused
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
