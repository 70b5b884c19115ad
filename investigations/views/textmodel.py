"""How tickets are classified: the rules, and the text model behind them with its figures and its switch."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.queue import enqueue
from investigations.models import PlaybookVersion
from investigations.services import textmodel
from investigations.textmodel.model import NONE

TASK: Final = "investigations.tasks.train_text_model"
_LEADING: Final = 8


@require_safe
@page("playbook.read")
def classification(request: HttpRequest) -> HttpResponse:
    now = textmodel.state()
    titles = dict(PlaybookVersion.objects.active().values_list("key", "title"))
    context = {
        "here": "playbooks",
        "state": now,
        "lines": _lines(now, titles),
        "may_edit": person(request).may("playbook.edit"),
    }
    return render(request, "investigations/classification.html", context)


def _lines(state: textmodel.State, titles: dict[str, str]) -> list[dict[str, Any]]:
    """One line per class of the newest training, with the words that speak most for it where it was learned."""
    if state.newest is None:
        return []
    words: dict[str, list[tuple[str, int]]] = {}
    if state.newest.is_better:
        weights = textmodel.weights_of(state.newest.pk)
        words = {label: weights.leading(row, _LEADING) for row, label in enumerate(weights.classes)}
    classes: dict[str, dict[str, int]] = state.newest.figures["classes"]
    return [
        {
            "key": key,
            "title": "No incident" if key == NONE else titles.get(key, key),
            "words": words.get(key, []),
            **one,
        }
        for key, one in classes.items()
    ]


@require_POST
@page("playbook.edit")
def switch(request: HttpRequest) -> HttpResponse:
    on = request.POST.get("to") == "on"
    try:
        textmodel.switch(on=on, actor=person(request), reason=request.POST.get("reason", ""))
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(
            request,
            "The text model may speak again when it is better than the rules."
            if on
            else "The text model is off; the rules and the customer's traffic decide alone.",
        )
    return redirect("investigations:classification")


@require_POST
@page("playbook.edit")
def train(request: HttpRequest) -> HttpResponse:
    """In the worker: learning takes seconds. A second click finds the same data, and nothing happens."""
    enqueue(TASK, person(request).pk)
    messages.success(request, "Training is queued. Reload this page in a minute.")
    return redirect("investigations:classification")
