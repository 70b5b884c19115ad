"""Writing an entry: with a preview, what the language check says, and entries that say the same already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import Conflict, DomainError, InvalidInput
from altor.models import User
from investigations.replies import ReplyFinding
from knowledge.entries.changes import may_edit
from knowledge.entries.content import customer_findings, read_content
from knowledge.entries.detection import read_detection
from knowledge.entries.differences import field_differences, merge
from knowledge.entries.saving import create_entry, save_entry
from knowledge.entry_forms import EntryForm, initial_of
from knowledge.models import Entry, EntryVersion
from knowledge.search.finding import Filters, Found, find
from knowledge.views.entries import entry_for

#: Entries as alike as this are named while one is written.
ALIKE: Final = 0.6
_SHOWN: Final = 3
#: What an address may begin a new entry with.
_BEGUN: Final = ("title", "label", "incident_class")


@require_http_methods(["GET", "HEAD", "POST"])
@page("knowledge.write")
def new(request: HttpRequest) -> HttpResponse:
    user = person(request)
    given = {name: request.GET[name][:300] for name in _BEGUN if request.GET.get(name)}
    form = EntryForm(request.POST or None, user=user, initial={"language": "en", **given})
    if request.method == "POST" and form.is_valid():
        try:
            words = form.words() | {"detection": _detection(form)}
            made = create_entry(words, actor=user, team=form.cleaned_data["team"], comment=form.cleaned_data["comment"])
        except DomainError as refused:
            _tell(form, refused)
        else:
            messages.success(request, f"{made.ref} is there.")
            return redirect("knowledge:entry", made.ref)
    return _page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page("knowledge.write")
def edit(request: HttpRequest, ref: str) -> HttpResponse:
    """`base` is the version that the person has seen: when somebody was faster, both versions are shown and nothing is
    lost.
    """
    user = person(request)
    found = entry_for(user, ref)
    if not may_edit(found, user):
        messages.error(request, f"{found.ref} may be changed by reviewers only.")
        return redirect("knowledge:entry", found.ref)
    form = EntryForm(request.POST or None, entry=found, user=user, initial=initial_of(found.content))
    if request.method == "POST" and form.is_valid():
        try:
            words = form.words() | {"detection": _detection(form)}
            saved = save_entry(found, words, actor=user, seen=_base(request), comment=form.cleaned_data["comment"])
        except Conflict:
            return _conflict(request, found, form)
        except DomainError as refused:
            _tell(form, refused)
        else:
            messages.success(request, f"Version {saved.revision} is saved.")
            return redirect("knowledge:entry", saved.ref)
    return _page(request, form, found)


def _base(request: HttpRequest) -> int | None:
    base = request.POST.get("base", "")
    return int(base) if base.isdecimal() and len(base) < 10 else None


def _detection(form: EntryForm) -> dict[str, Any] | None:
    read = read_detection(form.detection_text)
    return read.document() if read is not None else None


def _tell(form: EntryForm, refused: DomainError) -> None:
    problems = refused.extra.get("errors") or {}
    for field, sentences in problems.items():
        for sentence in sentences:
            form.add_error(field if field in form.fields else None, sentence)
    if not problems:
        form.add_error(None, refused.detail)


def _page(request: HttpRequest, form: EntryForm, entry: Entry | None, **more: Any) -> HttpResponse:
    context = {
        "here": "knowledge",
        "form": form,
        "entry": entry,
        "base": more.pop("base", None) or request.POST.get("base") or (entry.revision if entry else ""),
        **more,
    }
    return render(request, "knowledge/entry_edit.html", context, status=more.get("status", 422 if form.errors else 200))


def _conflict(request: HttpRequest, entry: Entry, form: EntryForm) -> HttpResponse:
    """What both made of the version that this person began with, field by field; where both changed one, theirs to
    compare stands beside this person's words in the form.
    """
    entry.refresh_from_db()
    base = EntryVersion.objects.filter(entry=entry, number=_base(request) or 0).first()
    try:
        detection = _detection(form)
    except InvalidInput:
        detection = entry.detection
    mine = read_content({**form.words(), "detection": detection}).model_dump()
    merged, both = merge(base.content if base else entry.content, entry.content, mine)
    again = EntryForm(entry=entry, user=person(request), initial={**initial_of(merged)})
    differences = field_differences(base.content if base else {}, entry.content)
    return _page(request, again, entry, base=entry.revision, conflict=entry, theirs=differences, both=both, status=409)


@require_POST
@page("knowledge.write")
def preview(request: HttpRequest) -> HttpResponse:
    """The texts as they will read, remarks on the customer wording, what is wrong with the detection query, and entries
    that say the same already. Stores nothing.
    """
    user = person(request)
    form = EntryForm(request.POST, user=user)
    form.is_valid()
    words = form.words()
    problems: list[str] = []
    detection = None
    try:
        detection = read_detection(form.detection_text)
    except InvalidInput as refused:
        problems = refused.extra["errors"]["detection"]
    content = None
    findings: tuple[ReplyFinding, ...] = ()
    try:
        content = read_content({**words, "title": words["title"] or "No title yet"})
        findings = tuple(customer_findings(content))
    except InvalidInput as refused:
        problems += [one for name, many in refused.extra["errors"].items() for one in many if name != "title"]
    context = {
        "content": content,
        "detection": detection,
        "problems": problems,
        "findings": findings,
        "alike": _alike(user, words, request.POST.get("entry", "")),
    }
    return render(request, "knowledge/_entry_preview.html", context)


def _alike(user: User, words: dict[str, Any], own: str) -> Sequence[Found]:
    """Entries that a colleague should look at before a second one is written."""
    text = "\n".join(str(words[name]) for name in ("title", "symptoms", "root_cause") if words[name])
    if len(text) < 12:
        return ()
    answer = find(user, text, Filters(), limit=_SHOWN + 1)
    alike = [one for one in answer.found if (one.match.whole or 0.0) >= ALIKE and one.entry.ref != own]
    return alike[:_SHOWN]
