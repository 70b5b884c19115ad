"""A person's own pages: settings, API tokens, search."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.forms import AccountForm, TokenForm
from altor.models import ApiToken
from altor.people import end_all_sessions
from altor.registry import parts
from altor.shell import Hit
from altor.tokens import create_token, revoke_token

SEARCH_LIMIT = 8


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def account(request: HttpRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, instance=person(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("account")
    return render(request, "altor/account.html", {"here": "account", "form": form})


@require_POST
@page()
def end_sessions(request: HttpRequest) -> HttpResponse:
    end_all_sessions(person=person(request), actor=person(request))
    logout(request)
    messages.success(request, "All your sessions have ended.")
    return redirect("account_login")


@require_http_methods(["GET", "HEAD", "POST"])
@page("token.own")
def tokens(request: HttpRequest) -> HttpResponse:
    """Own tokens; with `?all=1` everybody's, for those who may. The text of a new one is shown in this answer only."""
    user = person(request)
    form = TokenForm(user, request.POST or None)
    shown = ""
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["expires"]
        _, shown = create_token(
            user=user,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
        )
        form = TokenForm(user)
    everybody = "all" in request.GET and user.may("token.all")
    listed = ApiToken.objects.select_related("user").filter(kind=ApiToken.Kind.API)
    listed = listed if everybody else listed.filter(user=user)
    context = {
        "here": "account",
        "form": form,
        "tokens": listed[:200],
        "shown": shown,
        "everybody": everybody,
        "now": timezone.now(),
    }
    return render(request, "altor/tokens.html", context, status=200 if not form.errors else 422)


@require_POST
@page("token.own")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    mine = ApiToken.objects.filter(user=user)
    token = get_object_or_404(ApiToken.objects.all() if user.may("token.all") else mine, pk=pk)
    revoke_token(token, actor=user)
    messages.success(request, f"“{token.name}” is revoked.")
    return redirect("tokens")


@require_safe
@page()
def search(request: HttpRequest) -> HttpResponse:
    """Results as a page, or as the palette's list when htmx asks."""
    text = request.GET.get("q", "").strip()[:200]
    groups: list[tuple[str, list[Hit]]] = []
    if text:
        for find in parts("SEARCH_PARTS"):
            groups += [(title, hits) for title, hits in find(person(request), text, SEARCH_LIMIT) if hits]
    is_fragment = bool(getattr(request, "htmx", False))
    template = "altor/_search_results.html" if is_fragment else "altor/search.html"
    return render(request, template, {"q": text, "groups": groups, "here": "search"})
