"""Forms of the automation page: a rule, the default with the quota, business hours."""

from __future__ import annotations

from datetime import date, time
from typing import Any, Final

from django import forms

from altor.forms import zones
from altor.models import InboundEndpoint, Team
from investigations.automation.rules import INSTALLATION, Calendar, Mode, Rule
from investigations.automation.words import DAYS
from investigations.forms import known_classes
from investigations.helpdesks.registry import helpdesks
from investigations.models import Customer

MODES: Final = (
    (Mode.AUTOMATIC.value, "Automatic: the run starts by itself"),
    (Mode.SUGGEST.value, "Suggest: one click starts it"),
    (Mode.WATCH.value, "Watch: taken in and classified, no run"),
)
HOURS: Final = (
    ("any", "At any time"),
    ("inside", "Inside of business hours"),
    ("outside", "Outside of business hours"),
)
KNOWN: Final = (("any", "Does not matter"), ("yes", "Only when it is known"), ("no", "Only when it is not known"))


class Words(forms.CharField):
    """Words separated by commas, as a list."""

    def __init__(self, label: str, help_text: str = "") -> None:
        super().__init__(label=label, required=False, max_length=1000, help_text=help_text or "Separated by commas.")

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        return [word.strip() for word in str(super().clean(value)).split(",") if word.strip()]


class RuleForm(forms.Form):
    """One rule. Conditions that are left empty hold for every ticket."""

    title = forms.CharField(max_length=120, help_text="What it is for; it is shown on the tickets that it decides.")
    mode = forms.ChoiceField(choices=MODES, label="What happens", widget=forms.RadioSelect)
    quota_per_hour = forms.IntegerField(
        required=False, min_value=1, max_value=100_000, label="At most this many runs an hour",
        help_text="Only for automatic. Empty: no limit but the installation's.",
    )  # fmt: skip
    active = forms.BooleanField(required=False, initial=True, label="Active")
    classes = forms.MultipleChoiceField(required=False, label="Class", widget=forms.CheckboxSelectMultiple)
    class_known = forms.ChoiceField(choices=KNOWN, label="Whether the class is known")
    connections = forms.MultipleChoiceField(required=False, label="Helpdesk", widget=forms.CheckboxSelectMultiple)
    tiers = Words("Customer tier")
    priorities = Words("Priority", "As the helpdesk calls them, separated by commas.")
    tags_any = Words("Has one of these tags")
    tags_none = Words("Has none of these tags")
    hours = forms.ChoiceField(choices=HOURS, label="When the ticket comes")
    calendar = forms.ChoiceField(required=False, label="Whose business hours")

    def __init__(self, rule: Rule | None, *args: Any, **kwargs: Any) -> None:
        given = {**rule.model_dump(mode="json"), **rule.when.model_dump(mode="json")} if rule else {}
        kwargs["initial"] = given or {"mode": "automatic", "class_known": "any", "hours": "any"}
        super().__init__(*args, **kwargs)
        self._offer("classes", known_classes(), given)
        self._offer("connections", _connections(), given)
        self._offer("calendar", [("", "The ticket's team's"), *calendars()], given)
        tiers = Customer.objects.exclude(tier="").order_by("tier").values_list("tier", flat=True).distinct()[:12]
        if tiers:
            self.fields["tiers"].help_text = f"Separated by commas. In the directory: {', '.join(tiers)}."

    def _offer(self, name: str, choices: list[tuple[str, str]], given: dict[str, Any]) -> None:
        """Choices, and what the rule has already even if it is gone meanwhile: editing must not lose it."""
        have = given.get(name) or []
        kept = [have] if isinstance(have, str) else have
        known = {value for value, _ in choices}
        listed = [*choices, *((value, f"{value} (gone)") for value in kept if value not in known)]
        self.fields[name].choices = listed  # type: ignore[attr-defined]  # a choice field

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("quota_per_hour") and data.get("mode") != Mode.AUTOMATIC.value:
            self.add_error("quota_per_hour", "Only an automatic rule has a quota.")
        return data

    def as_rule(self) -> dict[str, Any]:
        """The rule as the document has it, without its key."""
        data = self.cleaned_data
        names = (
            "classes", "class_known", "connections", "tiers", "priorities", "tags_any", "tags_none", "hours", "calendar"
        )  # fmt: skip
        return {
            "title": data["title"], "mode": data["mode"], "active": data["active"],
            "quota_per_hour": data["quota_per_hour"], "when": {name: data[name] for name in names},
        }  # fmt: skip


def calendars() -> list[tuple[str, str]]:
    return [(INSTALLATION, "The installation's"), *Team.objects.order_by("name").values_list("slug", "name")]


def _connections() -> list[tuple[str, str]]:
    """Kinds of which all count, and single connections."""
    known = helpdesks()
    rows = list(InboundEndpoint.objects.filter(is_active=True, source__in=known).order_by("source", "connection"))
    kinds = [(kind, f"All of {known[kind].title}") for kind in dict.fromkeys(row.source for row in rows)]
    return [*kinds, *((str(row), f"{row.title} ({row})" if row.title else str(row)) for row in rows)]


class DefaultForm(forms.Form):
    default = forms.ChoiceField(choices=MODES, label="When no rule holds", widget=forms.RadioSelect)
    quota_per_hour = forms.IntegerField(
        required=False, min_value=0, max_value=100_000, label="At most this many automatic runs an hour",
        help_text="Of the whole installation. Empty: no limit.",
    )  # fmt: skip


class CalendarForm(forms.Form):
    """Business hours of a team or of the installation."""

    timezone = forms.ChoiceField(required=False)
    days = forms.TypedMultipleChoiceField(
        coerce=int, required=False, choices=list(enumerate(DAYS)), widget=forms.CheckboxSelectMultiple
    )
    opens = forms.TimeField(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), label="From")
    closes = forms.TimeField(
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), label="To", help_text="00:00 is midnight."
    )
    holidays = forms.CharField(
        required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6, "class": "al-mono"}),
        help_text="One date a line, such as 2026-12-25.",
    )  # fmt: skip

    def __init__(self, calendar: Calendar, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "timezone": calendar.timezone, "days": list(calendar.days), "opens": calendar.opens,
            "closes": calendar.closes, "holidays": "\n".join(day.isoformat() for day in calendar.holidays),
        }  # fmt: skip
        super().__init__(*args, **kwargs)
        self.fields["timezone"].choices = [("", "As set for the team"), *zones()]  # type: ignore[attr-defined]  # a choice field

    def clean_holidays(self) -> list[date]:
        found = set()
        for line in str(self.cleaned_data["holidays"]).splitlines():
            if text := line.strip():
                try:
                    found.add(date.fromisoformat(text))
                except ValueError:
                    raise forms.ValidationError(f"{text[:40]!r} is no date such as 2026-12-25.") from None
        return sorted(found)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        opens, closes = data.get("opens"), data.get("closes")
        if opens and closes is not None and closes != time(0) and closes <= opens:
            self.add_error("closes", "The hours must end after they begin. For nights, use “outside of” in a rule.")
        return data

    def as_calendar(self) -> Calendar:
        return Calendar.model_validate({**self.cleaned_data, "days": sorted(self.cleaned_data["days"])})
