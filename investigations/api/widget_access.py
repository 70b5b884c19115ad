"""How a sidebar gets its token where the helpdesk signs none, keeps it, and changes the ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from altor.errors import Conflict, NotFound
from investigations.helpdesks.reading import safe_id
from investigations.widget import pairing
from investigations.widget.authentication import WidgetAuthentication
from investigations.widget.document import viewer
from investigations.widget.launch import SidebarRefused, key_token
from investigations.widget.places import connection_of
from investigations.widget.tokens import LONGEST, WidgetToken, renewed, write_token

_TOKEN = inline_serializer(
    "WidgetTokenGiven",
    {
        "token": serializers.CharField(),
        "expires_in": serializers.IntegerField(help_text="Seconds"),
        "renew_until": serializers.DateTimeField(),
        "ticket": serializers.CharField(help_text="Empty while none is chosen"),
        "is_bound": serializers.BooleanField(help_text="It stays with this ticket"),
        "viewer": serializers.JSONField(),
    },
)


def token_answer(token: WidgetToken, *, now: datetime) -> dict[str, Any]:
    """What a frame is given; also stands in the page of a signed start."""
    return {
        "token": write_token(token),
        "expires_in": int((token.expires_at - now).total_seconds()),
        "renew_until": (token.started_at + LONGEST).isoformat(),
        "ticket": token.ticket,
        "is_bound": token.is_bound,
        "viewer": viewer(token.user, token.name),
    }


class _Where(serializers.Serializer[Any]):
    helpdesk = serializers.CharField(max_length=20)
    connection = serializers.CharField(max_length=60)
    ticket = serializers.CharField(required=False, allow_blank=True, default="", max_length=64)
    agent = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=80, help_text="Name, for the log only"
    )


class LaunchInput(_Where):
    key = serializers.CharField(max_length=100)


class ClaimInput(serializers.Serializer[Any]):
    poll = serializers.CharField(max_length=100)


class TokenRenewal(serializers.Serializer[Any]):
    ticket = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=64, help_text="Change to this ticket"
    )
    agent = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=80, help_text="Name, for the log only"
    )


class _Open(ApiView):
    """Before there is a token. Cookies are not read, so no other site can use somebody's session here."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_scopes = {"post": "widget_launch"}


class WidgetLaunchView(_Open):
    @extend_schema(request=LaunchInput, responses=_TOKEN)
    def post(self, request: Request) -> Response:
        """Exchange the connection's key for a token. 401, with one text, for whatever is wrong."""
        body = LaunchInput(data=request.data)
        body.is_valid(raise_exception=True)
        given, now = body.validated_data, timezone.now()
        connection = connection_of(given["helpdesk"], given["connection"])
        token = key_token(
            connection, given["key"], now=now, ticket=safe_id(given["ticket"]), name=given["agent"].strip()
        )
        return Response(token_answer(token, now=now))


class WidgetPairView(_Open):
    throttle_scopes = {"post": "widget_pair"}

    @extend_schema(
        request=_Where,
        responses=inline_serializer(
            "WidgetPairing",
            {
                "code": serializers.CharField(),
                "url": serializers.CharField(help_text="Where a person confirms the code"),
                "poll": serializers.CharField(help_text="Fetches the token, once"),
                "expires_in": serializers.IntegerField(),
            },
        ),
    )
    def post(self, request: Request) -> Response:
        """Ask for a code that a person logged in to Altor confirms, so that the sidebar acts as them."""
        body = _Where(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        connection = connection_of(given["helpdesk"], given["connection"])
        if connection is None:
            raise SidebarRefused
        asked, part, poll = pairing.ask(
            connection, ticket=safe_id(given["ticket"]), name=given["agent"].strip(), now=timezone.now()
        )
        url = reverse("investigations:widget-pair", args=[part])
        return Response({"code": asked.code, "url": url, "poll": poll, "expires_in": int(pairing.LIFE.total_seconds())})


class WidgetClaimView(_Open):
    throttle_scopes = {"post": "widget_claim"}

    @extend_schema(request=ClaimInput, responses={200: _TOKEN, 204: OpenApiResponse(description="Not confirmed yet")})
    def post(self, request: Request) -> Response:
        """The token, once the code was confirmed, and only once."""
        body = ClaimInput(data=request.data)
        body.is_valid(raise_exception=True)
        now = timezone.now()
        token = pairing.claim(body.validated_data["poll"], now=now)
        return Response(token_answer(token, now=now)) if token is not None else Response(status=204)


class _HasWidgetToken(BasePermission):
    message = "Only a sidebar's own token can be renewed."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, WidgetToken)


class WidgetTokenView(ApiView):
    authentication_classes = [WidgetAuthentication]
    permission_classes = [_HasWidgetToken]

    @extend_schema(request=TokenRenewal, responses=_TOKEN)
    def post(self, request: Request) -> Response:
        """Ten minutes more, up to eight hours; or another ticket of the same connection.

        A token that was signed for one ticket stays with it: 409. Another person's team's ticket is a 404 later.
        """
        body = TokenRenewal(data=request.data)
        body.is_valid(raise_exception=True)
        token, now = request.auth, timezone.now()
        assert isinstance(token, WidgetToken)  # noqa: S101  # the permission lets nothing else in
        wanted = body.validated_data["ticket"].strip()
        if wanted and not safe_id(wanted):
            raise NotFound("There is no such ticket.")
        if wanted and token.is_bound and wanted != token.ticket:
            raise Conflict("This sidebar was opened for one ticket. Open it again from the other one.")
        again = renewed(token, now=now, ticket=wanted, name=body.validated_data["agent"].strip())
        if again is None:
            raise SidebarRefused
        return Response(token_answer(again, now=now))
