"""The editor of playbooks: a draft that saves itself, checked as it is typed. `key` "" is a new playbook."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor import flash
from altor.access import page, person
from altor.errors import Conflict, DomainError, NotFound
from investigations.models import PlaybookDraft, Ticket
from investigations.playbooks.loader import MAX_BYTES
from investigations.services import drafts
from investigations.services.publishing import standing
from investigations.views.playbook_words import words_context

#: So many changes are listed beside the text; all of them on the publish page.
CHANGES_SHOWN: Final = 12

#: So many of the newest tickets of the playbook's class are offered for trying a step.
TICKETS_OFFERED: Final = 15


def address(name: str, key: str) -> str:
    """The page `name` of the editor, for a playbook or for a new one."""
    route = f"investigations:playbook-{name}" if key else f"investigations:playbook-new-{name}"
    return reverse(route, args=[key] if key else [])


def editor_of(key: str) -> str:
    return reverse("investigations:playbook-edit", args=[key]) if key else reverse("investigations:playbook-new")


def draft_or_begun(request: HttpRequest, key: str) -> PlaybookDraft:
    """The person's draft; unsaved, what one would begin with. 404 for an unknown playbook. Never writes."""
    user = person(request)
    draft = PlaybookDraft.objects.of(user, key).select_related("base", "begun_from").first()
    if draft is not None:
        return draft
    number = request.GET.get("from", "")
    try:
        text, first = drafts.text_to_begin_with(key, int(number) if number.isdecimal() else None)
    except NotFound:
        raise Http404 from None
    return PlaybookDraft(
        owner=user, key=key, text=text, base=drafts.version_in_force(key), begun_from=first, saved_at=timezone.now()
    )


@require_safe
@page("playbook.edit")
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    return _editor(request, draft_or_begun(request, key))


def _editor(request: HttpRequest, draft: PlaybookDraft, *, status: int = 200) -> HttpResponse:
    key = draft.key
    others = PlaybookDraft.objects.open().exclude(key="").filter(key=key).exclude(owner=person(request))
    asked_for = request.GET.get("from", "")
    tickets = Ticket.objects.visible_to(person(request))
    if draft.begun_from is not None:
        tickets = tickets.filter(incident_class=draft.begun_from.incident_class)
    context = {
        **check_context(draft),
        **words_context(""),
        "tickets": tickets.order_by("-opened_at").values_list("ref", "subject")[:TICKETS_OFFERED],
        "is_older": asked_for if draft.pk and asked_for != str(getattr(draft.begun_from, "version", "")) else "",
        "here": "playbooks",
        "others": others.select_related("owner").defer("text", "kept_text"),
        "urls": {
            name: address(name, key)
            for name in ("save", "check", "discard", "upload", "undo", "publish", "download", "try", "step")
        },
    }
    return render(request, "investigations/playbook_edit.html", context, status=status)


def check_context(draft: PlaybookDraft) -> dict[str, Any]:
    found = standing(draft)
    return {
        "draft": draft,
        "key": draft.key,
        "revision": draft.revision if draft.pk else 0,
        "standing": found,
        "examined": found.examined,
        "outline": found.examined.outline,
        "few_changes": found.changes[:CHANGES_SHOWN],
        "more_changes": max(0, len(found.changes) - CHANGES_SHOWN),
        "dry_run": address("dry-run", draft.key) if draft.owner.may("trial.start") else "",
        "check_url": address("check", draft.key),
        "publish_url": address("publish", draft.key),
    }


@require_safe
@page("playbook.edit")
def check(request: HttpRequest, key: str = "") -> HttpResponse:
    """What the saved draft means and what is wrong with it: the panel beside the text."""
    return render(request, "investigations/_playbook_check.html", check_context(draft_or_begun(request, key)))


@require_POST
@page("playbook.edit")
def save(request: HttpRequest, key: str = "") -> HttpResponse:
    """Keep what was typed. Asked for JSON it tells the new revision, else it leads back to the editor, or to `then`."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    try:
        draft = drafts.save_draft(
            owner=person(request), key=key, text=request.POST.get("text", ""),
            revision=_number(request, "revision") or 0,
            base=_number(request, "base"), begun_from=_number(request, "begun_from"),
            is_forced=request.POST.get("force") == "yes",
        )  # fmt: skip
    except DomainError as refused:
        if wants_json:
            return JsonResponse({"error": refused.detail, "code": refused.code}, status=refused.status)
        messages.error(request, f"Not saved: {refused.detail}. Save again to keep the text that is shown.")
        draft = draft_or_begun(request, key)
        draft.text = request.POST.get("text", "").replace("\x00", "\ufffd")  # shown, not saved: nothing is lost
        return _editor(request, draft, status=refused.status)
    if wants_json:
        return JsonResponse(drafts.told(draft))
    return redirect(address("publish", key) if request.POST.get("then") == "publish" else editor_of(key))


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


@require_POST
@page("playbook.edit")
def discard(request: HttpRequest, key: str = "") -> HttpResponse:
    try:
        drafts.discard(owner=person(request), key=key)
    except Conflict as refused:
        messages.error(request, refused.detail)
    else:
        flash.done(request, "The draft is discarded.", undo="Take it back", url=address("restore", key))
    return redirect("investigations:playbooks")


@require_POST
@page("playbook.edit")
def restore(request: HttpRequest, key: str = "") -> HttpResponse:
    return _back_to_editor(request, key, lambda: drafts.restore(owner=person(request), key=key), "The draft is back.")


@require_POST
@page("playbook.edit")
def undo(request: HttpRequest, key: str = "") -> HttpResponse:
    """The text before the last file, merge or inserted step."""

    def take_back() -> None:
        drafts.take_back(owner=person(request), key=key)

    return _back_to_editor(request, key, take_back, "The text is as it was before.")


@require_POST
@page("playbook.edit")
def upload(request: HttpRequest, key: str = "") -> HttpResponse:
    """A file in the place of the draft's text, byte for byte."""
    file = request.FILES.get("file")

    def take() -> None:
        if file is None:
            raise Conflict("Choose a file.")
        text = drafts.uploaded_text(file.read(MAX_BYTES + 1))
        drafts.replace_text(owner=person(request), key=key, text=text, why=f"the file {file.name or ''}"[:80])

    return _back_to_editor(request, key, take, f"{file.name if file else ''} is in the draft.", can_undo=True)


@require_safe
@page("playbook.edit")
def download(request: HttpRequest, key: str = "") -> HttpResponse:
    """The draft as a file, as it was saved."""
    draft = draft_or_begun(request, key)
    headers = {"Content-Disposition": f'attachment; filename="{key or "new-playbook"}.draft.yaml"'}
    return HttpResponse(draft.text, content_type="application/yaml; charset=utf-8", headers=headers)


def _back_to_editor(request: HttpRequest, key: str, act: Any, said: str, *, can_undo: bool = False) -> HttpResponse:
    try:
        act()
    except NotFound:
        raise Http404 from None
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        if can_undo:
            flash.done(request, said, undo="Undo", url=address("undo", key))
        else:
            messages.success(request, said)
    return redirect(editor_of(key))
