"""One rule for every view: the action's permission, by the role and, for tokens, also by the scopes."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from altor.models import ApiToken, User


def allowed(user: User, token: ApiToken | None, permission: str) -> bool:
    """A token with no scopes may do nothing; scopes never widen what the role of today grants."""
    return user.may(permission) and (token is None or permission in token.scopes)


class RolePermission(BasePermission):
    """Views name a permission for each action in `required_permissions`; an action that is not named is refused."""

    message = "Your role, or this token's scopes, do not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, User):
            return False
        method = request.method or ""
        if method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        named: dict[str, str] = getattr(view, "required_permissions", {})
        permission = named.get(getattr(view, "action", None) or method.lower())
        token = request.auth if isinstance(request.auth, ApiToken) else None
        return permission is not None and allowed(request.user, token, permission)
