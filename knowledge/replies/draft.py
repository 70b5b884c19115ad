"""The draft of a reply: a template filled from one run's diagnosis and evidence, never beyond them.

It is a list of statements, one per sentence of the template. A sentence whose figures are known is a fact and names the
evidence of each; one whose figure is not known is replaced by the sentence that says so. Where no cause can be named
with confidence none is. The same run, template and times give the same draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from investigations.models import Investigation, Ticket
from knowledge.models.replies import Kind
from knowledge.replies.evidence import RunFacts
from knowledge.replies.filling import names_in, sentences, substitute
from knowledge.replies.format import PARTS
from knowledge.replies.placeholders import PLACEHOLDERS
from knowledge.replies.values import Fact, Value, Values

StatementKind = Literal["fact", "unknown", "promise", "courtesy"]
#: Said of what was observed where nothing was looked at.
_NOT_LOOKED: Final = {
    "en": "We have read your message and want to look at the right records before we say anything.",
    "de": "Wir haben Ihre Nachricht gelesen und wollen uns erst die richtigen Daten ansehen, bevor wir etwas sagen.",
}
#: Said where the cause is named, but not every figure that its words need is known.
_NOT_ALL_FIGURES: Final = {
    "en": "We do not yet have all the figures of what you describe.",
    "de": "Uns liegen noch nicht alle Zahlen zu dem vor, was Sie beschreiben.",
}
#: How long until the next update, by the severity of the diagnosis; "" for everything else.
NEXT_UPDATE: Final[Mapping[str, timedelta]] = {
    "SEV1": timedelta(hours=1), "SEV2": timedelta(hours=2), "SEV3": timedelta(hours=8), "": timedelta(hours=24),
}  # fmt: skip
_HALF_HOUR: Final = 1800


@dataclass(frozen=True, slots=True)
class Statement:
    part: str
    text: str
    kind: StatementKind
    facts: tuple[Fact, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """{"part", "text", "kind", "facts": [{"name", "value", "shown", "evidence": ["E3"]}]}."""
        facts = [fact.as_dict() for fact in self.facts]
        return {"part": self.part, "text": self.text, "kind": self.kind, "facts": facts}


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    statements: tuple[Statement, ...] = ()
    unknown: tuple[str, ...] = field(default_factory=tuple)  # names of placeholders that nothing is known for

    def as_dicts(self) -> list[dict[str, Any]]:
        return [statement.as_dict() for statement in self.statements]


def usual_next_update(run: Investigation | None, now: datetime) -> datetime:
    """When the customer is to hear from us next unless a person says otherwise: on the full or half hour."""
    return _rounded(now + NEXT_UPDATE.get(run.severity if run is not None else "", NEXT_UPDATE[""]))


def next_updates(now: datetime) -> tuple[datetime, ...]:
    """`usual_next_update` of every severity."""
    return tuple(_rounded(now + wait) for wait in NEXT_UPDATE.values())


def _rounded(due: datetime) -> datetime:
    return datetime.fromtimestamp(-(-due.timestamp() // _HALF_HOUR) * _HALF_HOUR, due.tzinfo)


def draft(
    parts: Mapping[str, str],
    *,
    ticket: Ticket,
    run: Investigation | None,
    kind: str = Kind.ANSWER,
    language: str = "en",
    agent: str = "",
    next_update_at: datetime | None = None,
    facts: RunFacts | None = None,
    recovered: tuple[datetime, str] | None = None,
) -> Draft:
    """The template's parts (part -> text) filled. `run`: the finished run the reply rests on, None without one.
    `facts`: the run's, where they are read already. `recovered`: since when it is back to normal, and the reference of
    the proof. Up to ten queries.
    """
    if run is not None and facts is None and kind == Kind.ANSWER:
        facts = RunFacts(run)
    values = Values(ticket, facts, language=language, agent=agent, next_update_at=next_update_at)
    if recovered is not None:
        values.recovered_at, values.proof = recovered
    return _Writer(values, language, rests=kind == Kind.ANSWER).write(parts)


class _Writer:
    def __init__(self, values: Values, language: str, *, rests: bool) -> None:
        self.values = values
        self.language = language
        self.rests = rests  # on a diagnosis
        self.said: set[str] = set()
        self.unknown: list[str] = []

    def write(self, parts: Mapping[str, str]) -> Draft:
        statements: list[Statement] = []
        blocks = []
        for part in PARTS:
            lines = []
            for line in parts.get(part, "").split("\n"):
                told = [one for sentence in sentences(line) for one in self._statements(part, sentence)]
                statements += told
                lines.append(" ".join(one.text for one in told))
            if block := "\n".join(line for line in lines if line):
                blocks.append(block)
        return Draft("\n\n".join(blocks), tuple(statements), tuple(dict.fromkeys(self.unknown)))

    def _statements(self, part: str, sentence: str) -> Iterator[Statement]:
        """One statement; none for a sentence that was said before or may be left out."""
        names = [name for name in names_in(sentence) if name in PLACEHOLDERS]
        found = {name: self.values.of(name) for name in names}
        missing = [name for name, value in found.items() if value is None]
        if missing:
            yield from self._unknown(part, missing)
            return
        values = {name: value for name, value in found.items() if value is not None}
        text = substitute(sentence, {name: value.text for name, value in values.items()})
        text = text[:1].upper() + text[1:] if sentence.startswith("{") and part not in ("closing",) else text
        yield from self._once(self._told(part, text, values))

    def _unknown(self, part: str, missing: list[str]) -> Iterator[Statement]:
        self.unknown += missing
        for name in missing:
            texts = PLACEHOLDERS[name].unknown
            if name == "cause_observed" and self.values.facts is not None and self.values.facts.is_decided:
                texts = _NOT_ALL_FIGURES
            text = texts.get(self.language, texts["en"])
            if name == "customer_name" and part != "greeting":
                continue
            kind: StatementKind = "courtesy" if PLACEHOLDERS[name].is_courtesy else "unknown"
            if text:
                yield from self._once(Statement(part, text, kind))

    def _told(self, part: str, text: str, values: Mapping[str, Value]) -> Statement:
        facts = tuple(fact for value in values.values() for fact in value.facts)
        if part in ("greeting", "closing"):
            return Statement(part, text, "courtesy", facts)
        if facts and part in ("observed", "scope"):
            return Statement(part, text, "fact", facts)
        if part in ("next_step", "eta") or any(value.is_promise for value in values.values()):
            return Statement(part, text, "promise", facts)
        return self._literal(part, text)

    def _literal(self, part: str, text: str) -> Statement:
        """A sentence of the template's own, which says that something was looked at: it rests on the diagnosis."""
        facts = self.values.facts
        if not self.rests:
            return Statement(part, text, "courtesy")
        if facts is None or not facts.evidence:
            return Statement(part, _NOT_LOOKED.get(self.language, _NOT_LOOKED["en"]), "unknown")
        refs = tuple(facts.reasons) or tuple(item.ref_id for item in facts.evidence[:5])
        return Statement(part, text, "fact", (Fact("diagnosis", facts.label, "", refs),))

    def _once(self, statement: Statement) -> Iterator[Statement]:
        if statement.text not in self.said:
            self.said.add(statement.text)
            yield statement
