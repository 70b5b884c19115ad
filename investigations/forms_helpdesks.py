"""The form of a helpdesk connection: what every kind has, the kind's own options, and the tables of custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from django import forms
from django.forms import BoundField
from pydantic.fields import FieldInfo

from investigations.helpdesks.base import Helpdesk
from investigations.models import HelpdeskConnection
from investigations.services.connections import secret_ending
from investigations.services.helpdesks import HelpdeskValues

#: What a custom field may hold. Keys are those of `investigations.helpdesks.base.Options.custom_fields`.
MEANINGS: Final = (
    ("", "Nothing"),
    ("organization.external_id", "Organisation id"),
    ("organization.name", "Organisation’s name"),
    ("organization.domain", "Organisation’s domain"),
    ("priority", "Priority"),
    ("tag", "A tag"),
    ("endpoint", "Endpoint"),
    ("request_id", "Request id"),
    ("error_code", "Error code"),
    ("object_id", "Object id"),
)
#: What is written into a custom field once a run has ended.
RESULTS: Final = (
    ("", "Nothing"),
    ("label", "Cause"),
    ("confidence", "Confidence"),
    ("severity", "Severity"),
    ("run", "The run’s reference"),
)
#: Empty rows below those of a table that are filled.
_SPARE: Final = 3
_MOST_ROWS: Final = 40
_TABLES: Final = {"custom_fields": MEANINGS, "result_fields": RESULTS}
HELP: Final = {
    "own_user_id": "What this user writes there never starts anything here. The connection test names it.",
    "ticket_url": "Where an agent opens a ticket; {id} is its id. Empty: as the ticket itself says.",
    "notes_path": "Below the API’s address, with {id}. Empty: notes cannot be written.",
    "tags_path": "Below the API’s address, with {id}. Empty: tags cannot be written.",
    "replies_path": "Below the API’s address, with {id}. Empty: replies cannot be sent.",
}


def _password(label: str, stored: str, help_text: str) -> forms.CharField:
    ending = secret_ending(stored)
    kept = f" One is stored{f' (…{ending})' if ending else ''}; leave this empty to keep it." if stored else ""
    return forms.CharField(
        label=label, required=False, max_length=5000,
        help_text=f"{help_text} Stored encrypted, never shown again.{kept}",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )  # fmt: skip


class HelpdeskForm(forms.Form):
    """Secrets are written only: an empty field keeps what is stored."""

    name = forms.SlugField(
        max_length=60, initial="main", help_text="Part of the address that the helpdesk posts to. It stays as it is."
    )
    title = forms.CharField(max_length=80, required=False, help_text="How people here call it.")
    ticket_prefix = forms.RegexField(
        r"^[A-Z]{1,6}$", label="References begin with", help_text="One to six capital letters: ZD gives ZD-48213."
    )
    base_url = forms.CharField(
        max_length=500, required=False, label="Address of its API",
        help_text="Empty: events are taken in, and nothing is asked or written there.",
    )  # fmt: skip
    origins = forms.CharField(
        required=False, max_length=4000, label="Pages that may show the sidebar",
        widget=forms.Textarea(attrs={"rows": 3, "class": "al-mono"}),
        help_text="One origin a line, such as https://acme.zendesk.com. No other page may frame it.",
    )  # fmt: skip
    writes_notes = forms.BooleanField(required=False, label="Write an internal note with the diagnosis")
    writes_tags = forms.BooleanField(required=False, label="Add tags and fill the fields below")
    sends_replies = forms.BooleanField(
        required=False, label="Send replies", help_text="Only when a person here sends one; never by itself."
    )

    def __init__(self, adapter: Helpdesk, row: HelpdeskConnection | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adapter, self.row = adapter, row
        stored: dict[str, Any] = dict(row.options) if row else {}
        self.fields["ticket_prefix"].initial = adapter.prefix
        self.fields["secret"] = _password("Key of its API", row.secret if row else "", "Token or password.")
        self.fields["launch_secret"] = _password(
            "Key of the sidebar’s start", row.launch_secret if row else "",
            "Where the helpdesk chooses it (a public key, an app’s secret); else let Altor make one on its page.",
        )  # fmt: skip
        if row is None:
            self.fields["signing_secret"] = _password(
                "Secret of the webhook", "", "Where the helpdesk chooses it. Empty: Altor makes one and shows it once."
            )
        else:
            del self.fields["name"]
            self._fill(row)
        if not adapter.can_reply:
            del self.fields["sends_replies"]
        self.option_names = [name for name in adapter.options.model_fields if name not in _TABLES]
        for name in self.option_names:
            info = adapter.options.model_fields[name]
            self.fields[f"option_{name}"] = _field_for(name, info, stored.get(name))
        self._rows = {table: self._add_table(table, stored.get(table) or {}) for table in _TABLES}

    def _fill(self, row: HelpdeskConnection) -> None:
        given = {
            "title": row.endpoint.title, "ticket_prefix": row.endpoint.ticket_prefix, "base_url": row.base_url,
            "origins": "\n".join(row.origins), "writes_notes": row.writes_notes, "writes_tags": row.writes_tags,
            "sends_replies": row.sends_replies,
        }  # fmt: skip
        for name, value in given.items():
            self.fields[name].initial = value

    def _add_table(self, table: str, stored: Mapping[str, str]) -> int:
        """Two fields a row; as many rows as are stored or sent, and some empty ones. The number of rows."""
        sent = sum(1 for key in self.data if key.startswith(f"{table}_id_")) if self.is_bound else 0
        rows = min(max(len(stored) + _SPARE, sent), _MOST_ROWS)
        pairs = [*stored.items(), *[("", "")] * rows][:rows]
        for number, (key, value) in enumerate(pairs):
            known = dict(_TABLES[table])
            choices = [*_TABLES[table], *([(value, value)] if value not in known else [])]
            self.fields[f"{table}_id_{number}"] = forms.CharField(
                required=False, max_length=80, initial=key, label=f"Field {number + 1}: its id"
            )
            self.fields[f"{table}_to_{number}"] = forms.ChoiceField(
                required=False, choices=choices, initial=value, label=f"Field {number + 1}: what it holds"
            )
        return rows

    def table(self, name: str) -> list[tuple[BoundField, BoundField]]:
        return [(self[f"{name}_id_{n}"], self[f"{name}_to_{n}"]) for n in range(self._rows[name])]

    def custom_rows(self) -> list[tuple[BoundField, BoundField]]:
        return self.table("custom_fields")

    def result_rows(self) -> list[tuple[BoundField, BoundField]]:
        return self.table("result_fields")

    def option_fields(self) -> list[BoundField]:
        return [self[f"option_{name}"] for name in self.option_names]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for table, rows in self._rows.items():
            seen: set[str] = set()
            for number in range(rows):
                key = str(data.get(f"{table}_id_{number}") or "").strip()
                means = data.get(f"{table}_to_{number}")
                if key in seen:
                    self.add_error(f"{table}_id_{number}", "This field stands here twice.")
                elif key and not means:
                    self.add_error(f"{table}_to_{number}", "Say what this field holds.")
                elif means and not key:
                    self.add_error(f"{table}_id_{number}", "Give the field’s id.")
                seen |= {key} if key else set()
        return data

    def values(self) -> HelpdeskValues:
        data = self.cleaned_data
        options = {name: data[f"option_{name}"] for name in self.option_names if not _is_empty(data[f"option_{name}"])}
        for table, rows in self._rows.items():
            pairs = ((data[f"{table}_id_{n}"].strip(), data[f"{table}_to_{n}"]) for n in range(rows))
            options |= {table: found} if (found := {key: means for key, means in pairs if key}) else {}
        return HelpdeskValues(
            base_url=data["base_url"], secret=data["secret"] or None, launch_secret=data["launch_secret"] or None,
            options=options, origins=data["origins"].splitlines(), writes_notes=data["writes_notes"],
            writes_tags=data["writes_tags"], sends_replies=bool(data.get("sends_replies")), title=data["title"],
            prefix=data["ticket_prefix"],
        )  # fmt: skip


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


class Lines(forms.CharField):
    """One value a line, as a list."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]


def _field_for(name: str, info: FieldInfo, stored: Any) -> forms.Field:
    """The form field of one option of an adapter: by its type; what is no plain value is a text."""
    kind, default = _plain(info.annotation), info.get_default(call_default_factory=True)
    common: dict[str, Any] = {
        "label": info.title or name.replace("_", " ").capitalize(),
        "help_text": info.description or HELP.get(name, ""),
        "required": False,
        "initial": default if stored is None else stored,
    }
    if kind is bool:
        return forms.BooleanField(**common)
    if kind is int:
        return forms.IntegerField(**common)
    if get_origin(kind) is Literal:
        return forms.ChoiceField(choices=[(value, value or "–") for value in get_args(kind)], **common)
    if get_origin(kind) in (list, tuple, set):
        return Lines(widget=forms.Textarea(attrs={"rows": 3}), max_length=4000, **common)
    return forms.CharField(max_length=2000, **common)


def _plain(annotation: Any) -> Any:
    """The type without `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [item for item in get_args(annotation) if item is not type(None)]
        return kinds[0] if len(kinds) == 1 else str
    return annotation
