"""Escalate from the sidebar, without leaving the ticket."""

from __future__ import annotations

import hashlib
import uuid

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from altor.errors import PermissionRefused
from altor.models import User
from escalations.lifecycle.proposing import escalatable
from escalations.lifecycle.sending import Wish, send
from escalations.serializers import EscalateInput
from investigations.api.widget import CONNECTION, WidgetCall


class WidgetEscalate(WidgetCall):
    required_permissions = {"post": "escalation.send"}

    @extend_schema(parameters=[CONNECTION], request=EscalateInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, helpdesk: str, external_id: str) -> Response:
        """Send an escalation of the ticket's newest diagnosis, as `POST investigations/{ref}/escalations/` does.

        The answer is the sidebar's object, as it is then. Needs a person.
        """
        place, ticket = self.ticket(helpdesk, external_id)
        body = EscalateInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if not isinstance(place.user, User):  # `escalation.send` is nothing that a helpdesk vouches for
            raise PermissionRefused("Sign in to escalate.")
        wish = Wish(
            severity=given["severity"], severity_why=given["severity_why"], note=given["note"],
            answers=given["answers"], override_reason=given["override_reason"], is_provisional=given["provisional"],
            joins=given["join"], token=self._token(place.user), via="widget",
        )  # fmt: skip
        sent, is_new = send(escalatable(ticket), wish, actor=place.user, now=timezone.now())
        self.record(place, "widget.escalated", ticket, escalation=sent.ref)
        return self.shown(place, ticket, 201 if is_new else 200)

    def _token(self, user: User) -> uuid.UUID | None:
        """The same click is the same escalation, also after an answer that was lost."""
        key = self.request.headers.get("Idempotency-Key", "").strip()
        return uuid.UUID(hashlib.sha256(f"{user.pk}:{key}".encode()).hexdigest()[:32]) if key else None
