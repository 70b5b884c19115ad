"""The help beside the editor: every word of the format, searched."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from altor.access import page
from investigations.playbooks.words import find_words


def words_context(query: str) -> dict[str, Any]:
    return {"q": query, "groups": find_words(query)}


@require_safe
@page("playbook.read")
def words(request: HttpRequest) -> HttpResponse:
    """A page; for htmx only the list."""
    context = {
        "here": "playbooks",
        "is_page": request.GET.get("page") == "yes",
        **words_context(request.GET.get("q", "")[:100]),
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, f"investigations/{'_playbook_words' if part else 'playbook_words'}.html", context)
