"""Questions to engineering, and the time that escalations took."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import StrictFilterSet
from altor.api.views import ApiView, ApiViewSet
from escalations.interruptions.asking import ask, withdraw
from escalations.interruptions.choosing import audience
from escalations.interruptions.ledger import of_subject
from escalations.interruptions.people import People
from escalations.interruptions.serializers import (
    EngineersAnswerInput,
    QuestionAskInput,
    QuestionSerializer,
    QuestionWithdrawInput,
    TimeSerializer,
    TypedInput,
)
from escalations.interruptions.typed import answer_and_type, engineer_key, type_hours
from escalations.lifecycle.acting import Doer
from escalations.models import Escalation, Question
from escalations.models.interruptions import QuestionQuerySet
from investigations.models import Investigation, Ticket


class QuestionFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Question.Status.choices)
    ticket = django_filters.CharFilter(field_name="ticket__ref", max_length=80)

    class Meta:
        model = Question
        fields: list[str] = []


class QuestionViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "escalation.read",
        "retrieve": "escalation.read",
        "create": "question.ask",
        "answer": "escalation.work",
        "withdraw": "question.ask",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"QU-[0-9]{1,17}"
    filterset_class = QuestionFilter
    serializer_class = QuestionSerializer

    def get_queryset(self) -> QuestionQuerySet:
        return Question.objects.visible_to(self.user).with_context().prefetch_related("people__user")

    def get_object(self) -> Question:
        return get_object_or_404(self.get_queryset().by_ref(self.kwargs["ref"]))

    def _response(self, question: Question, status: int = 200) -> Response:
        found = Question.objects.with_context().prefetch_related("people__user").get(pk=question.pk)
        return Response(QuestionSerializer(found).data, status=status)

    @extend_schema(responses=QuestionSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        return self._response(self.get_object())

    @extend_schema(
        request=QuestionAskInput,
        responses={
            201: QuestionSerializer,
            200: OpenApiResponse(QuestionSerializer, description="It was asked before"),
        },
    )
    def create(self, request: Request) -> Response:
        """Ask: 201. 200 for one of the same words that you asked already or join; 409 `already_asked` names it."""
        body = QuestionAskInput(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        ticket = get_object_or_404(Ticket.objects.visible_to(self.user).with_context(), ref=given["ticket"])
        runs = Investigation.objects.visible_to(self.user).filter(ticket=ticket)
        if given["run"]:
            run: Investigation | None = get_object_or_404(runs.by_ref(given["run"]))
        else:
            run = runs.filter(status="done").order_by("-pk").first()
        asked, is_new = ask(
            ticket, given["text"], audience(given["to"]), actor=self.user, now=timezone.now(), run=run,
            joins=given["join"], via="api",
        )  # fmt: skip
        return self._response(asked, 201 if is_new else 200)

    @extend_schema(request=EngineersAnswerInput, responses=QuestionSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, ref: str) -> Response:
        """Answer it; whoever asked is told. 409 for one that is over."""
        body = EngineersAnswerInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        doer = Doer(self.user, via="api")
        return self._response(
            answer_and_type(self.get_object(), given["text"], doer, given["minutes"], now=timezone.now())
        )

    @extend_schema(request=QuestionWithdrawInput, responses=QuestionSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, ref: str) -> Response:
        """Take it back; those who were asked are told."""
        body = QuestionWithdrawInput(data=request.data)
        body.is_valid(raise_exception=True)
        why = body.validated_data["why"]
        return self._response(withdraw(self.get_object(), actor=self.user, now=timezone.now(), why=why, via="api"))


class EscalationTimeView(ApiView):
    required_permissions = {"get": "escalation.read", "post": "escalation.work"}

    def _subject(self, ref: str) -> Escalation:
        rows = Escalation.objects.visible_to(self.user).with_context().defer("packet", "checklist")
        return get_object_or_404(rows.by_ref(ref))

    @extend_schema(responses=TimeSerializer)
    def get(self, request: Request, ref: str) -> Response:
        """Engineering's hours, interruptions and engineers, with the sessions they come from, by day."""
        return self._told(self._subject(ref))

    @extend_schema(request=TypedInput, responses=TimeSerializer)
    def post(self, request: Request, ref: str) -> Response:
        """Type in what an engineer spent on a day: it replaces what was measured of that day, and is marked."""
        found = self._subject(ref)
        body = TypedInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        who = engineer_key(given["engineer"], People.read(), self.user)
        type_hours(found, who=who, day=given["day"], minutes=given["minutes"], actor=self.user, now=timezone.now(),
                   note=given["note"])  # fmt: skip
        return self._told(found)

    def _told(self, found: Escalation) -> Response:
        ledger = of_subject(found, now=timezone.now())
        return Response(TimeSerializer(ledger, context={"ledger": ledger}).data)
