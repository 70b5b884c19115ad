"""What assistants may do with investigations: read one, start one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404
from pydantic import Field

from altor.mcp.tools import Arguments, Tool
from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.serializers import StartRunInput
from investigations.services.present import as_text, investigation_document
from investigations.services.runs import ask_for_investigation

_DOCUMENT: Final = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": list(Investigation.Status.values)},
        "failure": {"type": "string", "description": "Why it failed"},
        "investigation": {"type": "string"},
        "ticket": {"type": "string"},
        "summary": {"type": "string"},
        "candidates": {"type": "array", "items": {"type": "object"}, "description": "Causes, the likeliest first"},
        "evidence": {"type": "array", "items": {"type": "object"}, "description": "What the diagnosis rests on"},
        "missing": {"type": "array", "items": {"type": "string"}, "description": "What could not be checked"},
        "ruled_out": {"type": "array", "items": {"type": "string"}},
        "next_steps": {"type": "array", "items": {"type": "string"}},
        "reply_draft": {"type": ["string", "null"]},
    },
    "required": ["status", "investigation", "ticket", "candidates", "evidence", "missing"],
}


class RunArguments(Arguments):
    ref: str = Field(min_length=1, max_length=30, description="Reference of the investigation: INV-812")


class StartArguments(Arguments):
    ticket: str = Field(min_length=1, max_length=120, description="Reference of the ticket in Altor: ZD-48213")
    playbook: str = Field("", max_length=60, description="Key of a playbook; none: the one that fits the ticket")


def _read(user: User, asked: RunArguments) -> Mapping[str, Any]:
    return _shown(user, asked.ref)


def _start(user: User, asked: StartArguments) -> Mapping[str, Any]:
    ticket = Ticket.objects.visible_to(user).with_context().filter(ref=asked.ticket).first()
    if ticket is None:
        raise Http404
    given = StartRunInput(data=asked.model_dump(include={"playbook"}))
    given.is_valid(raise_exception=True)
    playbook = given.validated_data.get("playbook") or None
    run = ask_for_investigation(ticket=ticket, actor=user, trigger="mcp", playbook_key=playbook)
    return _shown(user, run.ref)


def _shown(user: User, ref: str) -> dict[str, Any]:
    """The contract's document, and how far it is: an assistant asks until it is done."""
    run = Investigation.objects.visible_to(user).with_context().by_ref(ref.strip()).first()
    if run is None:
        raise Http404
    return {"status": run.status, "failure": run.failure, **investigation_document(run)}


def _text(document: Mapping[str, Any]) -> str:
    ref, status = document["investigation"], document["status"]
    if status == Investigation.Status.DONE:
        return as_text(dict(document))
    about = f"{ref} of {document['ticket']} is {status}"
    if status == Investigation.Status.FAILED:
        return f"{about}: {document['failure'] or 'no reason was given'}"
    return f"{about}. get_investigation tells its diagnosis when it is done, mostly within seconds."


GET_INVESTIGATION: Final = Tool(
    name="get_investigation",
    title="Read an investigation",
    description=(
        "An investigation's diagnosis: likely causes with their probability, evidence, what was ruled out, what could "
        "not be checked, next steps and a drafted reply. While its status is queued or running, ask again."
    ),
    arguments=RunArguments,
    output=_DOCUMENT,
    permission="run.read",
    run=_read,
    text=_text,
)
START_INVESTIGATION: Final = Tool(
    name="start_investigation",
    title="Investigate a ticket",
    description=(
        "Start an investigation of a ticket. It reads telemetry, code, billing and issues of the company and changes "
        "nothing there. Gives its reference at once; read the diagnosis with get_investigation. Refused while an "
        "investigation of the ticket that somebody started is under way."
    ),
    arguments=StartArguments,
    output=_DOCUMENT,
    permission="run.start",
    run=_start,
    text=_text,
    throttle="run",
    is_read_only=False,
    is_idempotent=False,
)
