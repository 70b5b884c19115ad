"""Entries to search and to read: the list with its instant search, one entry, its history, its state and links."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.audit import record_event
from altor.errors import DomainError
from altor.listing import keyset_page
from altor.models import User
from investigations.diagnosis.types import StepOutcome
from investigations.services.trying import About, about_whom, try_step
from knowledge.entries.changes import STATE, change_state, may_edit
from knowledge.entries.detection import PlaybookDetection, as_text, stored_detection
from knowledge.entries.differences import field_differences
from knowledge.entries.links import add_link, remove_link, shown_links
from knowledge.entries.saving import restore
from knowledge.entry_forms import SearchForm, StateForm, read_filters
from knowledge.models import Entry, EntryVersion, Standing, Watch
from knowledge.models.entries import CONTENT, LinkKind
from knowledge.quality import votes
from knowledge.quality.searches import opened, search
from knowledge.quality.votes import own_vote
from knowledge.recognition.asking import ask_detection
from knowledge.recognition.watching import INTERVALS, set_watch
from knowledge.search.finding import filtered, find

#: Results of a search on its page.
SHOWN: Final = 20
#: Times that it was seen, the newest first.
_SIGHTINGS: Final = 5
#: Texts of an entry as its page shows them: what a support engineer needs first stands first.
_TEXTS: Final = ("symptoms", "root_cause", "remediation", "escalation_criteria", "customer_wording")


def entry_for(user: User, ref: str) -> Entry:
    """404 for what is not there, and for what the person may not read."""
    return get_object_or_404(Entry.objects.visible_to(user).with_context().by_ref(ref))


@require_safe
@page("knowledge.read")
def index(request: HttpRequest) -> HttpResponse:
    """With words the entries that answer them, the best first; else all, the newest first."""
    user = person(request)
    form = SearchForm(request.GET or None)
    text, filters = request.GET.get("q", "").strip()[:2000], read_filters(form)
    context: dict[str, Any] = {
        "here": "knowledge", "form": form, "q": text, "is_filtered": bool(filters),
        "may_write": user.may("knowledge.write"), "may_review": user.may("knowledge.review"), "any": True,
    }  # fmt: skip
    if text:
        if request.headers.get("HX-Request") == "true":
            # Typed just now. An address that is followed writes nothing, whoever follows it.
            context["answer"], context["log"] = search(user, text, filters, limit=SHOWN)
        else:
            context["answer"] = find(user, text, filters, limit=SHOWN)
    else:
        readable = Entry.objects.visible_to(user)
        context["page"] = keyset_page(filtered(readable, filters).with_context(), request.GET.get("cursor", ""))
        context["any"] = bool(context["page"]) or readable.exists()
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "knowledge/_entry_results.html" if is_part else "knowledge/entry_list.html", context)


@require_safe
@page("knowledge.read")
def entry(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = entry_for(user, ref)
    if found.ref != ref:
        return redirect("knowledge:entry", found.ref)
    if (of_search := request.GET.get("search", "")) and request.method == "GET":
        opened(user, of_search, found)
        return redirect("knowledge:entry", found.ref)  # the address that people copy
    return render(request, "knowledge/entry.html", _context(user, found))


def _context(user: User, found: Entry, **more: Any) -> dict[str, Any]:
    return {
        "here": "knowledge",
        "entry": found,
        "texts": [(name, CONTENT[name], getattr(found, name)) for name in _TEXTS if getattr(found, name)],
        "detection": stored_detection(found.detection) if found.detection else None,
        "detection_text": as_text(found.detection),
        "links": shown_links(found, user),
        "link_kinds": LinkKind.choices,
        "changes": list(found.changes.select_related("by")[:8]),
        "state_names": STATE,
        "may_edit": may_edit(found, user),
        "may_write": user.may("knowledge.write"),
        "may_review": user.may("knowledge.review"),
        "may_try": user.may("run.start"),
        "state_form": StateForm(found) if user.may("knowledge.review") else None,
        "watch": Watch.objects.filter(entry=found).first(),
        "intervals": INTERVALS.items(),
        "sightings": found.sightings.select_related("customer")[:_SIGHTINGS],
        "standing": Standing.objects.filter(entry=found).first(),
        "vote": own_vote(found, user),
        "votes": votes.counted(found),
        "complaints": votes.complaints(found) if user.may("knowledge.write") else [],
        **more,
    }


@require_POST
@page("knowledge.write")
def state(request: HttpRequest, ref: str) -> HttpResponse:
    """A reviewer's change of confidence, audience and the rest; an author may archive what is their own and unused."""
    user = person(request)
    found = entry_for(user, ref)
    if not user.may("knowledge.review"):
        return _done(request, found, {"confidence": "archived"}, request.POST.get("reason", ""))
    form = StateForm(found, request.POST)
    if not form.is_valid():
        return render(request, "knowledge/entry.html", _context(user, found, state_form=form), status=422)
    wanted = dict(form.cleaned_data)
    reason = wanted.pop("reason")
    try:
        change_state(found, wanted, actor=user, reason=reason)
    except DomainError as refused:
        for name, sentences in (refused.extra.get("errors") or {None: [refused.detail]}).items():
            for _ in sentences:
                form.add_error(name if name in form.fields else None, refused.detail)
        return render(request, "knowledge/entry.html", _context(user, found, state_form=form), status=422)
    messages.success(request, "Saved.")
    return redirect("knowledge:entry", found.ref)


