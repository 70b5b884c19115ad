"""Forms of the pages about outbound webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from altor.webhooks.delivering import KEPT
from altor.webhooks.events import event_types

SINCE: Final = (
    ("1", "the last hour"),
    ("24", "the last 24 hours"),
    ("168", "the last 7 days"),
    ("720", "as long as kept"),
)


class OutboundEndpointForm(forms.Form):
    title = forms.CharField(max_length=80, help_text="What is behind it, e.g. “Data warehouse”.")
    url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="https. Everybody who may see this page sees it: no secret belongs in it.",
    )
    event_types = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Events")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["event_types"].choices = [  # type: ignore[attr-defined]  # a choice field
            (name, f"{text} ({name})") for name, text in event_types().items()
        ]


class ReplayForm(forms.Form):
    hours = forms.ChoiceField(choices=SINCE, label="Published in")

    def since(self) -> Any:
        return timezone.now() - min(timedelta(hours=int(self.cleaned_data["hours"])), KEPT)
