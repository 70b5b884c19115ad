"""The component vocabulary of the pages: icons, pills, bars, times. Every value is escaped by `format_html`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django import template
from django.conf import settings
from django.http import QueryDict
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from altor import flash, words
from altor.markdown import to_html
from altor.vendored import sprite_names

register = template.Library()

#: state -> (icon, word, look). The words are fixed: the same state has the same name on every page.
PILLS: Final[dict[str, tuple[str, str, str]]] = {
    # runs and steps
    "queued": ("circle-dashed", "Queued", "mute"),
    "waiting": ("circle-dashed", "Waiting", "mute"),
    "running": ("loader-2", "Running", "running"),
    "done": ("check", "Done", "done"),
    "failed": ("x", "Failed", "failed"),
    "cancelled": ("ban", "Cancelled", "mute"),
    "skipped": ("minus", "Skipped", "mute"),
    "unavailable": ("alert-triangle", "Could not be checked", "warn"),
    "asked": ("message-question", "Waiting for an answer", "warn"),
    # checks
    "normal": ("check", "Within", "ok"),
    "abnormal": ("alert-triangle", "Breach", "breach"),
    "inconclusive": ("question-mark", "Unknown", "mute"),
    "warn": ("alert-triangle", "Near limit", "warn"),
    # tickets
    "received": ("inbox", "Received", "mute"),
    "classified": ("tag", "Classified", "mute"),
    "investigating": ("loader-2", "Investigating", "running"),
    "diagnosed": ("clipboard-check", "Diagnosed", "done"),
    "replied": ("send", "Replied", "done"),
    "escalated": ("flag", "Escalated", "warn"),
    "resolved": ("circle-check", "Resolved", "done"),
    "reopened": ("rotate-clockwise", "Reopened", "warn"),
    # escalations ("sent" and "resolved" as elsewhere)
    "acknowledged": ("eye", "Acknowledged", "running"),
    "accepted": ("check", "Accepted", "running"),
    "in_progress": ("loader-2", "In progress", "running"),
    "verified": ("shield-check", "Verified with the customer", "ok"),
    "rejected": ("corner-down-right", "Returned", "failed"),
    "withdrawn": ("ban", "Withdrawn", "mute"),
    "answered": ("check", "Answered", "done"),
    # connections
    "unknown": ("question-mark", "Not tested", "mute"),
    "ok": ("check", "Works", "ok"),
    "degraded": ("alert-triangle", "Degraded", "warn"),
    "down": ("x", "Down", "failed"),
    "refused": ("lock", "Refused", "failed"),
    # inbound events
    "retry": ("reload", "Will be retried", "warn"),
    "ignored": ("minus", "Ignored", "mute"),
    "dead": ("x", "Dead", "failed"),
    # what leaves Altor ("waiting", "failed" and "cancelled" as above)
    "delivered": ("check", "Delivered", "done"),
    "sent": ("check", "Sent", "done"),
    "replaced": ("refresh", "Replaced", "mute"),
    "disabled": ("ban", "Disabled", "failed"),
    # things that are on or off
    "active": ("check", "Active", "ok"),
    "inactive": ("minus", "Not active", "mute"),
    "revoked": ("x", "Revoked", "failed"),
    "expired": ("clock", "Expired", "warn"),
}
#: mode of an automation rule -> (icon, word, look)
MODES: Final[dict[str, tuple[str, str, str]]] = {
    "automatic": ("bolt", "Automatic", "ok"),
    "suggest": ("player-play", "Suggest", "running"),
    "watch": ("eye", "Watch", "mute"),
}
SOURCE_ICONS: Final = {
    "clickhouse": "database",
    "github": "git-commit",
    "linear": "bug",
    "stripe": "credit-card",
    "statuspage": "world",
    "manual": "user",
    "knowledge": "book",
}
SOURCE_NAMES: Final = {
    "clickhouse": "ClickHouse",
    "github": "GitHub",
    "linear": "Linear",
    "stripe": "Stripe",
    "statuspage": "Status page",
    "manual": "A person",
    "knowledge": "Knowledge base",
}
CLASS_NAMES: Final = {
    "rate_limit": "Rate limiting",
    "latency": "Latency",
    "api_error": "API errors",
    "webhook": "Webhooks",
    "billing": "Billing",
    "auth": "Authentication",
    "data": "Missing or late data",
    "other": "Other",
}


def known(value: Any) -> float | None:
    """A number, or None for what a template hands over when a value is absent ("", None) or is no number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite. Unknown names are an error in development and a missing picture in production."""
    if settings.DEBUG and name not in sprite_names():
        raise template.TemplateSyntaxError(f"icon {name!r} is not in vendor/icons.txt")
    href = f"{static('altor/icons.svg')}#i-{name}"
    if label:
        return format_html('<svg class="al-i" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="al-i" aria-hidden="true"><use href="{}"/></svg>', href)


@register.simple_tag
def pill(state: str, text: str = "") -> SafeString:
    """A state as icon, word and tint. `text` replaces the word where more is known ("Running · step 3 of 7")."""
    name, word, look = PILLS.get(state, ("question-mark", state or "Unknown", "mute"))
    return format_html('<span class="al-pill al-pill--{}">{}<span>{}</span></span>', look, icon(name), text or word)


@register.simple_tag
def mode(name: str) -> SafeString:
    """What an automation rule does with a ticket, as a pill."""
    picture, word, look = MODES.get(str(name), ("question-mark", str(name), "mute"))
    return format_html('<span class="al-pill al-pill--{}">{}<span>{}</span></span>', look, icon(picture), word)


@register.simple_tag
def state_icon(state: str) -> str:
    return PILLS.get(state, PILLS["inconclusive"])[0]


@register.filter
def state_word(state: str) -> str:
    return PILLS.get(state, ("", state, ""))[1]


@register.filter
def source_icon(source: str) -> str:
    return SOURCE_ICONS.get(source, "server")


@register.filter
def source_name(source: str) -> str:
    return SOURCE_NAMES.get(source, source)


@register.filter
def class_name(incident_class: str) -> str:
    return CLASS_NAMES.get(incident_class, incident_class.replace("_", " ")) if incident_class else "Not classified"


@register.simple_tag
def sev(severity: str) -> SafeString | str:
    """`SEV 2` in its outlined box; nothing when there is no severity."""
    if not severity:
        return ""
    number = severity.upper().removeprefix("SEV").strip()
    return format_html('<span class="al-sev al-sev--{}">SEV {}</span>', number, number)


def band_of(confidence: float) -> str:
    return "Low" if confidence < 0.40 else "Medium" if confidence < 0.75 else "High"


@register.simple_tag
def conf(confidence: float | None, style: str = "full") -> SafeString:
    """Confidence as five squares and a word ("High confidence", `short`: "High"); the number only in the tooltip."""
    value = known(confidence)
    if value is None:
        return format_html('<span class="al-dim" title="No diagnosis">{}</span>', words.MISSING)
    lit = max(1, min(5, round(value * 5)))
    squares = format_html_join(
        "",
        '<rect class="{}" x="{}" width="8" height="8" rx="2"/>',
        (("on" if index < lit else "off", index * 11) for index in range(5)),
    )
    band = band_of(value)
    return format_html(
        '<span class="al-conf" title="{} confidence ({})"><svg viewBox="0 0 52 8" aria-hidden="true">{}</svg>{}</span>',
        band, words.percent(value), squares, band if style == "short" else f"{band} confidence",
    )  # fmt: skip


@register.simple_tag
def when(at: datetime | str | None, style: str = "moment") -> SafeString | str:
    """A point in time as `<time>` with the full time and zone in its tooltip. Styles: moment, age, ago, full."""
    value = parse_datetime(at) if isinstance(at, str) else at
    if value is None:
        return words.MISSING
    now = timezone.now()
    local = timezone.localtime(value)
    full = f"{local:%a} {local.day} {local:%b %Y %H:%M:%S} {local.tzname()}"
    if style == "age":
        text = words.age(value, now)
    elif style == "ago":
        text = "in the future" if value > now else f"{words.age(value, now)} ago".replace("now ago", "just now")
    elif style == "full":
        text = full
    else:
        text = words.moment(local, timezone.localtime(now))
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, text)


@register.filter
def duration(seconds: Any) -> str:
    return words.duration(known(seconds))


@register.filter
def count(value: Any) -> str:
    return words.number(known(value))


@register.filter
def percent(share: Any) -> str:
    return words.percent(known(share))


@register.filter
def counted(value: Any, said: str) -> str:
    """`{{ n|counted:"row" }}`, `{{ n|counted:"row is/rows are" }}`: the number with what agrees with it."""
    one, _, many = said.partition("/")
    number = known(value)
    return f"{words.MISSING} {many or one + 's'}" if number is None else words.counted(number, one, many)


@register.filter
def size(count: Any) -> str:
    """Bytes."""
    return words.size(int(known(count) or 0))


@register.filter
def spaced(key: Any) -> str:
    """`stripe_invoice` as people write it."""
    return str(key or "").replace("_", " ")


@register.filter
def safe_link(url: Any) -> str:
    """The address when it may be followed (`https:`, `http:` to a configured system, `mailto:`), else nothing."""
    text = str(url or "")
    parts = urlsplit(text) if text.isprintable() else urlsplit("")
    return text if (parts.scheme in ("https", "http") and parts.netloc) or parts.scheme == "mailto" else ""


@register.filter
def undo(message: Any) -> dict[str, str]:
    """Label and address of the button that takes back what a message tells; {} when there is none."""
    return flash.undo_of(str(message.extra_tags or ""))


@register.filter
def markdown(text: str) -> SafeString:
    return to_html(text)


@register.filter
def pick(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """`{{ mapping|pick:"key" }}`, also for keys that a template cannot spell; None when absent."""
    return mapping.get(key) if isinstance(mapping, Mapping) else None


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The page's query string with changes applied; an empty value drops the key. `cursor` and `v` go unless given."""
    request = context.get("request")
    params: QueryDict = request.GET.copy() if request else QueryDict(mutable=True)
    for name in ("cursor", "v"):
        params.pop(name, None)
    for key, value in changes.items():
        if value in ("", None):
            params.pop(key, None)
        else:
            params[key] = str(value)
    return f"?{params.urlencode()}" if params else "?"


