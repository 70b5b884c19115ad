"""Words of entries on pages: how far they are trusted, why they were found, how their state changed."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from altor.templatetags.altor_ui import icon
from investigations.models import Investigation
from knowledge.entries.content import TEXTS, EntryContent
from knowledge.models import Entry, EntryChange
from knowledge.models.entries import CONTENT, Audience, Confidence, Governance
from knowledge.models.recognition import State
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


_STATES: Final = {
    State.RECOGNISED: ("circle-check", "breach", "Its signs are there"),
    State.POSSIBLE: ("question-mark", "warn", "It may be this"),
    State.ELSEWHERE: ("circle-dashed", "mute", "Signs are there, the cause is another"),
    State.QUIET: ("circle-x", "mute", "Its signs are not there"),
    State.UNKNOWN: ("circle-dashed", "mute", "Could not be checked"),
}


@register.simple_tag
def state_pill(state: str) -> SafeString:
    """What the detection query of an entry said on a ticket; nothing where it was not asked."""
    if state not in _STATES:
        return SafeString("")
    name, look, words = _STATES[State(state)]
    return format_html('<span class="al-pill al-pill--{}">{}{}</span>', look, icon(name), words)


@register.simple_tag
def state_told(state: str, run: Investigation) -> SafeString:
    """Why that state, in a sentence."""
    said = run.top_label or "no cause"
    words = {
        State.RECOGNISED: f"Its signs are there, and {run.ref} speaks for it ({said}).",
        State.POSSIBLE: f"Its signs are there. {run.ref} neither confirms nor contradicts it ({said}).",
        State.ELSEWHERE: f"Its signs are there, but {run.ref} found another cause: {said}.",
    }.get(State(state) if state in State.values else State.UNKNOWN)
    return format_html('<p class="al-hint">{}</p>', words) if words else SafeString("")


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
