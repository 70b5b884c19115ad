"""The one question as a customer sees it: without an account, and leading nowhere else."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from altor.errors import DomainError
from metrics.recovery.asking import QUESTION, SCORES, answer, closed_because, survey_by


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """404 for a link that opens nothing. To open it answers nothing: programs that check mail open links."""
    survey = survey_by(token)
    if survey is None:
        raise Http404
    now, refused, status = timezone.now(), "", 200
    if request.method == "POST":
        score = request.POST.get("score", "")
        try:
            answer(survey, int(score) if score.isdecimal() and len(score) == 1 else 0, now=now)
        except DomainError as error:
            refused, status = error.detail, error.status
        else:
            return _private(redirect("survey", token))
    context = {
        "survey": survey, "question": QUESTION, "scores": SCORES.items(), "closed": closed_because(survey, now),
        "refused": refused, "case": survey.ticket.external_id,
    }  # fmt: skip
    return _private(render(request, "metrics/survey.html", context, status=status))


def _private(answered: HttpResponse) -> HttpResponse:
    """The address is the key: it is kept out of stores, other sites' logs and search engines."""
    answered.headers["Cache-Control"] = "no-store"
    answered.headers["Referrer-Policy"] = "same-origin"  # with none at all the form has no origin, and is refused
    answered.headers["X-Robots-Tag"] = "noindex"
    return answered