@register.simple_tag
def spark(
    values: Iterable[float] | None, label: str, width: int = 220, height: int = 34, look: str = ""
) -> SafeString | str:
    """A small line of a series, oldest first; the label says what one would see. Nothing for fewer than 2 points."""
    points = [float(value) for value in values or [] if isinstance(value, int | float)]
    if len(points) < 2:
        return ""
    low, high = min(points), max(points)
    spread = (high - low) or 1.0
    placed = [
        f"{2 + index * (width - 4) / (len(points) - 1):.1f},{height - 4 - (value - low) / spread * (height - 8):.1f}"
        for index, value in enumerate(points)
    ]
    line = " ".join(placed)
    return format_html(
        '<svg class="al-spark {}" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><polygon class="al-spark__area" points="2,{} {} {},{}"/>'
        '<polyline class="al-spark__line" points="{}"/></svg>',
        look, width, height, width, height, label, height, line, width - 2, height, line,
    )  # fmt: skip


@register.simple_tag
def threshold(
    value: float | None, limit: float | None = None, maximum: float | None = None, baseline: float | None = None,
    unit: str = "", state: str = "", limit_label: str = "threshold",
) -> SafeString | str:  # fmt: skip
    """A measured value as a bar with ticks for baseline and threshold, labelled below and in one sentence."""
    value, limit, maximum, baseline = known(value), known(limit), known(maximum), known(baseline)
    if value is None:
        return ""
    most = max(item for item in (value, limit, baseline) if item is not None)
    top = maximum if maximum is not None and maximum >= most else most * 1.15
    if top <= 0:
        return ""
    look = {"abnormal": "breach", "warn": "warn", "normal": "ok"}.get(state, "ok" if state else "mute")

    def place(number: float) -> float:
        return round(max(0.0, min(1.0, number / top)) * 100, 2)

    said = [f"{words.figure(value, unit)} measured"]
    ticks, keys = SafeString(""), SafeString("")
    if baseline is not None:
        said.append(f"baseline {words.figure(baseline, unit)}")
        ticks += format_html('<rect class="al-thr__base" x="{}" width="0.7" height="10"/>', min(99.3, place(baseline)))
        keys += format_html("<span>baseline {}</span>", words.figure(baseline, unit))
    if limit is not None:
        said.append(f"{limit_label} {words.figure(limit, unit)}")
        ticks += format_html('<rect class="al-thr__limit" x="{}" width="0.9" height="10"/>', min(99.1, place(limit)))
        keys += format_html("<span>{} {}</span>", limit_label, words.figure(limit, unit))
    return format_html(
        '<span class="al-thr al-thr--{}">'
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="al-thr__track" y="2" width="100" height="6" rx="1"/>'
        '<rect class="al-thr__fill" y="2" width="{}" height="6" rx="1"/>{}</svg>'
        '<span class="al-thr__key">{}</span></span>',
        look, "; ".join(said), place(value), ticks, keys,
    )  # fmt: skip


