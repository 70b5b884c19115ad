"""Escalate an investigation: what it would need, and send it."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from escalations.api.escalations import escalation_response
from escalations.lifecycle.proposing import propose
from escalations.lifecycle.sending import Wish, send
from escalations.serializers import EscalateInput, EscalationSerializer, ProposalSerializer
from investigations.models import Investigation


class EscalateView(ApiView):
    required_permissions = {"get": "escalation.read", "post": "escalation.send"}

    def _run(self, ref: str) -> Investigation:
        return get_object_or_404(Investigation.objects.visible_to(self.user).by_ref(ref).with_context())

    @extend_schema(responses=ProposalSerializer)
    def get(self, request: Request, ref: str) -> Response:
        """What an escalation of this investigation would be: severity, contract, checklist. Stores nothing.

        `?severity=SEV1` looks at it under another severity. 409 for an investigation that is not finished.
        """
        found = propose(self._run(ref), severity=request.query_params.get("severity", ""))
        return Response(ProposalSerializer(found, context={"user": self.user}).data)

    @extend_schema(request=EscalateInput, responses={201: EscalationSerializer, 200: EscalationSerializer})
    def post(self, request: Request, ref: str) -> Response:
        """Send it: 201. 200 for one of this ticket that is open already, and for one that the ticket joined.

        409 `contract_unmet` with `missing` and the ways to supply it; 409 `already_escalated` with the open escalation
        of the same cause, which `join` accepts.
        """
        run = self._run(ref)
        body = EscalateInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        wish = Wish(
            severity=given["severity"], severity_why=given["severity_why"], note=given["note"],
            answers=given["answers"], override_reason=given["override_reason"], is_provisional=given["provisional"],
            joins=given["join"], via="api",
        )  # fmt: skip
        sent, is_new = send(run, wish, actor=self.user, now=timezone.now())
        return escalation_response(sent, status=201 if is_new else 200)
