"""Guards of pages: logged in, and in a role that holds the permission. Objects are guarded by `visible_to`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from altor.roles import PERMISSIONS

if TYPE_CHECKING:
    from altor.models import User

View = Callable[..., HttpResponseBase]


def person(request: HttpRequest) -> User:
    """The logged-in person of a guarded view."""
    return cast("User", request.user)


def page(permission: str = "") -> Callable[[View], View]:
    """A page for people who hold `permission` ("": for all who are logged in); others get 403, guests the login.

    KeyError at import time for a permission that does not exist.
    """
    if permission and permission not in PERMISSIONS:
        raise KeyError(permission)

    def guard(view: View) -> View:
        @login_required
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if permission and not person(request).may(permission):
                raise PermissionDenied(PERMISSIONS[permission][1])
            response = view(request, *args, **kwargs)
            # Evidence and customers' texts do not belong into the browser's or a proxy's store.
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        inner.permission = permission  # type: ignore[attr-defined]  # read by the route matrix test
        return inner

    return guard
