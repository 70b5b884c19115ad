"""Words of entries on pages: how far they are trusted, why they were found, how their state changed."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from altor.templatetags.altor_ui import icon
from knowledge.entries.content import TEXTS, EntryContent
from knowledge.models import Entry, EntryChange
from knowledge.models.entries import CONTENT, Audience, Confidence, Governance
from knowledge.search.matching import Match

register = template.Library()

_LOOKS: Final = {
    Confidence.WIP: ("circle-dashed", "mute"),
    Confidence.NOT_VALIDATED: ("question-mark", "warn"),
    Confidence.VALIDATED: ("circle-check", "ok"),
    Confidence.ARCHIVED: ("ban", "mute"),
}
_WORDS: Final = {"confidence": Confidence, "audience": Audience, "governance": Governance}
_WHY: Final = {
    "made": "made", "reviewer": "reviewed", "reuse": "it helped others", "failed": "it did not hold",
    "query": "its detection query changed", "review": "its review was due", "edit": "edited", "import": "imported",
}  # fmt: skip


@register.simple_tag
def confidence_pill(entry: Entry) -> SafeString:
    name, look = _LOOKS[Confidence(entry.confidence)]
    return format_html(
        '<span class="al-pill al-pill--{}">{}{}</span>', look, icon(name), entry.get_confidence_display()
    )


@register.simple_tag
def why_matched(match: Match) -> SafeString:
    """The strongest reasons in a few words, after a dot that sets them apart; nothing where there is none."""
    terms = format_html_join(", ", "“{}”", ((term.text,) for term in match.terms[:4]))
    parts = []
    if match.names:
        parts.append(format_html("names {}", ", ".join(match.names[:3])))
    if match.terms:
        parts.append(format_html("shares {}", terms))
    if match.whole is not None and match.whole > 0:
        parts.append(format_html("{} % alike in meaning", round(100 * match.whole)))
    return format_html(" · {}", format_html_join("; ", "{}", ((part,) for part in parts))) if parts else SafeString("")


@register.filter
def texts_of(content: EntryContent) -> list[tuple[str, str]]:
    return [(CONTENT[name], getattr(content, name)) for name in TEXTS if getattr(content, name)]


def _told(change: EntryChange, value: str) -> str:
    choices: Any = _WORDS.get(change.field)
    if choices is not None and value in choices.values:
        return str(choices(value).label)
    return value or {"team": "every team", "owner": "nobody", "review_on": "no date"}.get(change.field, "nothing")


@register.filter
def state_before(change: EntryChange) -> str:
    return _told(change, change.before)


@register.filter
def state_after(change: EntryChange) -> str:
    return _told(change, change.after)


@register.filter
def state_why(change: EntryChange) -> str:
    return _WHY.get(change.why, change.why)
