"""Playbooks: what is in force, one version to read, what differs between two, a new version by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal

from django.contrib import messages
from django.db.models import Avg, Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import Conflict
from altor.models import User
from investigations.models import Investigation, PlaybookApproval, PlaybookDraft, PlaybookVersion, Trial
from investigations.playbooks.diff import changes, text_lines
from investigations.playbooks.format import Playbook, weight_of
from investigations.playbooks.schema import schema_document
from investigations.services.accuracy import accuracy_of, by_band, by_class, judged_of, over_time
from investigations.services.playbooks import failures_of, put_in_force
from investigations.views.playbook_proposals import proposals_context
from investigations.views.playbook_publish import approval_context

RECENT: Final = timedelta(days=30)


@require_safe
@page("playbook.read")
def playbooks(request: HttpRequest) -> HttpResponse:
    """One line per playbook: the active version, its runs of the last 30 days, and how often people agreed."""
    since = timezone.now() - RECENT
    user = person(request)
    versions = list(PlaybookVersion.objects.defer("source_yaml", "document").order_by("key", "-version"))
    shown: dict[str, PlaybookVersion] = {}
    for version in versions:
        if version.key not in shown or version.is_active:
            shown[version.key] = version
    figures = {
        row["playbook__key"]: row
        for row in Investigation.objects.visible_to(user)
        .filter(queued_at__gte=since, playbook__isnull=False)
        .order_by()
        .values("playbook__key")
        .annotate(
            runs=Count("pk", distinct=True),
            done=Count("pk", filter=Q(status="done"), distinct=True),
            accepted=Count("feedback", filter=Q(feedback__verdict="accepted"), distinct=True),
            judged=Count("feedback", distinct=True),
            seconds=Avg("seconds"),
        )
    }
    lines: list[tuple[PlaybookVersion, Any, int]] = [
        (version, figures.get(key, {}), sum(v.key == key for v in versions)) for key, version in sorted(shown.items())
    ]
    may_edit = user.may("playbook.edit")
    drafts = PlaybookDraft.objects.open().select_related("owner", "base").defer("text", "kept_text")
    context = {
        "here": "playbooks",
        "lines": lines,
        "may_edit": may_edit,
        "drafts": list(drafts) if may_edit else [],
        **(_approvals(user) if may_edit else {}),
    }
    return render(request, "investigations/playbook_list.html", context)


def _approvals(user: User) -> dict[str, list[PlaybookApproval]]:
    """What waits for a second person, and the person's own that were sent back. One query."""
    states = PlaybookApproval.State
    found = PlaybookApproval.objects.filter(Q(state=states.WAITING) | Q(state=states.RETURNED, asked_by=user))
    told = list(found.select_related("version", "asked_by", "decided_by"))
    return {
        "waiting": [item for item in told if item.state == states.WAITING],
        "returned": [item for item in told if item.state == states.RETURNED][:5],
    }


@require_safe
@page("playbook.read")
def playbook(request: HttpRequest, key: str) -> HttpResponse:
    """The short address leads to the active version, or to the newest."""
    found = PlaybookVersion.objects.filter(key=key).order_by("-is_active", "-version").first()
    if found is None:
        raise Http404
    return redirect("investigations:playbook-version", found.key, found.version)


@require_safe
@page("playbook.read")
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = get_object_or_404(
        PlaybookVersion.objects.select_related("created_by", "approval__asked_by", "approval__decided_by"),
        key=key, version=number,
    )  # fmt: skip
    user = person(request)
    used = Investigation.objects.visible_to(user).filter(playbook=found)
    of_key = Investigation.objects.visible_to(user).filter(playbook__key=key)
    judged = judged_of(of_key)
    per: Literal["week", "month"] = "month" if request.GET.get("per") == "month" else "week"
    context = {
        "here": "playbooks",
        "version": found,
        "playbook": Playbook.model_validate(found.document),
        "weights": weight_of,
        "versions": PlaybookVersion.objects.filter(key=key).defer("source_yaml", "document").order_by("-version"),
        "used": used.select_related("ticket").defer("diagnosis")[:15],
        "used_all": used.count(),
        # Of all versions: a verdict on the last one is rarely there yet.
        "accuracy": accuracy_of(judged),
        "judged": judged,
        "per": per,
        "periods": over_time(judged, unit=per),
        "bands": by_band(judged),
        "classes": by_class(judged),
        "failed": failures_of(found),
        "may_edit": user.may("playbook.edit"),
        "may_try": user.may("trial.start"),
        "dry_runs": Trial.objects.visible_to(user).filter(playbook_key=key)[:5],
        **approval_context(request, found),
        **proposals_context(user, key),
        "show": "yaml" if request.GET.get("show") == "yaml" else "read",
    }
    return render(request, "investigations/playbook_version.html", context)


@require_safe
@page("playbook.read")
def diff(request: HttpRequest, key: str) -> HttpResponse:
    """`from` and `to` are version numbers; by default the newest against the one before it."""
    versions = list(PlaybookVersion.objects.filter(key=key).order_by("-version"))
    if not versions:
        raise Http404
    by_number = {str(item.version): item for item in versions}
    new = by_number.get(request.GET.get("to", ""), versions[0])
    earlier = next((item for item in versions if item.version < new.version), new)
    old = by_number.get(request.GET.get("from", ""), earlier)
    context = {
        "here": "playbooks",
        "key": key,
        "old": old,
        "new": new,
        "versions": versions,
        "changes": changes(old.document, new.document),
        "lines": text_lines(old.source_yaml, new.source_yaml),
    }
    return render(request, "investigations/playbook_diff.html", context)


@require_POST
@page("playbook.edit")
def activate(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = get_object_or_404(PlaybookVersion, key=key, version=number)
    try:
        is_active = put_in_force(found, actor=person(request))
    except Conflict as refused:
        messages.error(request, refused.detail)
    else:
        said = "New runs take {} from now on; runs under way keep theirs."
        waits = "{} waits for the approval of a second person."
        messages.success(request, (said if is_active else waits).format(found))
    return redirect("investigations:playbook-version", found.key, found.version)


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The format's JSON Schema, for editors, which cannot log in; it tells nothing of the installation."""
    return JsonResponse(
        schema_document(), json_dumps_params={"ensure_ascii": False}, headers={"Cache-Control": "max-age=3600"}
    )


@require_safe
@page("playbook.read")
def source_file(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """The file as it was stored, comments included."""
    found = get_object_or_404(PlaybookVersion, key=key, version=number)
    headers = {"Content-Disposition": f'attachment; filename="{found.key}.v{found.version}.yaml"'}
    return HttpResponse(found.source_yaml, content_type="application/yaml; charset=utf-8", headers=headers)
