"""What corrections propose for a playbook: shown on its page, taken into a draft, or dismissed with a reason."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from altor import flash
from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from investigations.models import PlaybookDraft, PlaybookProposal
from investigations.services import playbook_proposals as proposals
from investigations.views.playbook_edit import address, editor_of

#: Open ones on a page, and decided ones below them.
_OPEN, _DECIDED = 20, 5
_LONGEST_REASON: Final = 500


def proposals_context(user: User, key: str) -> dict[str, Any]:
    """For the playbook's page: what is open, what was decided last, and whether the person has a draft. {} for who may
    not edit.
    """
    if not user.may("playbook.edit"):
        return {}
    of_key = PlaybookProposal.objects.of(key)
    decided = of_key.filter(status__in=[PlaybookProposal.Status.TAKEN, PlaybookProposal.Status.DISMISSED])
    shown = [*of_key.open()[:_OPEN], *decided[:_DECIDED]]
    told = proposals.told_to(user, shown)
    return {
        "proposed": [item for item in told if item.proposal.is_open],
        "decided": [item for item in told if not item.proposal.is_open],
        "has_draft": PlaybookDraft.objects.of(user, key).exists() if shown else False,
    }


def _proposal(key: str, ref: str) -> PlaybookProposal:
    return get_object_or_404(PlaybookProposal.objects.by_ref(ref), playbook_key=key)


def _back(key: str) -> HttpResponse:
    return redirect(f"{reverse('investigations:playbook', args=[key])}#proposed")


@require_POST
@page("playbook.edit")
def take(request: HttpRequest, key: str, ref: str) -> HttpResponse:
    """Into the person's draft, and to the editor. With an open draft only where the form says `into=open`."""
    choice = request.POST.get("choice", "0")
    is_number = choice.isascii() and choice.isdecimal() and len(choice) < 4
    try:
        proposals.take(
            _proposal(key, ref), actor=person(request), choice=int(choice) if is_number else -1,
            into_open=request.POST.get("into") == "open",
        )  # fmt: skip
    except DomainError as refused:
        messages.error(request, refused.detail)
        return _back(key)
    flash.done(request, "The change is in your draft; nothing is in force.", undo="Undo", url=address("undo", key))
    return redirect(editor_of(key))


@require_POST
@page("playbook.edit")
def dismiss(request: HttpRequest, key: str, ref: str) -> HttpResponse:
    reason = request.POST.get("reason", "")[:_LONGEST_REASON]
    try:
        proposals.dismiss(_proposal(key, ref), actor=person(request), reason=reason)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "The proposal is dismissed.")
    return _back(key)
