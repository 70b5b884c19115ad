"""Words of a packet's pages. All of them read the stored JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from escalations.packets.blocks import STATES, VERDICTS, asked, clock

register = template.Library()
#: Kind of an event -> icon.
_ICONS = {
    "onset": "bolt", "end": "circle-check", "deployment": "git-commit", "issue": "bug", "billing": "credit-card",
    "incident": "world", "account": "key", "measurement": "database", "customer": "user", "reply": "send",
    "run": "list-check",
}  # fmt: skip


@register.simple_tag
def refs(names: Sequence[str] | None) -> SafeString | str:
    """References of evidence as links to where they stand on the same page."""
    found = [str(name) for name in names or ()]
    if not found:
        return ""
    return format_html(
        '<span class="al-refs">{}</span>',
        format_html_join(" ", '<a class="al-link al-mono" href="#{}">{}</a>', ((name, name) for name in found)),
    )


@register.filter
def event_icon(kind: str) -> str:
    return _ICONS.get(str(kind), "clock")


@register.filter
def queries_of(packet: Mapping[str, Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The queries of a piece of evidence."""
    wanted = item.get("queries") or []
    return [one for one in packet.get("queries") or [] if one.get("id") in wanted]


@register.filter
def cost(query: Mapping[str, Any]) -> str:
    return asked(query)


@register.filter
def utc(value: Any) -> str:
    return clock(value)


@register.filter
def verdict_word(verdict: str) -> str:
    return VERDICTS.get(str(verdict), "context")


@register.filter
def check_word(state: str) -> str:
    return STATES.get(str(state), str(state))


@register.filter
def short_id(change: Mapping[str, Any]) -> str:
    """Seven characters of a commit; any other id as it is."""
    name = str(change.get("id") or "")
    return name[:7] if change.get("kind") == "deployment" else name
