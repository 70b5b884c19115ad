"""Forms of the pages. They shape input; services decide."""

from __future__ import annotations

from typing import Any

from django import forms

from altor.models import Team, User
from escalations.ownership.queues import candidates

_BLANK = "The team's leads"


class PolicyText(forms.Form):
    """A policy as its file."""

    text = forms.CharField(
        label="Policy", max_length=20_000, strip=False,
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "false", "class": "al-mono"}),
    )  # fmt: skip
    comment = forms.CharField(max_length=300, required=False, label="What changed")


class QueueForm(forms.Form):
    """Who answers for a team's queue."""

    person = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label=_BLANK)

    def __init__(self, team: Team, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = candidates(team)  # type: ignore[attr-defined]  # a model field
        self.fields["person"].label = str(team)
