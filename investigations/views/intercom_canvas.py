"""Intercom asks for its sidebar's canvas: when a conversation is opened, and when somebody uses it.

A plain view: the signature is over the raw bytes, there is no session, and Intercom wants an answer within seconds, so
nothing is investigated here. An action may arrive twice; each bears it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from altor.api.problems import json_problem
from altor.api.throttles import hit
from altor.audit import client_address, record_event
from altor.errors import DomainError
from altor.models import User
from investigations.helpdesks.intercom.canvas import action_of, canvas, expanded_by
from investigations.helpdesks.intercom.launch import launched
from investigations.helpdesks.launches import LaunchRefused
from investigations.models import HelpdeskConnection, Investigation, Ticket
from investigations.services.runs import (
    RunAlreadyActive,
    record_feedback,
    rerun_investigation,
    start_investigation,
)
from investigations.widget.document import newest_run, unknown_document, widget_document
from investigations.widget.intake import take
from investigations.widget.launch import person_of
from investigations.widget.places import Place, connection_of, ticket_at

log = logging.getLogger(__name__)
HELPDESK: Final = "intercom"
MAX_BYTES: Final = 400_000
_HIDDEN: Final = "Altor knows this conversation, and it is another team's: ask your lead."


@csrf_exempt
@require_POST
def show(request: HttpRequest, connection: str) -> HttpResponse:
    """The canvas of the conversation that the signed body names; a body with a `component_id` acts first.

    401 for a signature that is wrong, whatever is wrong with it; 404 for a connection that is not there.
    """
    found = connection_of(HELPDESK, connection)
    raw = request.read(MAX_BYTES + 1)
    if found is None:
        return _refused(request, "not_found", 404)
    if len(raw) > MAX_BYTES:
        return json_problem(request, "body_too_large", "The body is too large", 413, f"At most {MAX_BYTES} bytes.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = timezone.now()
    try:
        start, body = launched(_secrets(found), headers, raw, now=now)
        user = person_of(start.agent.email) if start.agent else None
    except LaunchRefused as refused:
        log.warning("canvas refused", extra={"endpoint": str(found.endpoint), "reason": str(refused)})
        return _refused(request, "signature_invalid", 401)
    name = (start.agent.name or start.agent.email) if start.agent else ""
    place = Place(HELPDESK, found.endpoint.connection, start.external_id, found, user, name)
    return JsonResponse(_answer(place, body), headers={"Cache-Control": "no-store"})


def _secrets(connection: HelpdeskConnection) -> list[str]:
    """The app's client secret signs canvases and webhooks alike; one of its own may be set."""
    return (connection.launch_secret or connection.endpoint.secrets).splitlines()


def _answer(place: Place, body: Mapping[str, Any]) -> dict[str, Any]:
    flash, opened = "", ""
    try:
        if "component_id" in body:
            action, inputs = action_of(body)
            opened = expanded_by(action, body)
            flash = _act(place, action, inputs)
        return canvas(_document(place), expanded=opened, flash=flash)
    except Http404:
        return canvas(unknown_document(None, user=place.user, name=place.name), flash=_HIDDEN)
    except DomainError as refused:
        return canvas(_document(place), expanded=opened, flash=refused.detail)


def _document(place: Place) -> dict[str, Any]:
    ticket = ticket_at(place)
    if ticket is None:
        document = unknown_document(place.connection, user=place.user, name=place.name)
        # Where the conversation can be read, "Investigate" reads it first.
        document["actions"] = {**document["actions"], "start": document["may_create"]}
        return document
    return widget_document(ticket, run=newest_run(ticket), user=place.user, now=timezone.now(), name=place.name)


def _act(place: Place, action: str, inputs: Mapping[str, str]) -> str:
    """Do what the component stands for; one line for the teammate. Components that only look do nothing."""
    deed = _DEEDS.get(action)
    if deed is None:
        return ""
    offered = _document(place)["actions"]
    if not offered.get(_OFFER[action]):
        return "This is not open to you, or not at this moment."
    ticket = ticket_at(place) or take(place.connection, place.external_id)
    return deed(place, ticket, inputs)


def _start(place: Place, ticket: Ticket, inputs: Mapping[str, str]) -> str:
    with suppress(RunAlreadyActive):
        run = start_investigation(ticket=ticket, actor=place.user, trigger="widget")
        _record(place, "widget.run_started", ticket, run)
    return "The investigation has started. Look again in a few seconds."


def _rerun(place: Place, ticket: Ticket, inputs: Mapping[str, str]) -> str:
    previous = newest_run(ticket)
    if previous is not None:
        with suppress(RunAlreadyActive):
            run = rerun_investigation(previous, actor=place.user)
            _record(place, "widget.run_again", ticket, run)
    return "The investigation runs again. Look again in a few seconds."


def _judge(place: Place, ticket: Ticket, inputs: Mapping[str, str]) -> str:
    run = newest_run(ticket)
    assert run is not None and isinstance(place.user, User)  # noqa: S101  # offered only then
    record_feedback(run, grade=inputs.get("grade", ""), comment=inputs.get("comment", ""), actor=place.user)
    _record(place, "widget.judged", ticket, run)
    return "Thank you: recorded."


def _record(place: Place, action: str, ticket: Ticket, run: Investigation) -> None:
    record_event(
        actor=place.user, action=action, target=ticket, after={"run": run.ref}, sidebar=f"intercom:{place.name}"
    )


#: Component -> what it does, and the action of the document that offers it.
_DEEDS: Final[Mapping[str, Callable[[Place, Ticket, Mapping[str, str]], str]]] = {
    "start": _start, "rerun": _rerun, "send-feedback": _judge,
}  # fmt: skip
_OFFER: Final = {"start": "start", "rerun": "rerun", "send-feedback": "feedback"}


def _refused(request: HttpRequest, code: str, status: int) -> HttpResponse:
    """Guessing is slowed down per address."""
    wait = hit("bad_signature", f"a{client_address(request)}")
    if wait is not None:
        answer = json_problem(request, "rate_limited", "Too many requests", 429, f"Try again in {wait:.0f} s.")
        answer["Retry-After"] = str(max(1, round(wait)))
        return answer
    title = "Not found" if status == 404 else "The request was refused"
    return json_problem(request, code, title, status, "There is no such sidebar, or the signature is not right.")
