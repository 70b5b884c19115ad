"""Escalations: read, change, and all that engineering and support do with them."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import StrictFilterSet
from altor.api.views import ApiViewSet
from altor.errors import InvalidInput
from altor.models import Team, User
from escalations.contracts.stored import form_of
from escalations.lifecycle import changing
from escalations.lifecycle.acting import Doer, act, judge
from escalations.lifecycle.windows import windows
from escalations.models import Escalation
from escalations.models.escalations import EscalationQuerySet
from escalations.packets.frozen import additions
from escalations.packets.markdown import markdown
from escalations.serializers import (
    ActInput,
    ChangeInput,
    EscalationListSerializer,
    EscalationSerializer,
    JudgeInput,
    RejectInput,
)


def escalation_response(escalation: Escalation, *, status: int = 200) -> Response:
    """The whole escalation as JSON."""
    found = Escalation.objects.with_context().prefetch_related(
        "links__ticket__customer", "links__run", "history__by", "followed_by"
    ).get(pk=escalation.pk)  # fmt: skip
    now = timezone.now()
    context = {"windows": list(windows(found.history.all(), form_of(found.version), now).values())}
    return Response(EscalationSerializer(found, context=context).data, status=status)


class EscalationFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Escalation.Status.choices)
    severity = django_filters.CharFilter(field_name="severity", max_length=4)
    ticket = django_filters.CharFilter(field_name="links__ticket__ref", max_length=80)
    owner_team = django_filters.CharFilter(field_name="owner_team__slug", max_length=60)
    contract = django_filters.CharFilter(field_name="version__contract__key", max_length=60)
    is_broken = django_filters.BooleanFilter(field_name="is_broken")
    sent_after = django_filters.IsoDateTimeFilter(field_name="sent_at", lookup_expr="gte")
    sent_before = django_filters.IsoDateTimeFilter(field_name="sent_at", lookup_expr="lt")

    class Meta:
        model = Escalation
        fields: list[str] = []


class EscalationViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "escalation.read",
        "retrieve": "escalation.read",
        "partial_update": "escalation.read",
        "packet": "escalation.read",
        "acknowledge": "escalation.work",
        "accept": "escalation.work",
        "start": "escalation.work",
        "reject": "escalation.work",
        "ask": "escalation.work",
        "word": "escalation.work",
        "resolve": "escalation.work",
        "reopen": "escalation.work",
        "judge": "escalation.work",
        "answer": "escalation.send",
        "verify": "escalation.send",
        "withdraw": "escalation.send",
        "add": "escalation.send",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"ESC-[0-9]{1,17}"
    filterset_class = EscalationFilter
    serializer_class = EscalationListSerializer

    def get_queryset(self) -> EscalationQuerySet:
        return Escalation.objects.visible_to(self.user).with_context().defer("packet", "checklist")

    def get_object(self) -> Escalation:
        return get_object_or_404(self.get_queryset().by_ref(self.kwargs["ref"]))

    @property
    def doer(self) -> Doer:
        return Doer(self.user, via="api")

    def _act(self, request: Request, name: str) -> Response:
        found = self.get_object()
        body = RejectInput(data=request.data) if name == "reject" else ActInput(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        return escalation_response(act(found, name, self.doer, now=timezone.now(), **given))

    @extend_schema(responses=EscalationSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """With its tickets, windows, checklist and history."""
        return escalation_response(self.get_object())

    @extend_schema(request=ChangeInput, responses=EscalationSerializer)
    def partial_update(self, request: Request, ref: str) -> Response:
        """Change the severity, or hand it to another team or person; with a reason."""
        found = self.get_object()
        body = ChangeInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        if given.get("severity"):
            found = changing.change_severity(found, given["severity"], given["why"], self.doer, now=now)
        if given.get("owner_team") or given.get("owner_person"):
            team, who = self._owner(given)
            found = changing.change_owner(found, team=team, person=who, why=given["why"], doer=self.doer, now=now)
        return escalation_response(found)

    @staticmethod
    def _owner(given: dict[str, Any]) -> tuple[Team | None, User | None]:
        team = Team.objects.filter(slug=given.get("owner_team") or "").first()
        who = User.objects.filter(username=given.get("owner_person") or "", is_active=True).first()
        if given.get("owner_team") and team is None:
            raise InvalidInput(f"There is no team {given['owner_team']!r}.", owner_team=given["owner_team"])
        if given.get("owner_person") and who is None:
            raise InvalidInput(f"{given['owner_person']!r} is nobody who is active.")
        return team, who

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def packet(self, request: Request, ref: str) -> Response:
        """The packet as it was frozen when it was sent, with later additions; `?format=markdown` as Linear gets it."""
        found = get_object_or_404(Escalation.objects.visible_to(self.user).by_ref(ref))
        later = additions(found)
        if request.query_params.get("as") == "markdown":
            return Response({"markdown": markdown(found.packet, additions=later)})
        return Response({**found.packet, "additions": later})

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, ref: str) -> Response:
        """The first sign of the owner: the response window ends."""
        return self._act(request, "acknowledge")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, ref: str) -> Response:
        """Engineering takes it as its own."""
        return self._act(request, "accept")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, ref: str) -> Response:
        """Work has begun."""
        return self._act(request, "start")

    @extend_schema(request=RejectInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, ref: str) -> Response:
        """Return it with a reason from the list, and words."""
        return self._act(request, "reject")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def ask(self, request: Request, ref: str) -> Response:
        """Ask support; where the contract says so, the resolution window pauses until the answer."""
        return self._act(request, "ask")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, ref: str) -> Response:
        """Support's answer."""
        return self._act(request, "answer")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"], url_path="update")
    def word(self, request: Request, ref: str) -> Response:
        """A word for everybody who waits; the update window begins anew."""
        return self._act(request, "update")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, ref: str) -> Response:
        """The cause is gone, engineering says."""
        return self._act(request, "resolve")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, ref: str) -> Response:
        """It is not gone after all."""
        return self._act(request, "reopen")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, ref: str) -> Response:
        """The customer, or the customer's figures, say so too."""
        return self._act(request, "verify")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, ref: str) -> Response:
        """Support takes it back, with a reason."""
        return self._act(request, "withdraw")

    @extend_schema(request=ActInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def add(self, request: Request, ref: str) -> Response:
        """Add to the packet; what was sent stays as it was."""
        body = ActInput(data=request.data)
        body.is_valid(raise_exception=True)
        added = changing.add(self.get_object(), body.validated_data["text"], self.doer, now=timezone.now())
        return escalation_response(added)

    @extend_schema(request=JudgeInput, responses=EscalationSerializer)
    @action(detail=True, methods=["post"])
    def judge(self, request: Request, ref: str) -> Response:
        """Was the packet complete, could support have resolved it: data for the score of escalations."""
        found = self.get_object()
        body = JudgeInput(data=request.data)
        body.is_valid(raise_exception=True)
        judge(found, self.doer, now=timezone.now(), **body.validated_data)
        return escalation_response(found)
