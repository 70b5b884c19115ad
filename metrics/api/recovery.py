"""Recovery confidence over REST."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from investigations.models import Ticket
from metrics.models import RecoverySurvey
from metrics.recovery.asking import ask, closed_because, judge, link_of, survey_of


class RecoveryConfidenceSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    asked_at = serializers.DateTimeField(allow_null=True)
    link = serializers.CharField(allow_blank=True, help_text="For the customer; empty when no answer is taken")
    score = serializers.IntegerField(allow_null=True, help_text="1 to 5, the customer's")
    answered_at = serializers.DateTimeField(allow_null=True)
    judged = serializers.IntegerField(allow_null=True, help_text="1 to 5, the engineer's")
    judged_at = serializers.DateTimeField(allow_null=True)


class RecoveryConfidenceInput(serializers.Serializer[Any]):
    judged = serializers.IntegerField(
        required=False, min_value=1, max_value=5, help_text="What the engineer thinks; without it the customer is asked"
    )


class RecoveryView(ApiView):
    required_permissions = {"get": "ticket.read", "post": "ticket.resolve"}

    @extend_schema(responses=RecoveryConfidenceSerializer)
    def get(self, request: Request, ref: str) -> Response:
        """What was asked and answered after the ticket's last closing."""
        ticket = get_object_or_404(Ticket.objects.visible_to(self.user), ref=ref)
        return Response(_document(ticket, survey_of(ticket), self.user.may("ticket.resolve")))

    @extend_schema(request=RecoveryConfidenceInput, responses=RecoveryConfidenceSerializer)
    def post(self, request: Request, ref: str) -> Response:
        """Make a link for the customer of a closed ticket, or say what the engineer thinks. Asked again, the link is
        the same; said again, the last word counts.
        """
        ticket = get_object_or_404(Ticket.objects.visible_to(self.user), ref=ref)
        body = RecoveryConfidenceInput(data=request.data)
        body.is_valid(raise_exception=True)
        score = body.validated_data.get("judged")
        survey = judge(ticket, score, actor=self.user) if score is not None else ask(ticket, actor=self.user)
        return Response(_document(ticket, survey, True))


def _document(ticket: Ticket, survey: RecoverySurvey | None, may_link: bool) -> dict[str, Any]:
    names = ("asked_at", "score", "answered_at", "judged", "judged_at")
    told = {name: getattr(survey, name) if survey is not None else None for name in names}
    takes = survey is not None and survey.asked_at is not None and closed_because(survey, timezone.now()) is None
    link = link_of(survey) if survey is not None and takes and may_link else ""
    return dict(RecoveryConfidenceSerializer({"ticket": ticket.ref, "link": link, **told}).data)
