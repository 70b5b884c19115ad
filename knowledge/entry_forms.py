"""Forms of entries. They shape input; services decide."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from altor.models import Team, User
from altor.roles import Role
from altor.templatetags.altor_ui import class_name
from investigations.services.causes import known_causes
from knowledge.entries.content import LONGEST
from knowledge.entries.detection import LONGEST as LONGEST_QUERY
from knowledge.entries.detection import as_text
from knowledge.models import Entry
from knowledge.models.entries import CONTENT, Audience, Confidence, Governance
from knowledge.replies.format import CLASSES
from knowledge.search.finding import Filters
from knowledge.search.lexicon import STEMMERS

_LANGUAGES: Final = {
    "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French",
    "hu": "Hungarian", "it": "Italian", "nl": "Dutch", "no": "Norwegian", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish",
}  # fmt: skip
assert set(_LANGUAGES) == set(STEMMERS)  # noqa: S101  # both lists change together
_HELP: Final = {
    "title": "The cause in one line, as a colleague would look for it.",
    "symptoms": "What is seen, in the words of who sees it. Tickets are compared with this first.",
    "root_cause": "Why it happens.",
    "remediation": "What was done, and what to do next time.",
    "escalation_criteria": "When to escalate, and to whom.",
    "customer_wording": "What customers may be told. It is checked like a reply.",
    "components": "One a line.",
    "versions": "One a line: 2.4.1, or >=2.3 <2.5.",
    "tiers": "One a line. Empty: all.",
    "label": "Label of the cause, where the playbooks have one.",
    "detection": "YAML: source, query or operation, fires, says. It is asked like a playbook's step; facts are found.…",
}
_LISTS: Final = ("components", "versions", "tiers")


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=2000)
    incident_class = forms.ChoiceField(
        required=False, label="Class", choices=[("", "Class: any"), *((key, class_name(key)) for key in CLASSES)]
    )
    confidence = forms.ChoiceField(required=False, choices=[("", "Confidence: in use"), *Confidence.choices])
    audience = forms.ChoiceField(required=False, choices=[("", "Audience: any"), *Audience.choices])
    component = forms.CharField(required=False, max_length=80)
    tier = forms.CharField(required=False, max_length=40)


def read_filters(form: SearchForm) -> Filters:
    """What the form says; a value that does not exist filters nothing."""
    form.is_valid()
    given = form.cleaned_data if form.is_bound else {}
    return Filters(
        incident_class=given.get("incident_class", ""),
        confidence=(given["confidence"],) if given.get("confidence") else (),
        audience=given.get("audience", ""),
        component=given.get("component", "").strip(),
        tier=given.get("tier", "").strip(),
    )


class EntryForm(forms.Form):
    """The words of an entry. What cannot be kept is said by the service, field by field."""

    title = forms.CharField(max_length=300, help_text=_HELP["title"])
    incident_class = forms.ChoiceField(required=False, label="Incident class")
    label = forms.CharField(
        required=False, max_length=60, label="Root cause label", help_text=_HELP["label"],
        widget=forms.TextInput(attrs={"list": "labels", "spellcheck": "false"}),
    )  # fmt: skip
    language = forms.ChoiceField(choices=sorted(_LANGUAGES.items(), key=lambda one: (one[0] != "en", one[1])))

    def __init__(self, *args: Any, entry: Entry | None = None, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        classes = [("", "None"), *((key, class_name(key)) for key in CLASSES)]
        if entry is not None and entry.incident_class and entry.incident_class not in CLASSES:
            classes.append((entry.incident_class, class_name(entry.incident_class)))
        self.fields["incident_class"].choices = classes  # type: ignore[attr-defined]  # a choice field
        for name, rows in (("symptoms", 4), ("root_cause", 4), ("remediation", 4), ("escalation_criteria", 3),
                           ("customer_wording", 4)):  # fmt: skip
            self.fields[name] = forms.CharField(
                label=CONTENT[name], required=False, max_length=LONGEST, strip=False, help_text=_HELP[name],
                widget=forms.Textarea(attrs={"rows": rows}),
            )  # fmt: skip
        self.fields["detection"] = forms.CharField(
            label=CONTENT["detection"], required=False, max_length=LONGEST_QUERY, strip=False,
            help_text=_HELP["detection"],
            widget=forms.Textarea(attrs={"rows": 8, "class": "al-mono", "spellcheck": "false"}),
        )  # fmt: skip
        for name in _LISTS:
            self.fields[name] = forms.CharField(
                label=CONTENT[name], required=False, max_length=5000, help_text=_HELP[name],
                widget=forms.Textarea(attrs={"rows": 2}),
            )  # fmt: skip
        if entry is None:
            teams = Team.objects.order_by("name")
            self.fields["team"] = forms.ModelChoiceField(
                queryset=teams if user.role == Role.ADMIN else teams.filter(memberships__user=user),
                required=False, empty_label="Every team", to_field_name="slug",
                help_text="An entry of one team is read by its members and administrators only.",
            )  # fmt: skip
        self.fields["comment"] = forms.CharField(max_length=300, required=False, label="What changed")

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Labels of the playbooks in force with their titles."""
        return [(label, cause.title) for label, cause in known_causes().items()]

    def words(self) -> dict[str, Any]:
        """As the service reads them, the detection query apart (`detection_text`)."""
        given = {name: self.cleaned_data.get(name, "") for name in CONTENT if name != "detection"}
        return given | {name: str(given[name]).splitlines() for name in _LISTS}

    @property
    def detection_text(self) -> str:
        return str(self.cleaned_data.get("detection", ""))


def initial_of(content: dict[str, Any]) -> dict[str, Any]:
    lists = {name: "\n".join(content.get(name) or ()) for name in _LISTS}
    return {**content, **lists, "detection": as_text(content.get("detection"))}


class StateForm(forms.Form):
    """How far an entry is trusted, who reads it, who changes it."""

    confidence = forms.ChoiceField(choices=Confidence.choices)
    audience = forms.ChoiceField(choices=Audience.choices)
    governance = forms.ChoiceField(choices=Governance.choices, label="May be changed by")
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(), required=False, empty_label="Every team", to_field_name="slug", label="Read by"
    )
    owner = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="Nobody")
    review_on = forms.DateField(required=False, label="Review by", widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(required=False, max_length=500, label="Why")

    def __init__(self, entry: Entry, data: Any = None) -> None:
        initial = {
            "confidence": entry.confidence, "audience": entry.audience, "governance": entry.governance,
            "team": entry.team.slug if entry.team else None, "owner": entry.owner_id, "review_on": entry.review_on,
        }  # fmt: skip
        super().__init__(data, initial=initial)
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]  # a model field
        people = User.objects.filter(is_active=True).order_by("username")
        self.fields["owner"].queryset = people  # type: ignore[attr-defined]  # a model field
