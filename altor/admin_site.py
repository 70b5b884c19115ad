"""The administrators' back room: stock Django admin in our colours, for people with the administrator role only.

What is a fact (events, evidence, versions, audit rows) can be read here and not changed; every change that is possible
is audited. Outside of development an administrator needs a second factor or single sign-on to enter.
"""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from altor.audit import record_event
from altor.roles import Role


def is_administrator(request: HttpRequest) -> bool:
    user = request.user
    return bool(user.is_authenticated and user.is_active and getattr(user, "role", "") == Role.ADMIN)


def has_strong_login(request: HttpRequest) -> bool:
    """A second factor is set up, or this session came through single sign-on."""
    methods = request.session.get("account_authentication_methods", [])
    if any(item.get("method") == "socialaccount" for item in methods):
        return True
    return bool(is_mfa_enabled(request.user))


class AltorAdminSite(admin.AdminSite):
    site_header = "Altor administration"
    site_title = "Altor administration"
    index_title = "Everything stored"
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        strong = not settings.ADMIN_NEEDS_SECOND_FACTOR or (is_administrator(request) and has_strong_login(request))
        return is_administrator(request) and strong

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one login, with its throttling and second factor. Who lacks the factor is led to setting it up."""
        if is_administrator(request) and not self.has_permission(request):
            messages.warning(request, "Set up a second factor first: the administration needs one.")
            return redirect("mfa_index")
        if request.user.is_authenticated:
            return redirect(reverse("admin:index") if self.has_permission(request) else reverse("today"))
        return redirect_to_login(request.GET.get("next", reverse("admin:index")), reverse("account_login"))


class Readable(admin.ModelAdmin):  # type: ignore[type-arg]  # one base for all models
    """May be read by administrators; nothing can be added, changed or removed."""

    list_per_page = 50
    show_full_result_count = False
    #: Fields that hold secrets: neither shown nor told to the audit log.
    secret_fields: ClassVar[tuple[str, ...]] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*(super().get_exclude(request, obj) or ()), *self.secret_fields)


class Editable(Readable):
    """May be changed by administrators; each change is audited. Rows are switched off, not removed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_administrator(request)

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm[Any], change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_event(
            actor=request.user,  # type: ignore[arg-type]  # administrators are users
            action=f"admin.{'changed' if change else 'created'}",
            object_kind=obj._meta.model_name or "",
            object_ref=str(obj)[:80],
            after={
                name: str(form.cleaned_data.get(name)) for name in form.changed_data if name not in self.secret_fields
            },
            request=request,
        )
