"""The search as people, the API and assistants use it: one person's question, answered with entries they may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Q

from altor.errors import InvalidInput
from altor.models import User
from knowledge.models import Entry
from knowledge.models.entries import Audience, Confidence, EntryQuerySet
from knowledge.search.highlights import Parts, marked, passage, plain_text
from knowledge.search.matching import Match, match
from knowledge.search.texts import body_of

MOST: Final = 50
#: What shares no word with a text is shown when it is at least so near in meaning, a cosine.
NEAR: Final = 0.3


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for beside the words; "" and () leave open. Archived entries only where they are asked for."""

    incident_class: str = ""
    label: str = ""
    component: str = ""
    confidence: Sequence[str] = ()
    audience: str = ""  # the narrowest that is wanted: `partner` shows those for partners and customers
    tier: str = ""  # of a customer: entries for all tiers fit too
    language: str = ""

    def __bool__(self) -> bool:
        return any((self.incident_class, self.label, self.component, self.confidence, self.audience, self.tier,
                    self.language))  # fmt: skip


_WIDER: Final[Mapping[str, tuple[str, ...]]] = {
    Audience.INTERNAL: (Audience.INTERNAL, Audience.PARTNER, Audience.CUSTOMER),
    Audience.PARTNER: (Audience.PARTNER, Audience.CUSTOMER),
    Audience.CUSTOMER: (Audience.CUSTOMER,),
}


def filtered(entries: EntryQuerySet, filters: Filters) -> EntryQuerySet:
    """InvalidInput for a confidence or an audience that does not exist."""
    if strange := set(filters.confidence) - set(Confidence.values):
        raise InvalidInput(f"There is no confidence {sorted(strange)[0]!r}: {', '.join(Confidence.values)}.")
    if filters.audience and filters.audience not in _WIDER:
        raise InvalidInput(f"There is no audience {filters.audience!r}: {', '.join(Audience.values)}.")
    entries = entries.filter(confidence__in=filters.confidence) if filters.confidence else entries.in_use()
    exact = {"incident_class": filters.incident_class, "label": filters.label, "language": filters.language}
    entries = entries.filter(**{name: value for name, value in exact.items() if value})
    if filters.component:
        entries = entries.filter(components__contains=[filters.component])
    if filters.audience:
        entries = entries.filter(audience__in=_WIDER[filters.audience])
    if filters.tier:
        entries = entries.filter(Q(tiers=[]) | Q(tiers__contains=[filters.tier]))
    return entries


@dataclass(frozen=True, slots=True)
class Found:
    entry: Entry
    match: Match
    title: Parts
    passage: Parts


@dataclass(frozen=True, slots=True)
class Answer:
    found: Sequence[Found]
    mended: Mapping[str, str] = field(default_factory=dict)
    by_words_only: bool = False
    seconds: float = 0.0


def find(user: User, text: str, filters: Filters | None = None, *, limit: int = 10) -> Answer:
    """What answers the text, the best first, of what the person may read. InvalidInput as `filtered`."""
    return find_among(Entry.objects.visible_to(user), text, filters, limit=limit)


def find_among(readable: EntryQuerySet, text: str, filters: Filters | None = None, *, limit: int = 10) -> Answer:
    entries = filtered(readable, filters or Filters())
    answer = match(text, readable=entries, limit=min(limit, MOST), languages=languages())
    by_pk = entries.with_context().in_bulk([one.entry_id for one in answer.matches])
    found = [
        Found(
            entry,
            one,
            marked(entry.title, answer.rare, entry.language),
            passage(plain_text(body_of(entry)), answer.rare, entry.language),
        )
        for one in answer.matches
        if _is_shown(one) and (entry := by_pk.get(one.entry_id)) is not None
    ]
    return Answer(found, answer.mended, not answer.model, answer.seconds)


def _is_shown(one: Match) -> bool:
    return bool(one.words > 0 or one.names or (one.whole or 0.0) >= NEAR)


def languages() -> list[str]:
    """In which entries are written, English first. One query."""
    known = Entry.objects.filter(space="").order_by().values_list("language", flat=True).distinct()
    return sorted({name[:2] for name in known} | {"en"}, key=lambda name: (name != "en", name))


def as_parts(parts: Parts) -> list[dict[str, Any]]:
    return [{"text": text, "hit": hit} for text, hit in parts]
