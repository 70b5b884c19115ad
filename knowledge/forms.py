"""Forms of the reply templates. They shape input; services decide."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from altor.templatetags.altor_ui import class_name
from knowledge.models import ReplyTemplateVersion
from knowledge.models.replies import Kind, Tone
from knowledge.replies.filling import LONGEST_PART
from knowledge.replies.format import CLASSES, PART_NAMES, PARTS, REQUIRED
from knowledge.replies.wording import LANGUAGES

_ROWS: Final = {"greeting": 1, "closing": 2}


class TemplateWords(forms.Form):
    """The parts of a template. That the required ones are there is said by the service, with the reason."""

    title = forms.CharField(max_length=120)
    comment = forms.CharField(max_length=300, required=False, label="What changed")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in PARTS:
            self.fields[name] = forms.CharField(
                label=PART_NAMES[name],
                required=name in REQUIRED,
                error_messages={"required": "Every reply needs this part; say at least what is not known."},
                max_length=LONGEST_PART,
                strip=False,
                widget=forms.Textarea(attrs={"rows": _ROWS.get(name, 3)}),
            )
        self.order_fields(["key", *self._case(), "title", *PARTS, "comment"])

    def _case(self) -> list[str]:
        return [name for name in ("kind", "incident_class", "label", "language", "tone") if name in self.fields]


class NewTemplate(TemplateWords):
    key = forms.SlugField(max_length=60, help_text="Its short name: small letters, digits and -.")
    kind = forms.ChoiceField(choices=Kind.choices)
    incident_class = forms.ChoiceField(
        required=False, label="Class", choices=[("", "Any"), *((key, class_name(key)) for key in CLASSES)]
    )
    label = forms.CharField(
        required=False,
        max_length=60,
        label="Cause",
        help_text="Its label, “inconclusive”, or empty for any named cause.",
    )
    language = forms.ChoiceField(choices=[(code, one.name) for code, one in LANGUAGES.items()])
    tone = forms.ChoiceField(choices=Tone.choices)


def initial_of(version: ReplyTemplateVersion) -> dict[str, str]:
    return {"title": version.template.title, **version.parts}