def _done(request: HttpRequest, found: Entry, wanted: dict[str, Any], reason: str) -> HttpResponse:
    try:
        change_state(found, wanted, actor=person(request), reason=reason)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Saved.")
    return redirect("knowledge:entry", found.ref)


@require_POST
@page("knowledge.write")
def link(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = entry_for(user, ref)
    given = {name: request.POST.get(name, "")[:400] for name in ("kind", "ref", "title")}
    try:
        add_link(found, kind=given["kind"], ref=given["ref"], title=given["title"], actor=user)
    except DomainError as refused:
        return render(
            request, "knowledge/entry.html", _context(user, found, refused=refused.detail, given=given), status=422
        )
    return redirect("knowledge:entry", found.ref)


@require_POST
@page("knowledge.write")
def unlink(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    user = person(request)
    found = entry_for(user, ref)
    remove_link(found, pk, actor=user)
    messages.success(request, "The link is gone.")
    return redirect("knowledge:entry", found.ref)


@require_POST
@page("knowledge.read")
def vote(request: HttpRequest, ref: str) -> HttpResponse:
    """Whether the entry helped its reader."""
    user = person(request)
    found = entry_for(user, ref)
    said = request.POST.get("helpful", "")
    if said not in ("yes", "no"):
        messages.error(request, "Say whether it was helpful.")
    else:
        votes.vote(found, is_helpful=said == "yes", comment=request.POST.get("comment", ""), actor=user)
        messages.success(request, "Thank you.")
    return redirect("knowledge:entry", found.ref)


@require_POST
@page("knowledge.write")
def watch(request: HttpRequest, ref: str) -> HttpResponse:
    """How often the entry's cause is asked for by itself."""
    user = person(request)
    found = entry_for(user, ref)
    hours = request.POST.get("every_hours", "")
    try:
        set_watch(found, int(hours) if hours.isdecimal() and len(hours) < 5 else -1, actor=user)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "It is not asked for any more." if hours == "0" else "It is asked for from now on.")
    return redirect("knowledge:entry", found.ref)


@require_POST
@page("run.start")
def run_detection(request: HttpRequest, ref: str) -> HttpResponse:
    """Ask the entry's detection query now, for a ticket or a customer: is this cause there?"""
    user = person(request)
    found = entry_for(user, ref)
    about = request.POST.get("about", "").strip()[:120]
    tried, outcome, refused = None, None, ""
    if not found.detection:
        raise Http404
    detection = stored_detection(found.detection)
    try:
        whom = about_whom(user, about)
        if isinstance(detection, PlaybookDetection):
            outcome = _by_playbook(found, detection, whom, user)
        else:
            tried = try_step(detection.step(), whom, actor=user, playbook=found.ref)
            outcome = tried.outcome
    except DomainError as problem:
        refused = problem.detail
    context = {
        "tried": tried, "outcome": outcome, "refused": refused, "entry": found, "about": about, "here": "knowledge",
    }  # fmt: skip
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "knowledge/_entry_tried.html" if is_part else "knowledge/entry_tried.html", context)


def _by_playbook(entry: Entry, detection: PlaybookDetection, whom: About, user: User) -> StepOutcome:
    """All steps of the playbook, for the ticket or customer, recorded like a tried step."""
    outcome = ask_detection(detection, whom.inputs, ref=entry.ref)
    record_event(
        actor=user, action="knowledge.detection_tried", object_kind="entry", object_ref=entry.ref,
        after={"playbook": detection.playbook, "about": whom.ref, "error": outcome.error[:300]},
    )  # fmt: skip
    return outcome


@require_safe
@page("knowledge.read")
def history(request: HttpRequest, ref: str) -> HttpResponse:
    """Versions, and what differs between two of them, field by field."""
    user = person(request)
    found = entry_for(user, ref)
    versions = list(found.history.select_related("created_by").order_by("-number"))
    by_number = {str(one.number): one for one in versions}
    new = by_number.get(request.GET.get("to", ""), versions[0])
    older = next((one for one in versions if one.number < new.number), None)
    old = by_number.get(request.GET.get("from", ""), older)
    context = {
        "here": "knowledge",
        "entry": found,
        "versions": versions,
        "old": old,
        "new": new,
        "fields": field_differences(old.content if old else {}, new.content),
        "changes": found.changes.select_related("by"),
        "state_names": STATE,
        "may_edit": may_edit(found, user),
    }
    return render(request, "knowledge/entry_history.html", context)


@require_POST
@page("knowledge.write")
def restore_(request: HttpRequest, ref: str, number: int) -> HttpResponse:
    user = person(request)
    found = entry_for(user, ref)
    version = get_object_or_404(EntryVersion.objects.select_related("entry"), entry=found, number=number)
    seen = request.POST.get("seen", "")
    try:
        made = restore(version, actor=user, seen=int(seen) if seen.isdecimal() and len(seen) < 10 else None)
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("knowledge:entry-history", found.ref)
    messages.success(request, f"Version {made.revision} says what version {number} said.")
    return redirect("knowledge:entry", found.ref)
