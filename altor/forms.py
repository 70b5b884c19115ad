"""Forms of the project's own pages. Decisions are taken by the services they feed."""

from __future__ import annotations

import zoneinfo
from typing import Any, Final

from django import forms

from altor.models import Team, User
from altor.roles import PERMISSIONS, Role, role_may

EXPIRIES: Final = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never"))


def zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(zoneinfo.available_timezones()) if "/" in name or name == "UTC"]


class AccountForm(forms.ModelForm[User]):
    """What a person may change about themselves: no role, no teams."""

    timezone = forms.ChoiceField(choices=zones, help_text="Times on all pages are shown in this zone.")

    class Meta:
        model = User
        fields = ["first_name", "last_name", "timezone", "shortcuts_enabled"]
        labels = {"shortcuts_enabled": "Keyboard shortcuts"}
        help_texts = {"shortcuts_enabled": "Single keys outside of fields; press ? for the list."}


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="Where it will be used, e.g. “monthly report”.")
    expires = forms.ChoiceField(choices=EXPIRIES, required=False, initial="90", label="Expires after")
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="It never allows more than your own role does on the day it is used.",
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]  # a choice field
            (name, f"{text} ({name})") for name, (_, text) in PERMISSIONS.items() if role_may(user.role, name)
        ]


class PersonForm(forms.Form):
    """An administrator's view of a person. The user name is fixed once it exists: the audit log names people by it."""

    username = forms.SlugField(max_length=150)
    email = forms.EmailField()
    first_name = forms.CharField(max_length=150, required=False)
    last_name = forms.CharField(max_length=150, required=False)
    role = forms.ChoiceField(choices=Role.choices)
    teams = forms.ModelMultipleChoiceField(
        queryset=Team.objects.none(), required=False, widget=forms.CheckboxSelectMultiple,
        help_text="People see the tickets of their teams; administrators see all.",
    )  # fmt: skip
    is_active = forms.BooleanField(
        required=False, initial=True, label="May sign in", help_text="Taking this away ends all their sessions at once."
    )

    def __init__(self, *args: Any, person: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        self.fields["teams"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]  # a model field
        if person is not None:
            self.fields["username"].disabled = True

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        others = User.objects.filter(email__iexact=email)
        if (others.exclude(pk=self.person.pk) if self.person else others).exists():
            raise forms.ValidationError("Somebody else has this address.")
        return email

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if self.person is None and User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("This user name is taken.")
        return name


class TeamForm(forms.ModelForm[Team]):
    timezone = forms.ChoiceField(choices=zones)

    class Meta:
        model = Team
        fields = ["name", "timezone", "is_default"]
        labels = {"is_default": "Receives tickets that no rule assigns"}
