"""Who am I, and my tokens."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.permissions import allowed
from altor.api.views import ApiView, ApiViewSet
from altor.errors import InvalidInput
from altor.models import ApiToken
from altor.roles import PERMISSIONS
from altor.tokens import create_token, revoke_token


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """Never the token itself: only the part by which it is found."""

    class Meta:
        model = ApiToken
        fields = ("lookup", "name", "kind", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
        read_only_fields = fields


class TokenInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(PERMISSIONS)), max_length=len(PERMISSIONS)
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class MeView(ApiView):
    """The caller: role, teams, what they may do."""

    required_permissions = {"get": "ticket.read"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The caller's name, role, teams, and the permissions in force for this request."""
        token = request.auth if isinstance(request.auth, ApiToken) else None
        return Response(
            {
                "username": self.user.username,
                "role": self.user.role,
                "teams": sorted(self.user.teams.values_list("slug", flat=True)),
                "timezone": self.user.timezone,
                "permissions": sorted(name for name in PERMISSIONS if allowed(self.user, token, name)),
                "token": token.name if token else None,
            }
        )


_CREATED = inline_serializer("TokenCreated", {"token": serializers.CharField(), "detail": TokenSerializer()})


class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Own tokens. A token can make another one, never a wider one."""

    required_permissions = {"list": "token.own", "retrieve": "token.own", "create": "token.own", "destroy": "token.own"}
    lookup_field = "lookup"
    lookup_value_regex = r"[0-9a-f]{1,16}"
    serializer_class = TokenSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=self.user, kind=ApiToken.Kind.API).order_by("-pk")

    @extend_schema(request=TokenInput, responses={201: _CREATED})
    def create(self, request: Request) -> Response:
        """A new token; its text is in this answer and nowhere else."""
        body = TokenInput(data=request.data)
        body.is_valid(raise_exception=True)
        mine = request.auth if isinstance(request.auth, ApiToken) else None
        beyond = sorted(scope for scope in set(body.validated_data["scopes"]) if not allowed(self.user, mine, scope))
        if beyond:
            raise InvalidInput(f"You do not hold: {', '.join(beyond)}.", errors={"scopes": beyond})
        expires = body.validated_data.get("expires_at")
        if mine is not None and mine.expires_at is not None:
            expires = min(expires or mine.expires_at, mine.expires_at)
        token, text = create_token(
            user=self.user,
            name=body.validated_data["name"],
            scopes=body.validated_data["scopes"],
            actor=self.user,
            expires_at=expires,
        )
        return Response({"token": text, "detail": TokenSerializer(token).data}, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, lookup: str) -> Response:
        """Revoke a token, at once and for good."""
        revoke_token(self.get_object(), actor=self.user)
        return Response(status=204)
