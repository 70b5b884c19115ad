"""The lists that a team works off among its entries."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from knowledge.entries.worklists import LISTS, MOST, counted, twins
from knowledge.models import Entry

_TWINS = "twins"


@require_safe
@page("knowledge.read")
def work(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    readable = Entry.objects.visible_to(user)
    by_key = {one.key: one for one in LISTS}
    asked = request.GET.get("list", "")
    chosen = by_key.get(asked, LISTS[0])
    counts = counted(readable, now)
    context = {
        "here": "knowledge",
        "lists": [(one, counts[one.key]) for one in LISTS],
        "chosen": None if asked == _TWINS else chosen,
        "rows": [] if asked == _TWINS else list(chosen.rows(readable, now).with_context()[:MOST]),
        "total": counts[chosen.key],
        "twins": twins(readable) if asked == _TWINS else None,
        "may_review": user.may("knowledge.review"),
    }
    return render(request, "knowledge/work.html", context)
