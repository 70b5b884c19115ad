"""Investigations: read, stop, repeat, answer, judge, compare; evidence with its rows."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from altor.models import PhaseEvent, User
from investigations.api.filtering import RunFilter
from investigations.models import Evidence, Investigation
from investigations.models.investigations import InvestigationQuerySet
from investigations.serializers import (
    AffectedListSerializer,
    AnswerInput,
    EvidenceListSerializer,
    EvidenceSerializer,
    FeedbackInput,
    FeedbackSerializer,
    OverrideInput,
    OverrideSerializer,
    QuestionAnswerInput,
    RunListSerializer,
    RunSerializer,
    StartRunInput,
)
from investigations.services.affected import affected_of
from investigations.services.compare import compare_runs
from investigations.services.gates import gate_state, override_gate
from investigations.services.present import investigation_document
from investigations.services.questions import answer_question
from investigations.services.runs import (
    answer_step,
    cancel_investigation,
    record_feedback,
    rerun_investigation,
)

_ROWS = ("columns", "rows", "requests")


def detailed(user: User) -> InvestigationQuerySet:
    """Runs the person may see, with all that one page of detail shows."""
    return (
        Investigation.objects.visible_to(user)
        .with_context()
        .prefetch_related("steps__answered_by", "evidence__step", "overrides__user", "feedback__user")
    )


def run_response(run: Investigation, user: User, *, status: int = 200) -> Response:
    """The whole run as JSON."""
    run = detailed(user).get(pk=run.pk)
    phases = PhaseEvent.objects.filter(ticket_ref=run.ticket.ref, subject_ref=run.ref).select_related("actor")
    context = {
        "phases": list(phases),
        "gates": gate_state(run),
        "diagnosis": investigation_document(run) if run.diagnosis is not None else None,
    }
    return Response(RunSerializer(run, context=context).data, status=status)


class InvestigationViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "run.read",
        "retrieve": "run.read",
        "cancel": "run.start",
        "rerun": "run.start",
        "feedback": "run.feedback",
        "answer": "run.answer",
        "question": "run.answer",
        "gates": "run.read",
        "override": "gate.override",
        "compare": "run.read",
        "affected": "run.read",
        "evidence_list": "run.read",
        "evidence_item": "run.read",
    }
    throttle_scopes = {"rerun": "run", "question": "run"}
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"INV-[0-9]{1,17}"
    filterset_class = RunFilter

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return RunListSerializer

    def get_queryset(self) -> InvestigationQuerySet:
        return Investigation.objects.visible_to(self.user).with_context()

    def get_object(self) -> Investigation:
        return get_object_or_404(self.get_queryset().by_ref(self.kwargs["ref"]))

    def _answer(self, run: Investigation, status: int = 200) -> Response:
        return run_response(run, self.user, status=status)

    @extend_schema(responses=RunSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """Status, phases, steps, evidence and diagnosis. `diagnosis` is the object of the command's JSON output."""
        return self._answer(self.get_object())

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, ref: str) -> Response:
        """Stop a queued or running investigation. 409 when it is over."""
        return self._answer(cancel_investigation(self.get_object(), actor=self.user))

    @extend_schema(request=StartRunInput, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def rerun(self, request: Request, ref: str) -> Response:
        """A new run of the same ticket and playbook, comparable with this one."""
        body = StartRunInput(data=request.data)
        body.is_valid(raise_exception=True)
        run = rerun_investigation(self.get_object(), actor=self.user, as_of=body.validated_data.get("as_of"))
        return self._answer(run, 202)

    @extend_schema(request=FeedbackInput, responses={201: FeedbackSerializer})
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, ref: str) -> Response:
        """What the cause really was."""
        run = self.get_object()
        body = FeedbackInput(data=request.data)
        body.is_valid(raise_exception=True)
        stored = record_feedback(run, actor=self.user, **body.validated_data)
        return Response(FeedbackSerializer(stored).data, status=201)

    @extend_schema(request=AnswerInput, responses=RunSerializer)
    @action(detail=True, methods=["post"], url_path=r"steps/(?P<step_id>[a-z][a-z0-9_]{0,59})/answer")
    def answer(self, request: Request, ref: str, step_id: str) -> Response:
        """Answer a manual step; the diagnosis is weighed again."""
        run = self.get_object()
        body = AnswerInput(data=request.data)
        body.is_valid(raise_exception=True)
        return self._answer(answer_step(run, step_id, body.validated_data["answer"], actor=self.user))

    @extend_schema(request=QuestionAnswerInput, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def question(self, request: Request, ref: str) -> Response:
        """Answer the diagnosis' `question`: the answer is kept with the ticket, and the case is run again with it.

        The same answer again gives the same run. 409 when the diagnosis asks nothing, or another question.
        """
        run = self.get_object()
        body = QuestionAnswerInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        return self._answer(answer_question(run, given["answer"], name=given["name"], actor=self.user), 202)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def gates(self, request: Request, ref: str) -> Response:
        """Which steps still have to run before a reply and before an escalation."""
        return Response(gate_state(self.get_object()))

    @extend_schema(request=OverrideInput, responses={201: OverrideSerializer})
    @action(detail=True, methods=["post"], url_path=r"gates/(?P<gate>[a-z]{1,10})/override")
    def override(self, request: Request, ref: str, gate: str) -> Response:
        """Open a closed gate with a reason, which is shown and counted."""
        run = self.get_object()
        body = OverrideInput(data=request.data)
        body.is_valid(raise_exception=True)
        stored = override_gate(run, gate, body.validated_data["reason"], actor=self.user)
        return Response(OverrideSerializer(stored).data, status=201)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, url_path=r"compare/(?P<other>INV-[0-9]{1,17})")
    def compare(self, request: Request, ref: str, other: str) -> Response:
        """What changed from the run `other` to this one."""
        previous = get_object_or_404(self.get_queryset().by_ref(other))
        return Response(compare_runs(self.get_object(), previous))

    @extend_schema(responses=AffectedListSerializer)
    @action(detail=True)
    def affected(self, request: Request, ref: str) -> Response:
        """Other customers that show the same symptom in the same window, by revenue. 404 where none was looked for."""
        found = affected_of(self.get_object(), self.user)
        if found is None:
            raise Http404
        return Response(AffectedListSerializer(found).data)

    @extend_schema(responses=EvidenceListSerializer(many=True), filters=False)
    @action(detail=True, url_path="evidence", pagination_class=None, filterset_class=None)
    def evidence_list(self, request: Request, ref: str) -> Response:
        """All evidence of the run, without rows."""
        found = Evidence.objects.filter(investigation=self.get_object()).select_related("step").defer(*_ROWS)
        return Response(EvidenceListSerializer(found, many=True).data)

    @extend_schema(responses=EvidenceSerializer)
    @action(detail=True, url_path=r"evidence/(?P<ref_id>E[0-9.]{1,7})")
    def evidence_item(self, request: Request, ref: str, ref_id: str) -> Response:
        """One piece of evidence: the query as it was sent, and its rows."""
        found = Evidence.objects.filter(investigation=self.get_object(), ref_id=ref_id).select_related("step")
        return Response(EvidenceSerializer(get_object_or_404(found)).data)
