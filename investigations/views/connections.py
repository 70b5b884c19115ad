"""Connections to the sources: what is in force, whether it works, and what the credential may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import InvalidInput
from altor.registry import parts
from altor.templatetags.altor_ui import source_name
from investigations.models import Connection, StepResult
from investigations.services.connections import (
    DEFAULT_URLS,
    NEEDS_SECRET,
    OPTIONS,
    active_connections,
    check_connection,
    config_of,
    remove_connection,
    save_connection,
    secret_ending,
    sources,
)
from investigations.sources.base import ConnectionConfig, ConnectionReport

OPTION_HELP: Final = {
    ("clickhouse", "user"): "The ClickHouse user; it needs nothing but SELECT.",
    ("clickhouse", "database"): "Empty: the user's default database.",
    ("linear", "auth"): "“bearer” for an OAuth token; empty for a personal API key.",
    ("stripe", "account"): "Only for Connect platforms: the connected account, acct_…",
    ("statuspage", "urls"): "One address of a public status page a line.",
}
SECRET_NAMES: Final = {
    "clickhouse": "Password",
    "github": "Token",
    "linear": "API key",
    "stripe": "Restricted key",
    "statuspage": "Not needed",
}
ABOUT: Final = {
    "clickhouse": "Telemetry: traces and logs in the standard OpenTelemetry tables.",
    "github": "Deployments, commits and pull requests.",
    "linear": "Known bugs and their state.",
    "stripe": "Subscriptions, invoices, charges, disputes.",
    "statuspage": "Public incidents of services you depend on, and your own.",
}


#: How many of the latest answers of all sources are looked at for a source's recent experience.
LOOKED_AT: Final = 600


@dataclass(slots=True)
class Recent:
    """What the latest runs experienced with one source: questions that were put to it."""

    asked: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    last_answer_at: datetime | None = None
    newest_at: datetime | None = None  # newest record seen in the source: how far it reaches
    last_error: str = ""

    @property
    def mean_seconds(self) -> float | None:
        answered = self.asked - self.unanswered
        return self.seconds / answered if answered else None


def recent_experience() -> dict[str, Recent]:
    """Per source, from the latest steps. One query over the newest rows only."""
    found: dict[str, Recent] = {}
    # A question that could not even be put (nobody knows the account) tells nothing about the source.
    ended = StepResult.objects.filter(status__in=["done", "unavailable"]).exclude(error_kind="input").order_by("-pk")
    for step in ended.only("source", "status", "seconds", "finished_at", "newest_at", "error")[:LOOKED_AT]:
        line = found.setdefault(step.source, Recent())
        line.asked += 1
        if step.status == StepResult.Status.UNAVAILABLE:
            line.unanswered += 1
            line.last_error = line.last_error or step.error
            continue
        line.seconds += step.seconds or 0.0
        line.last_answer_at = line.last_answer_at or step.finished_at
        line.newest_at = max(filter(None, (line.newest_at, step.newest_at)), default=None)
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One source on the page: its stored connection, the one in force, and where that comes from."""

    source: str
    title: str
    about: str
    row: Connection | None
    config: ConnectionConfig | None
    recent: Recent | None = None

    @property
    def is_overridden(self) -> bool:
        return self.config is not None and self.config.origin != "database" and self.row is not None

    @property
    def origin(self) -> str:
        if self.config is None:
            return ""
        return {"database": "stored here", "environment": "set in the environment"}.get(
            self.config.origin, "embedded engine"
        )

    @property
    def writes(self) -> list[str]:
        return [scope["name"] for scope in (self.row.scopes if self.row else []) if scope.get("writes")]


