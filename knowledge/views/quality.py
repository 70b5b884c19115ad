"""How the knowledge base serves: figures with the tickets behind them, searches in vain, gaps, measurements."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from knowledge.models import Entry, Measurement
from knowledge.quality import searches
from knowledge.quality.effect import effects
from knowledge.quality.gaps import gaps
from knowledge.quality.rates import LISTED, left_behind, rates
from knowledge.recognition.settling import Precision, recognised_since

PERIODS: Final = {"30": "30 days", "90": "90 days", "365": "365 days"}
DEFAULT: Final = "90"
#: Measurements that are shown.
_SHOWN: Final = 12


@require_safe
@page("knowledge.review")
def quality(request: HttpRequest) -> HttpResponse:
    """`period` and `show` (a figure whose tickets are listed) stand in the address."""
    user = person(request)
    period = request.GET.get("period", "")
    period = period if period in PERIODS else DEFAULT
    since = timezone.now() - timedelta(days=int(period))
    figures = rates(user, since)
    wanted = request.GET.get("show", "")
    shown = next((one for one in figures if one.key == wanted), None)
    readable = Entry.objects.visible_to(user).in_bulk()
    by_entry = [
        (readable[pk], found) for pk, found in recognised_since(since).items() if pk in readable
    ]  # of what the person may read: counts of other entries are none of their business
    measured = list(Measurement.objects.all()[:_SHOWN])
    context = {
        "here": "knowledge",
        "period": period,
        "periods": [(key, name, "" if key == DEFAULT else key) for key, name in PERIODS.items()],
        "rates": figures,
        "shown": shown,
        "listed": LISTED,
        "left": left_behind(user, since),
        "searches": searches.searches(since),
        "nothing": searches.found_nothing(since),
        "given_up": searches.given_up(since),
        "gaps": gaps(user, since),
        "effects": [one for one in effects(user, since) if one.known],
        "recognised": sum((found for _, found in by_entry), Precision()),
        "by_entry": sorted(by_entry, key=lambda pair: (-pair[1].wrong, -pair[1].right, pair[0].pk))[:20],
        "measured": measured,
        "trend": [one.figures.get("success@5", 0.0) for one in reversed(measured)],
    }
    return render(request, "knowledge/quality.html", context)
