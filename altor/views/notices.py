"""Notices: what a person wants to hear; the channels of teams and what went over them."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import InvalidInput
from altor.listing import keyset_page
from altor.models import NoticeChannel, NoticeDelivery
from altor.notify.channels import remove_channel, save_channel, save_own_channel, test_channel
from altor.notify.forms import ChannelForm, OwnChannelForm, PreferenceForm
from altor.notify.preferences import save_preference

#: How many of a person's latest notices their page shows.
_LATEST: Final = 15


def _own(request: HttpRequest) -> NoticeChannel | None:
    return NoticeChannel.objects.filter(person=person(request)).first()


# --------------------------------------------------------------------------------------------------- one's own settings
@require_http_methods(["GET", "HEAD", "POST"])
@page()
def preferences(request: HttpRequest) -> HttpResponse:
    form = PreferenceForm(person(request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        save_preference(person=person(request), **form.wanted())
        messages.success(request, "Saved.")
        return redirect("notice-preferences")
    return _preferences(request, form, OwnChannelForm())


def _preferences(request: HttpRequest, form: PreferenceForm, own_form: OwnChannelForm) -> HttpResponse:
    mine = NoticeDelivery.objects.filter(person=person(request)).select_related("notice")
    context = {"here": "account", "form": form, "own_form": own_form, "own": _own(request), "latest": mine[:_LATEST]}
    status = 422 if form.errors or own_form.errors else 200
    return render(request, "altor/notice_preferences.html", context, status=status)


@require_POST
@page()
def own_channel(request: HttpRequest) -> HttpResponse:
    """`action`: save, test, remove."""
    user, row = person(request), _own(request)
    match request.POST.get("action"):
        case "save":
            form = OwnChannelForm(request.POST)
            if form.is_valid():
                try:
                    save_own_channel(person=user, **form.cleaned_data)
                except InvalidInput as refused:
                    form.add_error(str(refused.extra.get("field", "secret")), refused.detail)
                else:
                    messages.success(request, "Saved. Send a test to see whether it works.")
                    return redirect("notice-preferences")
            return _preferences(request, PreferenceForm(user), form)
        case "test" if row is not None:
            _tell(request, test_channel(row, actor=user, now=timezone.now()))
        case "remove" if row is not None:
            remove_channel(row, actor=user)
            messages.success(request, "Your own channel is removed, and its address forgotten.")
    return redirect("notice-preferences")


def _tell(request: HttpRequest, error: str) -> None:
    if error:
        messages.error(request, f"The test did not arrive: {error}.")
    else:
        messages.success(request, "The test was taken. Look whether it arrived.")


# ------------------------------------------------------------------------------------------------------ shared channels
@require_safe
@page("notice.channels")
def channels(request: HttpRequest) -> HttpResponse:
    """Channels the person manages, and the log of what went over them. Filter: `state`."""
    user, states = person(request), NoticeDelivery.Status.values
    state = request.GET.get("state", "")
    listed = NoticeDelivery.objects.visible_to(user).select_related("notice", "channel").defer("channel__secret")
    if state in states:
        listed = listed.filter(status=state)
    context = {
        "here": "notices",
        "channels": NoticeChannel.objects.manageable_by(user).select_related("team").defer("secret").distinct(),
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "state": state if state in states else "",
        "states": states,
    }
    return render(request, "altor/notices.html", context)


def _channel(request: HttpRequest, slug: str) -> NoticeChannel:
    return get_object_or_404(NoticeChannel.objects.manageable_by(person(request)).distinct(), slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
@page("notice.channels")
def channel(request: HttpRequest, slug: str = "") -> HttpResponse:
    user = person(request)
    row = _channel(request, slug) if slug else None
    form = ChannelForm(user, row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save_channel(row, actor=user, **form.cleaned_data)
        except InvalidInput as refused:
            form.add_error(str(refused.extra.get("field", "")) or None, refused.detail)
        else:
            messages.success(request, f"“{saved.title}” is saved.")
            return redirect("notice-channel", saved.slug)
    context = {"here": "notices", "form": form, "channel": row}
    return render(request, "altor/notice_channel.html", context, status=422 if form.errors else 200)


@require_POST
@page("notice.channels")
def act(request: HttpRequest, slug: str) -> HttpResponse:
    """`action`: test, remove."""
    row, user = _channel(request, slug), person(request)
    match request.POST.get("action"):
        case "test":
            _tell(request, test_channel(row, actor=user, now=timezone.now()))
            return redirect("notice-channel", slug)
        case "remove":
            remove_channel(row, actor=user)
            messages.success(request, f"“{row.title}” is removed.")
            return redirect("notices")
        case _:
            raise Http404