class ConnectionForm(forms.Form):
    """Address, credential (write-only) and the source's own options."""

    base_url = forms.CharField(max_length=500, label="Address", required=False)
    secret = forms.CharField(
        required=False, max_length=500, widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"})
    )

    def __init__(self, source: str, row: Connection | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source, self.row = source, row
        default = DEFAULT_URLS.get(source, "")
        self.fields["base_url"].required = not default
        self.fields["base_url"].help_text = (
            f"Empty: {default}" if default else "https://host:port, without user or password in it."
        )
        secret = self.fields["secret"]
        secret.label = SECRET_NAMES.get(source, "Key")
        ending = secret_ending(row.secret) if row else ""
        stored = f" One is stored (…{ending}); leave this empty to keep it." if row and row.secret else ""
        secret.help_text = f"Stored encrypted and never shown again. Read-only rights are enough.{stored}"
        secret.required = source in NEEDS_SECRET and not (row and row.secret)
        for name in sorted(OPTIONS.get(source, frozenset())):
            stored_option = (row.options or {}).get(name, "") if row else ""
            many = name == "urls"
            self.fields[f"option_{name}"] = forms.CharField(
                label=name.replace("_", " ").capitalize(),
                required=False,
                help_text=OPTION_HELP.get((source, name), ""),
                initial="\n".join(stored_option) if many and isinstance(stored_option, list) else stored_option,
                widget=forms.Textarea(attrs={"rows": 3}) if many else forms.TextInput(),
            )
        if row is not None:
            self.fields["base_url"].initial = row.base_url

    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in OPTIONS.get(self.source, frozenset()):
            value = str(self.cleaned_data.get(f"option_{name}", "")).strip()
            if value:
                found[name] = [line.strip() for line in value.splitlines() if line.strip()] if name == "urls" else value
        return found


def _lines() -> list[Line]:
    """One per known source, in the order of the settings."""
    in_force = active_connections()
    rows: dict[str, Connection] = {}
    for row in Connection.objects.filter(is_active=True).order_by("source", "name"):
        rows.setdefault(row.source, row)
    experience = recent_experience()
    return [
        Line(
            name,
            getattr(kind, "title", source_name(name)),
            ABOUT.get(name, ""),
            rows.get(name),
            in_force.get(name),
            experience.get(name),
        )
        for name, kind in sources().items()
    ]


@require_safe
@page("connection.read")
def connections(request: HttpRequest) -> HttpResponse:
    context = {
        "here": "connections",
        "lines": _lines(),
        "cards": [(card.template, card.context()) for card in parts("CONNECTION_CARDS")],
        "may_edit": person(request).may("connection.edit"),
    }
    return render(request, "investigations/connection_list.html", context)


def _known(source: str) -> str:
    if source not in sources():
        raise Http404
    return source


@require_http_methods(["GET", "HEAD", "POST"])
@page("connection.edit")
def edit(request: HttpRequest, source: str) -> HttpResponse:
    row = Connection.objects.filter(source=_known(source), is_active=True).order_by("name").first()
    form = ConnectionForm(source, row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save_connection(
                source=source,
                name=row.name if row else "main",
                base_url=form.cleaned_data["base_url"],
                secret=form.cleaned_data["secret"] or None,
                options=form.options(),
                actor=person(request),
            )
        except InvalidInput as refused:
            field = str(refused.extra.get("field", ""))
            form.add_error(field if field in form.fields else None, refused.detail)
        else:
            _tell(request, check_connection(config_of(saved)), saved.source)
            return redirect("investigations:connections")
    context = {"here": "connections", "form": form, "source": source, "about": ABOUT.get(source, ""), "row": row}
    return render(request, "investigations/connection_edit.html", context, status=422 if form.errors else 200)


@require_POST
@page("connection.edit")
def test(request: HttpRequest, source: str) -> HttpResponse:
    """Test the connection that is in force for this source."""
    config = active_connections().get(_known(source))
    if config is None:
        raise Http404
    _tell(request, check_connection(config), source)
    return redirect("investigations:connections")


@require_POST
@page("connection.edit")
def remove(request: HttpRequest, source: str) -> HttpResponse:
    row = Connection.objects.filter(source=_known(source), is_active=True).order_by("name").first()
    if row is None:
        raise Http404
    remove_connection(row, actor=person(request))
    messages.success(request, f"{source_name(source)} is disconnected and its key is forgotten.")
    return redirect("investigations:connections")


def _tell(request: HttpRequest, report: ConnectionReport, source: str) -> None:
    name = source_name(source)
    if not report.ok:
        messages.error(request, f"{name}: {report.message}")
        return
    messages.success(request, f"{name} answers in {report.seconds * 1000:.0f} ms. {report.message}")
    for warning in report.warnings:
        messages.warning(request, f"{name}: {warning}")
