"""The sidebar's one call, and what it may do: start, run again, judge."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from altor.api.authentication import SessionAuthentication, TokenAuthentication
from altor.api.views import ApiView
from altor.audit import record_event
from altor.errors import Conflict
from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.serializers import FeedbackInput
from investigations.services.runs import (
    RunAlreadyActive,
    record_feedback,
    rerun_investigation,
    start_investigation,
)
from investigations.widget.authentication import WidgetAuthentication, WidgetPermission
from investigations.widget.document import newest_run, unknown_document, widget_document
from investigations.widget.intake import take
from investigations.widget.kept import ANSWERS, Answer
from investigations.widget.limits import ReadThrottle
from investigations.widget.places import Place, place_for_person, place_for_token, ticket_at
from investigations.widget.state import look
from investigations.widget.tokens import WidgetToken

CONNECTION = OpenApiParameter(
    "connection", str, description="The connection's name; needed where the helpdesk has several"
)
_VERSION = OpenApiParameter(
    "version", str, description="The `run.version` that is known already: 204 while it is the newest"
)


class WidgetCall(ApiView):
    """What the calls about one ticket share."""

    authentication_classes = [WidgetAuthentication, TokenAuthentication, SessionAuthentication]
    permission_classes = [WidgetPermission]

    def place(self, helpdesk: str, external_id: str) -> Place:
        slug = self.request.query_params.get("connection")
        if isinstance(self.request.auth, WidgetToken):
            return place_for_token(self.request.auth, helpdesk, external_id, slug)
        return place_for_person(self.user, helpdesk, external_id, slug)

    def ticket(self, helpdesk: str, external_id: str) -> tuple[Place, Ticket]:
        place = self.place(helpdesk, external_id)
        found = ticket_at(place)
        if found is None:
            raise Http404
        return place, found

    def shown(self, place: Place, ticket: Ticket, status: int = 200) -> Response:
        run = newest_run(ticket)
        document = widget_document(ticket, run=run, user=place.user, now=timezone.now(), name=place.name)
        return Response(document, status=status)

    def record(self, place: Place, action: str, ticket: Ticket, **after: Any) -> None:
        """Beside the service's own event: that it came from a sidebar, and under which name."""
        if place.token is not None:
            record_event(
                actor=place.user, action=action, target=ticket, after=after, sidebar=place.token.label,
                request=self.request._request,
            )  # fmt: skip

    def event_key(self, place: Place, ticket: Ticket, what: str) -> str | None:
        """Of a write under an `Idempotency-Key` that no person stands behind: the run itself remembers it."""
        key = self.request.headers.get("Idempotency-Key", "").strip()
        if not key or place.user is not None:
            return None
        return f"widget:{what}:{ticket.ref}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


class WidgetView(WidgetCall):
    throttle_classes = [ReadThrottle]
    required_permissions = {"get": "run.read"}

    @extend_schema(
        parameters=[CONNECTION, _VERSION],
        responses={
            200: OpenApiTypes.OBJECT, 204: OpenApiResponse(description="`version` is the newest"),
            304: OpenApiResponse(description="Nothing changed since the ETag"),
        },
    )  # fmt: skip
    def get(self, request: Request, helpdesk: str, external_id: str) -> HttpResponse:
        """All that a sidebar shows about a ticket. `state` is none, or the newest run's status."""
        place, now = self.place(helpdesk, external_id), timezone.now()
        seen = look(place, now)
        if seen is None:
            ticket = ticket_at(place)  # 404 for one that is not theirs to see
            if ticket is not None:  # it came this very moment
                return self.shown(place, ticket)
            return _answer(request, _made(unknown_document(place.connection, user=place.user, name=place.name)))
        if seen.version and request.query_params.get("version") == seen.version:
            return Response(status=204)

        def make() -> Answer:
            ticket = Ticket.objects.select_related("customer").get(pk=seen.ticket_id)
            run = newest_run(ticket)
            return _made(widget_document(ticket, run=run, user=place.user, now=now, name=place.name))

        return _answer(request, ANSWERS.get(seen.state, make))


def _made(document: dict[str, Any]) -> Answer:
    body = json.dumps(document, cls=JSONEncoder, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(body, f'W/"{hashlib.sha256(body).hexdigest()[:24]}"')


def _answer(request: Request, answer: Answer) -> HttpResponse:
    if answer.tag in request.headers.get("If-None-Match", "").split(", "):
        return Response(status=304, headers={"ETag": answer.tag})
    return HttpResponse(answer.body, content_type="application/json", headers={"ETag": answer.tag})


class WidgetStart(WidgetCall):
    required_permissions = {"post": "run.start"}
    throttle_scopes = {"post": "run"}

    @extend_schema(parameters=[CONNECTION], request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, helpdesk: str, external_id: str) -> Response:
        """Start an investigation; one that is under way is the answer. A ticket that is not known is read first.

        409 `ticket_not_readable` where the helpdesk has no API connection.
        """
        place = self.place(helpdesk, external_id)
        ticket = ticket_at(place)
        if ticket is None:
            if place.user is not None and not place.user.may("ticket.create"):
                raise Http404
            ticket = take(place.connection, external_id)
            # What the helpdesk says may put the ticket into a team that the person is not in.
            ticket = ticket_at(place) or ticket
        key = self.event_key(place, ticket, "start")
        if not _is_known(key):
            # One that is under way is what was asked for.
            with suppress(RunAlreadyActive):
                run = start_investigation(ticket=ticket, actor=place.user, trigger="widget", event_key=key)
                self.record(place, "widget.run_started", ticket, run=run.ref)
        return self.shown(place, ticket, 202)


class WidgetRerun(WidgetCall):
    required_permissions = {"post": "run.start"}
    throttle_scopes = {"post": "run"}

    @extend_schema(parameters=[CONNECTION], request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, helpdesk: str, external_id: str) -> Response:
        """Investigate again, comparable with the newest run. 409 while that is under way, or when there is none."""
        place, ticket = self.ticket(helpdesk, external_id)
        previous = _newest(ticket)
        key = self.event_key(place, ticket, "rerun")
        if not _is_known(key):
            run = rerun_investigation(previous, actor=place.user, event_key=key)
            self.record(place, "widget.run_again", ticket, run=run.ref)
        return self.shown(place, ticket, 202)


class WidgetFeedback(WidgetCall):
    required_permissions = {"post": "run.feedback"}

    @extend_schema(parameters=[CONNECTION], request=FeedbackInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, helpdesk: str, external_id: str) -> Response:
        """Say of the newest run whether its first candidate was the cause. Needs a person."""
        place, ticket = self.ticket(helpdesk, external_id)
        body = FeedbackInput(data=request.data)
        body.is_valid(raise_exception=True)
        run = _newest(ticket)
        if run.status != Investigation.Status.DONE:
            raise Conflict(f"{run.ref} has no diagnosis to judge.")
        assert isinstance(place.user, User)  # noqa: S101  # `run.feedback` is nothing that a helpdesk vouches for
        stored = record_feedback(run, actor=place.user, **body.validated_data)
        self.record(place, "widget.judged", ticket, run=run.ref, verdict=stored.verdict)
        return self.shown(place, ticket, 201)


def _is_known(event_key: str | None) -> bool:
    return event_key is not None and Investigation.objects.filter(event_key=event_key).exists()


def _newest(ticket: Ticket) -> Investigation:
    run = newest_run(ticket)
    if run is None:
        raise Conflict(f"{ticket.ref} has not been investigated yet. Start an investigation.")
    return run
