"""Download a file that was attached to an escalation's checklist."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from escalations.attachments.keeping import sent_with
from escalations.attachments.serving import download
from escalations.lifecycle.links import escalation_of
from escalations.models import AttachedFile


@require_safe
@page("escalation.read")
def attachment(request: HttpRequest, ident: str) -> HttpResponse:
    """For those who may open the ticket or read its escalation; unknown and forbidden look alike."""
    user = person(request)
    found = AttachedFile.objects.visible_to(user).by_ident(ident).select_related("ticket").first()
    if found is None:
        raise Http404
    return download(found, actor=user, via="page")


@require_safe
def by_link(request: HttpRequest, token: str, ident: str) -> HttpResponse:
    """For the holder of an escalation's link: the files that went out with that escalation, and no others."""
    escalation = escalation_of(token, now=timezone.now())
    found = AttachedFile.objects.by_ident(ident).select_related("ticket").first()
    if escalation is None or found is None or not sent_with(found).filter(pk=escalation.pk).exists():
        raise Http404
    return download(found, actor=None, via="link")
