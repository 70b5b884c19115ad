"""Forms of the pages about notices."""

from __future__ import annotations

from datetime import time
from typing import Any, Final

from django import forms
from django.forms import BoundField

from altor.models import NoticeChannel, NoticePreference, Team, User
from altor.notify.channels import OWN_KINDS
from altor.notify.choices import Wishes
from altor.notify.kinds import notice_kinds
from altor.notify.senders.services import SECURE

_MAIL: Final = (("off", "Off"), ("now", "At once"), ("digest", "In the digest"))
_OWN: Final = (("off", "Off"), ("now", "At once"))
_SERVICES: Final = ", ".join(SECURE)
_OWN_HELP: Final = (
    "The webhook's whole address, or an Apprise address such as ntfys://host/topic"
    f" (one of {_SERVICES}). Stored encrypted and never shown again."
)
_SECRET_HELP: Final = f"A bot's token (xoxb-…), or: {_OWN_HELP[0].lower()}{_OWN_HELP[1:]}"


def _secret(help_text: str) -> forms.CharField:
    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"})
    return forms.CharField(max_length=2000, widget=widget, label="Token or address", help_text=help_text)


class ChannelForm(forms.Form):
    """A shared channel. The stored secret is never shown."""

    title = forms.CharField(max_length=80)
    kind = forms.ChoiceField(choices=NoticeChannel.Kind.choices, label="Service")
    team = forms.ModelChoiceField(queryset=Team.objects.none(), required=False)
    address = forms.CharField(
        max_length=500, required=False, label="To",
        help_text="E-mail: addresses, separated by commas. Slack as a bot: the channel's id, C0123456789. Else empty.",
    )  # fmt: skip
    secret = _secret(_SECRET_HELP)
    kinds = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, required=False, label="Only these", help_text="None: everything."
    )
    is_active = forms.BooleanField(required=False, initial=True, label="In use")

    def __init__(self, user: User, row: NoticeChannel | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_admin = user.role == "admin"
        team: Any = self.fields["team"]
        team.queryset = Team.objects.all() if is_admin else Team.objects.filter(memberships__user=user)
        team.required = not is_admin
        team.empty_label = "Every team" if is_admin else None
        self.fields["kinds"].choices = [(n, kind.title) for n, kind in notice_kinds().items()]  # type: ignore[attr-defined]  # a choice field
        self.fields["secret"].required = False
        if row is not None:
            for name in ("title", "kind", "team", "address", "kinds", "is_active"):
                self.fields[name].initial = getattr(row, name)
            if row.secret:
                self.fields["secret"].help_text = f"One is stored; leave this empty to keep it. {_SECRET_HELP}"


class OwnChannelForm(forms.Form):
    kind = forms.ChoiceField(choices=[(str(kind), kind.label) for kind in OWN_KINDS], label="Service")
    secret = _secret(_OWN_HELP)


class PreferenceForm(forms.Form):
    """One select per kind and column, quiet hours, the digest's hour."""

    quiet_from = forms.TimeField(
        required=False, label="Quiet from", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        required=False, label="Quiet until", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_rule = forms.ChoiceField(choices=NoticePreference.Quiet.choices, label="What comes in quiet hours")
    digest_hour = forms.TypedChoiceField(
        choices=[(hour, f"{hour:02}:00") for hour in range(24)], coerce=int, label="Digest at"
    )

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wishes = Wishes.of(person)
        for name in ("quiet_from", "quiet_until", "quiet_rule", "digest_hour"):
            self.fields[name].initial = getattr(wishes.preference, name)
        for name, kind in notice_kinds().items():
            self.fields[f"mail:{name}"] = forms.ChoiceField(
                choices=_MAIL, initial=wishes.mail(name, kind), label=kind.title
            )
            self.fields[f"own:{name}"] = forms.ChoiceField(
                choices=_OWN, initial=wishes.own(name, kind), label=f"{kind.title}, on your own channel", required=False
            )

    def mail_fields(self) -> list[BoundField]:
        return [self[f"mail:{name}"] for name in notice_kinds()]

    def own_fields(self) -> list[BoundField]:
        return [self[f"own:{name}"] for name in notice_kinds()]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if (data.get("quiet_from") is None) != (data.get("quiet_until") is None):
            self.add_error("quiet_until", "Quiet hours need a beginning and an end.")
        return data

    def wanted(self) -> dict[str, Any]:
        """Arguments of `save_preference`."""
        data = self.cleaned_data
        choices = {
            name: {"mail": data[f"mail:{name}"], "own": data[f"own:{name}"] or kind.own}
            for name, kind in notice_kinds().items()
        }
        quiet: dict[str, time | None] = {name: data[name] for name in ("quiet_from", "quiet_until")}
        return {"choices": choices, **quiet, "quiet_rule": data["quiet_rule"], "digest_hour": data["digest_hour"]}
