"""Incidents over REST: what the pages do, with the same rules."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import NoFilter, StrictFilterSet
from altor.api.permissions import allowed
from altor.api.views import ApiViewSet
from altor.errors import InvalidInput
from altor.models import ApiToken, User
from escalations.incidents import changing, closing, followups, recovering
from escalations.incidents.customers import customers_of, mark_told, undo_told
from escalations.incidents.declaring import Wish, declare
from escalations.incidents.history import SHORTEST
from escalations.incidents.linking import join, unlink
from escalations.incidents.proof import fixed_by, gone_again
from escalations.incidents.proposing import propose
from escalations.incidents.serializers import (
    FollowUpDoneInput,
    FollowUpInput,
    FollowUpSerializer,
    IncidentChangeInput,
    IncidentCheckSerializer,
    IncidentCloseInput,
    IncidentDeclareInput,
    IncidentListSerializer,
    IncidentMoveInput,
    IncidentNoteInput,
    IncidentOriginInput,
    IncidentProposalSerializer,
    IncidentReasonInput,
    IncidentSerializer,
    IncidentSuggestionSerializer,
    IncidentTicketInput,
    IncidentToldInput,
    IncidentUpdateInput,
    IncidentUpdateSerializer,
)
from escalations.incidents.suggesting import dismiss
from escalations.incidents.updates import Words, check, proposed, publish
from escalations.incidents.views.finding import origin_of
from escalations.models import Incident, IncidentSuggestion
from escalations.models.incidents import IncidentQuerySet, IncidentSuggestionQuerySet
from investigations.models import Ticket


class IncidentFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Incident.Status.choices)
    severity = django_filters.CharFilter(field_name="severity", max_length=4)
    team = django_filters.CharFilter(field_name="team__slug", max_length=60)
    ticket = django_filters.CharFilter(method="by_ticket", max_length=80)

    class Meta:
        model = Incident
        fields: list[str] = []

    def by_ticket(self, rows: IncidentQuerySet, name: str, value: str) -> IncidentQuerySet:
        return rows.filter(links__ticket__ref=value, links__unlinked_at=None)


class IncidentViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "incident.read",
        "retrieve": "incident.read",
        "create": "incident.declare",
        "proposal": "incident.declare",
        "partial_update": "incident.work",
        "note": "incident.work",
        "updates": "incident.work",
        "tickets": "incident.work",
        "move": "incident.work",
        "close": "incident.work",
        "reopen": "incident.work",
        "told": "incident.work",
        "follow_ups": "incident.work",
        "follow_up": "incident.read",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"INC-[0-9]{1,17}"
    filterset_class = IncidentFilter
    serializer_class = IncidentListSerializer

    def get_queryset(self) -> IncidentQuerySet:
        return Incident.objects.visible_to(self.user).with_context()

    def get_object(self) -> Incident:
        return get_object_or_404(self.get_queryset().by_ref(self.kwargs["ref"]))

    def _reads_directory(self) -> bool:
        token = self.request.auth if isinstance(self.request.auth, ApiToken) else None
        return allowed(self.user, token, "customer.read")

    def _told(self, incident: Incident, status: int = 200) -> Response:
        rows = Incident.objects.with_context().prefetch_related(
            "links__ticket", "updates__by", "follow_ups__owner", "follow_ups__done_by", "history__by"
        )
        found = rows.get(pk=incident.pk)
        reads = self._reads_directory()
        customers = customers_of(found, self.user, reads_directory=reads)
        context = {"customers": customers, "reads_directory": reads}
        return Response(IncidentSerializer(found, context=context).data, status=status)

    @extend_schema(responses=IncidentSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """With its timeline, tickets, customers, updates and follow-ups."""
        return self._told(self.get_object())

    @extend_schema(
        request=IncidentDeclareInput,
        responses={
            201: IncidentSerializer,
            200: OpenApiResponse(IncidentSerializer, description="The ticket joined the open one"),
        },
    )
    def create(self, request: Request) -> Response:
        """Declare: 201. 409 `incident_open` names the open incident of the same cause; with `join` the ticket joins it:
        200. Customers are told nothing.
        """
        body = IncidentDeclareInput(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        wish = Wish(
            title=given["title"], severity=given["severity"], commander=_person(given["commander"], "commander"),
            channel=given["channel"], note=given["note"], tickets=given["tickets"],
            update_every_min=given["update_every_min"], joins=given["join"], via="api",
        )  # fmt: skip
        origin = origin_of(
            self.user, ticket=given["ticket"], escalation=given["escalation"], suggestion=str(given["suggestion"] or "")
        )
        made, is_new = declare(origin, wish, actor=self.user, now=timezone.now())
        return self._told(made, 201 if is_new else 200)

    @extend_schema(
        parameters=[
            OpenApiParameter("ticket", str), OpenApiParameter("escalation", str), OpenApiParameter("suggestion", int),
        ],
        responses=IncidentProposalSerializer, filters=False,
    )  # fmt: skip
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def proposal(self, request: Request) -> Response:
        """What declaring from this ticket, escalation or suggestion would do. Nothing is stored."""
        body = IncidentOriginInput(data=request.query_params)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        now = timezone.now()
        origin = origin_of(
            self.user, ticket=given["ticket"], escalation=given["escalation"], suggestion=str(given["suggestion"] or "")
        )
        wanted = propose(origin, actor=self.user, now=now)
        return Response(IncidentProposalSerializer(wanted, context={"now": now}).data)

    @extend_schema(request=IncidentChangeInput, responses=IncidentSerializer)
    def partial_update(self, request: Request, ref: str) -> Response:
        """Change severity, commander, channel or interval."""
        found, body = self.get_object(), IncidentChangeInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now, user = body.validated_data, timezone.now(), self.user
        if "severity" in given:
            changing.change_severity(found, given["severity"], given["why"], actor=user, now=now, via="api")
        if "commander" in given:
            to = _person(given["commander"], "commander")
            changing.change_commander(found, to, why=given["why"], actor=user, now=now, via="api")
        if "channel" in given:
            changing.change_channel(found, given["channel"], actor=user, now=now, via="api")
        if "update_every_min" in given:
            changing.change_interval(found, given["update_every_min"], given["why"], actor=user, now=now, via="api")
        return self._told(found)

    @extend_schema(request=IncidentNoteInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def note(self, request: Request, ref: str) -> Response:
        """An internal update: everybody who works on it is told, customers are not."""
        found, body = self.get_object(), IncidentNoteInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(
            changing.note(found, body.validated_data["text"], actor=self.user, now=timezone.now(), via="api")
        )

    @extend_schema(
        request=IncidentUpdateInput,
        responses={
            201: IncidentUpdateSerializer,
            200: OpenApiResponse(IncidentCheckSerializer, description="With check_only"),
        },
    )
    @action(detail=True, methods=["post"])
    def updates(self, request: Request, ref: str) -> Response:
        """An update for customers: checked, then a draft in each linked ticket. 409 `update_leaks` with `findings`."""
        found, body = self.get_object(), IncidentUpdateInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        texts = given["texts"] or proposed(found, given["stage"])
        if given["check_only"]:
            return Response(IncidentCheckSerializer(check(found.run, texts)).data)
        wish = Words(given["stage"], texts, given["next_update_at"], given["override_reason"], via="api")
        made = publish(found, wish, actor=self.user, now=timezone.now())
        return Response(IncidentUpdateSerializer(made).data, status=201)

    @extend_schema(request=IncidentTicketInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def tickets(self, request: Request, ref: str) -> Response:
        """Link a ticket that you may open, or take one out."""
        found, body = self.get_object(), IncidentTicketInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        if given["remove"]:
            unlink(found, given["ticket"], why=given["why"], actor=self.user, now=now, via="api")
        else:
            ticket = get_object_or_404(Ticket.objects.visible_to(self.user), ref=given["ticket"])
            join(found, ticket, actor=self.user, now=now, via="api")
        return self._told(found)

    @extend_schema(request=IncidentMoveInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, ref: str) -> Response:
        """Fixed, back to normal, or not after all; the last two say in `text` what shows it."""
        found, body = self.get_object(), IncidentMoveInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now, user = body.validated_data, timezone.now(), self.user
        if given["to"] != "fixed" and len(given["text"].strip()) < SHORTEST:
            raise InvalidInput("Say what shows it.", errors={"text": ["Say what shows it."]})
        if given["to"] == "fixed":
            fixed_by(found, now=now, actor=user, text=given["text"], via="api")
        elif given["to"] == "recovered":
            recovering.recovered(found, now, now=now, actor=user, text=given["text"], via="api")
        else:
            gone_again(found, given["text"], now=now, actor=user, via="api")
        return self._told(found)

    @extend_schema(request=IncidentCloseInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, ref: str) -> Response:
        """Close it with its cause, and with the reason where no recovery was proved."""
        found, body = self.get_object(), IncidentCloseInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(closing.close(found, **body.validated_data, actor=self.user, now=timezone.now(), via="api"))

    @extend_schema(request=IncidentReasonInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, ref: str) -> Response:
        """Open again. 409 when another incident of the same cause is open."""
        found, body = self.get_object(), IncidentReasonInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(
            closing.reopen(found, body.validated_data["why"], actor=self.user, now=timezone.now(), via="api")
        )

    @extend_schema(request=IncidentToldInput, responses=IncidentSerializer)
    @action(detail=True, methods=["post"])
    def told(self, request: Request, ref: str) -> Response:
        """Mark customers as told, by whom and how; `undo` takes it back. Nothing is sent by it."""
        found, body = self.get_object(), IncidentToldInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        if given["undo"]:
            for pk in given["customers"]:
                undo_told(found, pk, actor=self.user, now=now, via="api")
        else:
            mark_told(found, given["customers"], how=given["how"], actor=self.user, now=now, via="api")
        return self._told(found)

    @extend_schema(request=FollowUpInput, responses={201: FollowUpSerializer})
    @action(detail=True, methods=["post"], url_path="follow-ups")
    def follow_ups(self, request: Request, ref: str) -> Response:
        """Something to be done, by somebody, by a day; also on a closed incident."""
        found, body = self.get_object(), FollowUpInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        made = followups.add_follow_up(
            found, given["text"], owner=_person(given["owner"], "owner"), due_on=given["due_on"], link=given["link"],
            actor=self.user, now=timezone.now(), via="api",
        )  # fmt: skip
        return Response(FollowUpSerializer(made).data, status=201)

    @extend_schema(operation_id="incidents_follow_ups_done", request=FollowUpDoneInput, responses=FollowUpSerializer)
    @action(detail=True, methods=["post"], url_path=r"follow-ups/(?P<pk>[0-9]{1,17})")
    def follow_up(self, request: Request, ref: str, pk: str) -> Response:
        """Mark one as done or open again: its owner, or who may run incidents."""
        found, body = self.get_object(), FollowUpDoneInput(data=request.data)
        body.is_valid(raise_exception=True)
        done = body.validated_data["done"]
        made = followups.mark_done(found, int(pk), done=done, actor=self.user, now=timezone.now(), via="api")
        return Response(FollowUpSerializer(made).data)


class IncidentSuggestionViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {"list": "incident.declare", "dismiss": "incident.declare"}
    lookup_url_kwarg = "pk"
    lookup_value_regex = r"[0-9]{1,17}"
    filterset_class = NoFilter
    serializer_class = IncidentSuggestionSerializer

    def get_queryset(self) -> IncidentSuggestionQuerySet:
        return IncidentSuggestion.objects.visible_to(self.user).open().select_related("run", "team")

    @extend_schema(request=IncidentReasonInput, responses=IncidentSuggestionSerializer)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """It is none, with the reason; suggested again only when it has grown by the threshold."""
        found = get_object_or_404(IncidentSuggestion.objects.visible_to(self.user), pk=int(pk))
        body = IncidentReasonInput(data=request.data)
        body.is_valid(raise_exception=True)
        done = dismiss(found, body.validated_data["why"], actor=self.user, now=timezone.now())
        return Response(IncidentSuggestionSerializer(done).data)


def _person(name: str, field: str) -> User | None:
    """None where nobody is named. InvalidInput for a name that nobody has."""
    if not name:
        return None
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise InvalidInput(f"There is nobody called {name!r}.", errors={field: ["is nobody"]})
    return found
