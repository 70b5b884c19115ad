"""Editing a reply template, with the reply as it would read on a past ticket beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from investigations.models import Investigation
from knowledge.forms import NewTemplate, TemplateWords, initial_of
from knowledge.models import ReplyTemplate, ReplyTemplateVersion
from knowledge.models.replies import Kind
from knowledge.replies.format import PARTS, TemplateForm
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.previewing import preview_of
from knowledge.replies.templates import check_template, save_template

#: Past tickets offered for the preview.
_OFFERED: Final = 25


@require_http_methods(["GET", "HEAD", "POST"])
@page("reply_template.edit")
def new(request: HttpRequest) -> HttpResponse:
    form = NewTemplate(
        request.POST or None, initial={"kind": Kind.ANSWER, "language": "en", "greeting": "Hello {customer_name},"}
    )
    if request.method == "POST" and form.is_valid():
        stored = _stored(request, form, {name: form.cleaned_data[name] for name in ("key", *TemplateForm.CASE)})
        if stored is not None:
            return redirect("knowledge:template-version", stored.template.key, stored.number)
    return _page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page("reply_template.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Begins with the version in force; `from` names another one."""
    template = get_object_or_404(ReplyTemplate, key=key)
    versions = template.versions.select_related("template")
    wanted = request.GET.get("from", "")
    chosen = versions.filter(number=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 9 else None
    chosen = chosen or versions.order_by("-is_active", "-number")[0]
    form = TemplateWords(request.POST or None, initial=initial_of(chosen))
    if request.method == "POST" and form.is_valid():
        case = {name: getattr(template, name) for name in ("key", *TemplateForm.CASE)}
        base = request.POST.get("base", "")
        stored = _stored(request, form, case, int(base) if base.isdecimal() and len(base) < 9 else None)
        if stored is not None:
            return redirect("knowledge:template-version", key, stored.number)
    return _page(request, form, template)


def _stored(
    request: HttpRequest, form: TemplateWords, case: Mapping[str, Any], based_on: int | None = None
) -> ReplyTemplateVersion | None:
    """The version as it is stored; None with the form's errors set."""
    try:
        stored = save_template(
            _data(form.cleaned_data, case), actor=person(request), comment=form.cleaned_data["comment"],
            based_on=based_on,
        )  # fmt: skip
    except DomainError as refused:
        problems: Mapping[str, list[str]] = refused.extra.get("errors") or {}
        for field, sentences in problems.items():
            for sentence in sentences:
                form.add_error(field if field in form.fields else None, sentence)
        if not problems:
            form.add_error(None, refused.detail)
        return None
    messages.success(request, f"{stored} is in force.")
    return stored


def _data(words: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """What the service reads: the class under its name in files."""
    named = {"class" if name == "incident_class" else name: value for name, value in case.items()}
    return {**named, "title": words["title"], **{part: words[part] for part in PARTS}}


def _page(request: HttpRequest, form: TemplateWords, template: ReplyTemplate | None) -> HttpResponse:
    latest = template.versions.order_by("-number").first() if template is not None else None
    context = {
        "here": "reply-templates",
        "form": form,
        "template": template,
        "base": request.POST.get("base") or (latest.number if latest else ""),
        "placeholders": PLACEHOLDERS.values(),
        "runs": _runs(person(request), template),
    }
    return render(request, "knowledge/template_edit.html", context, status=422 if form.errors else 200)


def _runs(user: User, template: ReplyTemplate | None) -> list[Investigation]:
    """Finished runs to look at the words with: those of the template's case first."""
    done = Investigation.objects.visible_to(user).filter(status=Investigation.Status.DONE)
    found = list(
        done.select_related("ticket", "playbook").defer("diagnosis", "inputs", "profile").order_by("-pk")[:200]
    )
    wanted = template.incident_class if template is not None else ""

    def is_far(run: Investigation) -> bool:
        return bool(wanted) and (run.playbook is None or run.playbook.key != wanted)

    return sorted(found, key=is_far)[:_OFFERED]


@require_POST
@page("reply_template.edit")
def preview(request: HttpRequest) -> HttpResponse:
    """The reply as it would read on the chosen ticket, with what is not known marked. Stores nothing."""
    user = person(request)
    words = {name: request.POST.get(name, "").replace("\r\n", "\n") for name in PARTS}
    case = {name: request.POST.get(name, "") for name in ("kind", "class", "label", "language", "tone")}
    data = {"key": "preview", "title": "Preview", **{name: value for name, value in case.items() if value}, **words}
    run = Investigation.objects.visible_to(user).by_ref(request.POST.get("run", "")).with_context().first()
    context: dict[str, Any] = {"run": run}
    try:
        form, found = check_template(data)
    except DomainError as refused:
        context["problems"] = [one for many in (refused.extra.get("errors") or {}).values() for one in many]
        return render(request, "knowledge/_template_preview.html", context)
    context |= {"found": found, "shown": preview_of(form, run, user) if run is not None else None}
    return render(request, "knowledge/_template_preview.html", context)
