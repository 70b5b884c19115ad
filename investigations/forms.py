"""Forms of the pages. They shape input; services decide."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from altor.models import User
from altor.signatures import SOURCES
from altor.templatetags.altor_ui import CLASS_NAMES
from investigations.models import Customer, PlaybookVersion, Ticket, TicketClaim

CLAIM_LABELS: Final = {
    TicketClaim.Kind.ENDPOINT: "Endpoint",
    TicketClaim.Kind.ONSET: "Began",
    TicketClaim.Kind.ENDED: "Ended",
    TicketClaim.Kind.REQUEST_ID: "Request id",
    TicketClaim.Kind.ERROR_CODE: "Error code",
    TicketClaim.Kind.AMOUNT: "Amount",
    TicketClaim.Kind.OBJECT_ID: "Object id",
    TicketClaim.Kind.ANSWER: "Answer",
}
PRIORITIES: Final = (("", "Not stated"), ("low", "Low"), ("normal", "Normal"), ("high", "High"), ("urgent", "Urgent"))


def known_classes() -> list[tuple[str, str]]:
    """Classes a ticket may have: those with a playbook in force, and `other`."""
    keys = set(PlaybookVersion.objects.active().values_list("incident_class", flat=True)) | {"other"}
    return sorted(((key, CLASS_NAMES.get(key, key)) for key in keys), key=lambda pair: pair[1])


class TicketForm(forms.Form):
    """A ticket entered by hand. The reference may be left empty: one is made up from the time."""

    subject = forms.CharField(max_length=300)
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 9}), max_length=100_000,
        help_text="The customer's own words. Endpoint, times and ids are read from them; secrets are removed first.",
    )  # fmt: skip
    requester_email = forms.EmailField(required=False, label="Customer's e-mail address")
    organization = forms.CharField(
        required=False, max_length=120, label="Organisation id", help_text="The tenant's id, when the ticket states it."
    )
    opened_at = forms.DateTimeField(
        required=False, label="Written at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Empty: now. In your time zone.",
    )  # fmt: skip
    priority = forms.ChoiceField(choices=PRIORITIES, required=False)
    tags = forms.CharField(required=False, max_length=400, help_text="Separated by commas.")
    external_id = forms.CharField(
        required=False, max_length=64, label="Ticket number", help_text="As your helpdesk calls it; empty makes one up."
    )
    start = forms.BooleanField(required=False, initial=True, label="Start an investigation at once")

    def clean_tags(self) -> list[str]:
        return [tag.strip() for tag in str(self.cleaned_data["tags"]).split(",") if tag.strip()]

    def payload(self, ticket_id: str) -> dict[str, Any]:
        """The neutral ticket shape."""
        data = self.cleaned_data
        found: dict[str, Any] = {
            "id": data["external_id"] or ticket_id,
            "subject": data["subject"],
            "description": data["description"],
            "channel": "form",
            "priority": data["priority"],
            "tags": data["tags"],
            "requester": {"email": data["requester_email"]},
            "organization": {"external_id": data["organization"]},
        }
        if data["opened_at"]:
            found["created_at"] = data["opened_at"].isoformat()
        return found


class CustomerChoiceForm(forms.Form):
    """Who wrote the ticket: found by organisation id, name or domain, because a directory has thousands of rows."""

    customer = forms.CharField(max_length=253, help_text="Organisation id, exact name, or mail domain.")

    def clean_customer(self) -> Customer:
        text = str(self.cleaned_data["customer"]).strip()
        found = list(Customer.objects.filter(org_id=text)[:1]) or list(Customer.objects.filter(name__iexact=text)[:2])
        found = found or list(Customer.objects.filter(domains__contains=[text.lower()])[:2])
        if not found:
            raise forms.ValidationError(f"No customer is called {text!r}.")
        if len(found) > 1:
            raise forms.ValidationError(f"{text!r} fits more than one customer. Use the organisation id.")
        return found[0]


class ClassForm(forms.Form):
    incident_class = forms.ChoiceField(label="Class")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["incident_class"].choices = known_classes()  # type: ignore[attr-defined]  # a choice field


class OwnerForm(forms.Form):
    owner = forms.ModelChoiceField(queryset=User.objects.none(), empty_label=None)

    def __init__(self, ticket: Ticket, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, memberships__team_id=ticket.team_id).exclude(role="read_only")
        self.fields["owner"].queryset = people.distinct().order_by("username")  # type: ignore[attr-defined]  # a model field


class ReplyForm(forms.Form):
    """What was sent to the customer, where a person wants it kept."""

    text = forms.CharField(required=False, max_length=100_000, strip=True)


class ClaimForm(forms.Form):
    kind = forms.ChoiceField(
        choices=[(str(kind), label) for kind, label in CLAIM_LABELS.items() if kind != "answer"], label="What"
    )
    value = forms.CharField(max_length=300)


class CustomerForm(forms.ModelForm[Customer]):
    class Meta:
        model = Customer
        fields = [
            "name",
            "org_id",
            "domains",
            "emails",
            "plan",
            "tier",
            "stripe_customer",
            "linear_customer",
            "mrr_minor",
            "mrr_currency",
            "renews_on",
        ]
        labels = {
            "org_id": "Organisation id",
            "stripe_customer": "Stripe customer",
            "linear_customer": "Linear customer",
            "mrr_minor": "Revenue a month",
            "mrr_currency": "Its currency",
            "renews_on": "Renewal",
        }
        help_texts = {
            "domains": "Mail domains, separated by commas.",
            "emails": "Single addresses at public providers, separated by commas.",
            "mrr_minor": "In minor units: 240000 for 2,400.00 EUR. Empty when it is not known.",
            "mrr_currency": "Three letters, e.g. EUR.",
            "renews_on": "When the contract is renewed next. Empty when it is not known.",
        }
        widgets = {"renews_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def clean_domains(self) -> list[str]:
        domains = [str(item).strip().lower().lstrip("@") for item in self.cleaned_data["domains"] if str(item).strip()]
        bad = [item for item in domains if not re.fullmatch(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+", item)]
        if bad:
            raise forms.ValidationError(f"{bad[0]!r} is not a mail domain.")
        return domains

    def clean_mrr_currency(self) -> str:
        code = str(self.cleaned_data["mrr_currency"]).strip().upper()
        if not re.fullmatch(r"([A-Z]{3})?", code):
            raise forms.ValidationError("A currency has three letters.")
        if self.cleaned_data.get("mrr_minor") is not None and not code:
            raise forms.ValidationError("Which currency is the revenue in?")
        return code

    def clean_emails(self) -> list[str]:
        return [str(item).strip().lower() for item in self.cleaned_data["emails"] if str(item).strip()]


class EndpointForm(forms.Form):
    """An address that another system posts to."""

    source = forms.ChoiceField(choices=[(name, name) for name in sorted(SOURCES)], initial="generic", label="Kind")
    connection = forms.SlugField(
        max_length=60, label="Name", help_text="Part of the address: letters, digits, hyphens."
    )
    title = forms.CharField(max_length=80, required=False)
    ticket_prefix = forms.RegexField(
        r"^[A-Z]{1,6}$",
        initial="TK",
        label="References begin with",
        help_text="One to six capital letters: ZD gives ZD-48213.",
    )
    secret = forms.CharField(
        max_length=300, required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Only where the other system chooses it; empty makes one.",
    )  # fmt: skip


class BacktestForm(forms.Form):
    """Which closed tickets a backtest takes: the last ones, of a class and of a span of days."""

    last = forms.TypedChoiceField(
        choices=[(n, str(n)) for n in (10, 20, 50, 100, 200)], coerce=int, initial=50, label="Last closed tickets"
    )
    incident_class = forms.ChoiceField(required=False, label="Class")
    since = forms.DateField(required=False, label="Closed from", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(
        required=False, label="Closed until", widget=forms.DateInput(attrs={"type": "date"}),
        help_text="This day included. In your time zone.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["incident_class"].choices = [("", "Any"), *known_classes()]  # type: ignore[attr-defined]  # a ChoiceField

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            self.add_error("until", "The last day is before the first.")
        return data

    def chosen(self) -> dict[str, Any]:
        """Arguments of `start_backtest`; days are those of the person's time zone."""
        data = self.cleaned_data
        midnight = datetime.min.time()
        since = timezone.make_aware(datetime.combine(data["since"], midnight)) if data["since"] else None
        after = data["until"] + timedelta(days=1) if data["until"] else None
        until = timezone.make_aware(datetime.combine(after, midnight)) if after else None
        return {"last": data["last"], "incident_class": data["incident_class"], "since": since, "until": until}
