"""The packet of a run before it is sent, and of an escalation as it was: page, Markdown, print, JSON; and the format's
schema.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from escalations.packets.frozen import additions
from escalations.packets.markdown import markdown
from escalations.packets.plain import as_text
from escalations.packets.preview import preview
from escalations.packets.schema import schema_document
from escalations.views.escalation import visible_escalation
from investigations.views.runs import as_download, visible_run

#: `show` -> what the tab is called.
SHOWN: Final = {"page": "Packet", "markdown": "Markdown", "text": "Plain text", "json": "JSON"}


def shown_context(packet: dict[str, Any], show: str, additions: Any = ()) -> dict[str, Any]:
    """What the templates of a packet need; `packet` as stored."""
    later = list(additions)
    context: dict[str, Any] = {"packet": packet, "additions": later, "show": show, "tabs": SHOWN.items()}
    if show == "markdown":
        context["text"] = markdown(packet, additions=later)
    elif show == "text":
        context["text"] = as_text(packet, additions=later)
    elif show == "json":
        context["text"] = json.dumps(packet, indent=2, ensure_ascii=False)
    return context


@require_safe
@page("run.read")
def packet_preview(request: HttpRequest, ref: str) -> HttpResponse:
    """`show`: page, markdown, text, json, or print, which is a document of its own."""
    user = person(request)
    run = visible_run(user, ref)
    document = preview(run, user=user, now=timezone.now()).as_dict()
    show = request.GET.get("show", "")
    if show == "print":
        return render(request, "escalations/packet_print.html", {"packet": document, "additions": []})
    context = shown_context(document, show if show in SHOWN else "page")
    return render(request, "escalations/packet.html", {"here": "runs", "run": run, "ticket": run.ticket, **context})


@require_safe
@page("run.read")
def packet_json(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    run = visible_run(user, ref)
    return as_download(preview(run, user=user, now=timezone.now()).as_dict(), f"{run.ref}-packet.json")


@require_safe
@page("escalation.read")
def frozen(request: HttpRequest, ref: str) -> HttpResponse:
    """The packet of an escalation as it was sent, with what was added later marked as such."""
    found = visible_escalation(person(request), ref)
    later, show = additions(found), request.GET.get("show", "")
    if show == "print":
        return render(request, "escalations/packet_print.html", {"packet": found.packet, "additions": later})
    context = shown_context(found.packet, show if show in SHOWN else "page", later)
    context |= {"here": "escalations", "escalation": found}
    return render(request, "escalations/packet_frozen.html", context)


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The format's JSON Schema, for programs that read packets; it tells nothing of the installation."""
    return JsonResponse(
        schema_document(), json_dumps_params={"ensure_ascii": False}, headers={"Cache-Control": "max-age=3600"}
    )
