"""The form of the connection that files."""

from __future__ import annotations

from typing import Any

from django import forms

from escalations.linear.connections import ConnectionValues
from escalations.models import LinearConnection
from investigations.services.connections import secret_ending
from investigations.sources.linear.client import DEFAULT_URL


class LinearConnectionForm(forms.Form):
    """Key and webhook secret are write-only: empty keeps what is stored."""

    secret = forms.CharField(
        label="API key",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    oauth = forms.BooleanField(label="It is an OAuth token", required=False)
    team = forms.CharField(
        label="Team",
        required=False,
        max_length=80,
        help_text="Key or name. Issues go there when a contract names no other team.",
    )
    project = forms.CharField(label="Project", required=False, max_length=120, help_text="Name. Empty: none.")
    labels = forms.CharField(
        label="Labels",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line, on every issue. A label that Linear does not have is left out and noted.",
    )
    webhook_secret = forms.CharField(
        label="Signing secret of the webhook",
        required=False,
        max_length=300,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    base_url = forms.CharField(label="Address", required=False, max_length=500, help_text=f"Empty: {DEFAULT_URL}")

    def __init__(self, row: LinearConnection | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret, hook = self.fields["secret"], self.fields["webhook_secret"]
        secret.required = not (row and row.secret)
        ending = secret_ending(row.secret) if row else ""
        kept = f" One is stored (…{ending}); leave this empty to keep it." if row and row.secret else ""
        secret.help_text = f"Of an account that may write. Stored encrypted and never shown again.{kept}"
        stored = " One is stored; leave this empty to keep it." if row and row.endpoint_id else ""
        hook.help_text = f"Linear shows it once the webhook is made.{stored}"
        if row is not None:
            self.initial = {
                "oauth": (row.options or {}).get("auth") == "oauth",
                "team": row.team,
                "project": row.project,
                "labels": "\n".join(row.labels),
                "base_url": row.base_url,
                **self.initial,
            }

    def values(self) -> ConnectionValues:
        clean = self.cleaned_data
        return ConnectionValues(
            base_url=clean["base_url"],
            secret=clean["secret"] or None,
            webhook_secret=clean["webhook_secret"] or None,
            oauth=clean["oauth"],
            team=clean["team"],
            project=clean["project"],
            labels=clean["labels"].splitlines(),
        )