@register.simple_tag
def hbar(value: float, maximum: float, label: str = "", look: str = "") -> SafeString:
    """A bar inside a table cell. Without a label it is decoration: the number stands beside it."""
    said = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    share = round(100 * max(0.0, min(1.0, value / maximum)), 1) if maximum else 0
    return format_html(
        '<svg class="al-hbar al-hbar--{}" viewBox="0 0 100 6" preserveAspectRatio="none" {}>'
        '<rect class="al-thr__track" width="100" height="6" rx="1"/>'
        '<rect class="al-hbar__fill" width="{}" height="6" rx="1"/></svg>',
        look, said, share,
    )  # fmt: skip


@register.inclusion_tag("altor/c/field.html")
def field(bound: Any, **extra: Any) -> dict[str, Any]:
    """One form field: label, control, help and errors tied together for readers."""
    return {"field": bound, **extra}


@register.inclusion_tag("altor/c/errors.html")
def form_errors(form: Any) -> dict[str, Any]:
    """The summary above a form with errors: each line leads to its field."""
    return {"form": form}


@register.inclusion_tag("altor/c/empty.html")
def empty(text: str, icon_name: str = "inbox", action: str = "", href: str = "") -> dict[str, str]:
    """What a list says when it holds nothing, with the way on."""
    return {"text": text, "icon_name": icon_name, "action": action, "href": href}


@register.simple_tag
def run_pill(run: Any) -> SafeString:
    """The pill of a run with `steps_ended` and `steps_all` (see `investigations.filters.with_progress`)."""
    if run.status == "running" and getattr(run, "steps_all", 0):
        return pill("running", f"Running · {run.steps_ended} of {run.steps_all}")
    return pill(run.status)


@register.filter
def pretty(value: Any) -> str:
    """A JSON value as indented text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str, sort_keys=True)


@register.filter
def as_value(value: Any) -> str:
    """A JSON value in one short line; nothing there is said so."""
    if value is None or value == "":
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else f"{text[:159]}…"
