"""The installation profile: what this company calls things, edited, imported, exported."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import BaseModel

from altor.access import page, person
from altor.audit import record_event
from altor.errors import DomainError
from investigations.models import InstallationProfile
from investigations.profile import Profile
from investigations.services.profiles import current_profile, import_profile, save_profile
from investigations.views.runs import as_download

#: Section of the profile -> its heading. Customers are edited in the directory.
SECTIONS: Final = {
    "": "Company",
    "telemetry": "Telemetry",
    "github": "GitHub",
    "linear": "Linear",
    "stripe": "Stripe",
    "playbooks": "Playbooks",
}
MAX_FILE_BYTES: Final = 4_000_000


class ProfileForm(forms.Form):
    """One text field per value of the profile, named `section.field`; the service validates."""

    comment = forms.CharField(
        max_length=300, required=False, label="Why this change", help_text="Kept with this version."
    )

    def __init__(self, profile: Profile, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.profile = profile
        for section in SECTIONS:
            part: BaseModel = getattr(profile, section) if section else profile
            for name, info in type(part).model_fields.items():
                value = getattr(part, name)
                if isinstance(value, BaseModel) or name == "customers":
                    continue
                if isinstance(value, bool):
                    self.fields[_key(section, name)] = forms.BooleanField(
                        required=False, label=info.description or _label(name), initial=value
                    )
                    continue
                is_list = isinstance(value, list)
                self.fields[_key(section, name)] = forms.CharField(
                    required=False,
                    max_length=4000 if is_list else 300,
                    label=_label(name),
                    initial="\n".join(map(str, value)) if is_list else _shown(value),
                    widget=forms.Textarea(attrs={"rows": 3})
                    if is_list
                    else forms.TextInput(attrs={"spellcheck": "false"}),
                    help_text="One a line." if is_list else info.description or "",
                )

    def sections(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        return [
            (section, title, [self[name] for name in self.fields if name.partition(".")[0] == (section or "company")])
            for section, title in SECTIONS.items()
        ]

    def data_of(self) -> dict[str, Any]:
        """The profile in its own shape, customers left as they are in the directory."""
        found: dict[str, Any] = {}
        for section in SECTIONS:
            part: BaseModel = getattr(self.profile, section) if section else self.profile
            target = found.setdefault(section, {}) if section else found
            for name in type(part).model_fields:
                key = _key(section, name)
                if key not in self.fields:
                    continue
                value = getattr(part, name)
                if isinstance(value, bool):
                    target[name] = bool(self.cleaned_data.get(key))
                    continue
                text = str(self.cleaned_data.get(key, "")).strip()
                if isinstance(value, list):
                    target[name] = [line.strip() for line in text.splitlines() if line.strip()]
                elif text or isinstance(value, str):
                    target[name] = text
        return found


def _label(name: str) -> str:
    words = name.replace("_", " ").capitalize()
    return words.replace("Api ", "API ").replace(" ip ", " address ").replace("Statuspages", "Status pages")


def _key(section: str, name: str) -> str:
    return f"{section or 'company'}.{name}"


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)


@require_http_methods(["GET", "HEAD", "POST"])
@page("connection.read")
def profile(request: HttpRequest) -> HttpResponse:
    user = person(request)
    may_edit = user.may("connection.edit")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied("Edit the installation profile")
    form = ProfileForm(current_profile(), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            save_profile(form.data_of(), actor=user, comment=form.cleaned_data["comment"])
        except DomainError as refused:
            _place(form, refused)
        else:
            messages.success(request, "Saved as a new version. Runs under way keep the one they began with.")
            return redirect("investigations:profile")
    context = {
        "here": "profile",
        "form": form,
        "may_edit": may_edit,
        "versions": InstallationProfile.objects.select_related("created_by").defer("data")[:12],
    }
    return render(request, "investigations/profile.html", context, status=422 if form.errors else 200)


def _place(form: ProfileForm, refused: DomainError) -> None:
    """The service's problems at the fields they name."""
    placed = False
    for problem in refused.extra.get("problems", []):
        field = str(problem.get("field", ""))
        key = field if "." in field else f"company.{field}"
        if key in form.fields:
            form.add_error(key, problem["message"])
            placed = True
    if not placed:
        form.add_error(None, refused.detail)


@require_POST
@page("connection.edit")
def upload(request: HttpRequest) -> HttpResponse:
    """Take over an installation file (JSON), its customers included."""
    file = request.FILES.get("file")
    try:
        if file is None or file.size is None or file.size > MAX_FILE_BYTES:
            raise ValueError("Choose a JSON file of at most 4 MB.")
        unknown = import_profile(json.loads(file.read().decode("utf-8")), actor=person(request))
    except (ValueError, UnicodeDecodeError) as error:
        messages.error(request, f"The file could not be read: {error}")
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Imported: profile and customers.")
        if unknown:
            messages.warning(request, f"Not known here and left out: {', '.join(unknown[:20])}")
    return redirect("investigations:profile")


@require_safe
@page("connection.read")
def download(request: HttpRequest) -> HttpResponse:
    record_event(actor=person(request), action="profile.exported", object_kind="profile", request=request)
    return as_download(current_profile().model_dump(mode="json", exclude={"customers"}), "installation.json")
