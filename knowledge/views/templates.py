"""Reply templates: the list, one version to read, differences, which one is in force."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.views.differences import differences
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.replies.acceptance import acceptance
from knowledge.replies.format import PART_NAMES, as_file
from knowledge.replies.templates import activate, restore, withdraw


def _version(key: str, number: int) -> ReplyTemplateVersion:
    versions = ReplyTemplateVersion.objects.select_related("template", "created_by")
    return get_object_or_404(versions, template__key=key, number=number)


@require_safe
@page("reply_template.read")
def templates(request: HttpRequest) -> HttpResponse:
    """Every template with the version in force, and how much of its drafts went out."""
    user = person(request)
    versions = list(ReplyTemplateVersion.objects.select_related("template").defer("greeting", "closing"))
    figures = acceptance(user, [version.pk for version in versions])
    shown: dict[int, ReplyTemplateVersion] = {}
    for version in versions:
        if version.template_id not in shown or version.is_active:
            shown[version.template_id] = version
    counts = {pk: sum(version.template_id == pk for version in versions) for pk in shown}
    ordered = sorted(shown.values(), key=lambda one: _place(one.template))
    lines = [(version, figures.get(version.pk), counts[version.template_id]) for version in ordered]
    context = {"here": "reply-templates", "lines": lines, "may_edit": user.may("reply_template.edit")}
    return render(request, "knowledge/template_list.html", context)


def _place(template: ReplyTemplate) -> tuple[str, str, str, str, str]:
    return (template.kind, template.incident_class, template.label, template.language, template.tone)


@require_safe
@page("reply_template.read")
def template(request: HttpRequest, key: str) -> HttpResponse:
    """The short address leads to the version in force, or to the newest."""
    found = ReplyTemplateVersion.objects.filter(template__key=key).order_by("-is_active", "-number").first()
    if found is None:
        raise Http404
    return redirect("knowledge:template-version", key, found.number)


@require_safe
@page("reply_template.read")
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found, user = _version(key, number), person(request)
    versions = list(found.template.versions.select_related("created_by").order_by("-number"))
    figures = acceptance(user, [one.pk for one in versions])
    context = {
        "here": "reply-templates",
        "version": found,
        "parts": [(PART_NAMES[name], text) for name, text in found.parts.items() if text],
        "versions": [(one, figures.get(one.pk)) for one in versions],
        "figures": figures.get(found.pk),
        "file": as_file(found),
        "is_newest": found.pk == versions[0].pk,
        "may_edit": user.may("reply_template.edit"),
    }
    return render(request, "knowledge/template_version.html", context)


@require_safe
@page("reply_template.read")
def diff(request: HttpRequest, key: str) -> HttpResponse:
    """`from` and `to` name versions; by default the newest against the one before."""
    versions = list(
        ReplyTemplateVersion.objects.filter(template__key=key).select_related("template").order_by("-number")
    )
    if not versions:
        raise Http404
    shown = differences(versions, request.GET, as_file)
    return render(request, "knowledge/template_diff.html", {"here": "reply-templates", "key": key, **shown})


@require_POST
@page("reply_template.edit")
def activate_(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = _version(key, number)
    activate(found, actor=person(request))
    messages.success(request, f"{found} is in force.")
    return redirect("knowledge:template-version", key, number)


@require_POST
@page("reply_template.edit")
def restore_(request: HttpRequest, key: str, number: int) -> HttpResponse:
    made = restore(_version(key, number), actor=person(request))
    messages.success(request, f"{made} has the words of version {number} and is in force.")
    return redirect("knowledge:template-version", key, made.number)


@require_POST
@page("reply_template.edit")
def withdraw_(request: HttpRequest, key: str) -> HttpResponse:
    found = get_object_or_404(ReplyTemplate, key=key)
    withdraw(found, actor=person(request))
    messages.success(request, f"{found.key} is not offered any more; its versions stay.")
    return redirect("knowledge:template", key)
