"""What each placeholder stands for in one reply: the words, and the facts behind them with their evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from investigations.diagnosis.texts import FORMATS, between, rewrite, slots
from investigations.models import Evidence, Ticket
from knowledge.replies import wording
from knowledge.replies.evidence import TICKET, RunFacts, holds, is_number

#: Evidence that states which share of the customer's requests or deliveries goes wrong.
SHARES: Final = frozenset(
    {"status_429_share", "status_5xx_share", "status_4xx_share", "status_401_share", "webhook_success_rate"}
)
#: Evidence that states how long the customer's calls take, or deliveries wait.
DELAYS: Final = frozenset({"latency_p95", "webhook_delay"})
_SECONDS: Final = {"ms": 0.001, "s": 1.0}
_LONGEST: Final = 300
_NAME: Final = re.compile(r"[^\W\d_][^\W\d_'’\-]{0,39}")
_HIGH: Final = "high confidence"
_TWICE: Final = re.compile(r"\b(?:about|etwa) (?=(?:about|nearly|less than|etwa|fast|weniger als) )")
_AT: Final = re.compile(r"\bon (?=\d\d:\d\d )")
_BEGINNING: Final = re.compile(r"(^|[.!?]\s+)([a-zäöü])")
_SCOPES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"customer": "your account only", "all": "all customers", "endpoint": "the endpoint {}",
           "region": "the region {}"},
    "de": {"customer": "nur Ihr Konto", "all": "alle Kunden", "endpoint": "der Endpunkt {}", "region": "die Region {}"},
}  # fmt: skip
_CONCERNS: Final = {"en": "This concerns {}.", "de": "Betroffen: {}."}


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` as it was measured, `shown` as it is told, `evidence` that carries it ("ticket" = the ticket itself)."""

    name: str
    value: Any
    shown: str
    evidence: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "shown": self.shown, "evidence": list(self.evidence)}


@dataclass(frozen=True, slots=True)
class Value:
    """The words for a placeholder. `is_promise`: a time that we set ourselves."""

    text: str
    facts: Sequence[Fact] = field(default_factory=tuple)
    is_promise: bool = False


def zone_of(ticket: Ticket) -> tzinfo:
    """The customer's time zone, as the helpdesk told it; UTC when it did not."""
    mirror = getattr(ticket, "mirror", None)
    requester = (mirror.fields or {}).get("requester") if mirror is not None else None
    name = requester.get("timezone") if isinstance(requester, Mapping) else None
    try:
        return ZoneInfo(str(name)) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


class Values:
    """The values of one reply. `facts` is None for a reply that rests on no diagnosis."""

    def __init__(
        self, ticket: Ticket, facts: RunFacts | None, *, language: str, agent: str, next_update_at: datetime | None
    ) -> None:
        self.ticket = ticket
        self.facts = facts
        self.language = language
        self.agent = agent
        self.next_update_at = next_update_at
        self.zone = zone_of(ticket)

    def of(self, name: str) -> Value | None:
        """The value of a placeholder, None when it is not known."""
        return _READERS[name](self)

    # ------------------------------------------------------------------------------------------------- courtesies
    def customer_name(self) -> Value | None:
        first = self.ticket.requester_name.strip().split(" ")[0]
        return Value(first) if _NAME.fullmatch(first) else None

    def account(self) -> Value | None:
        name = one_line(self.ticket.customer.name) if self.ticket.customer else ""
        return Value(name) if name else None

    def number(self) -> Value | None:
        return Value(one_line(self.ticket.external_id)) if self.ticket.external_id else None

    def author(self) -> Value | None:
        return Value(one_line(self.agent)) if self.agent.strip() else None

    def next_update(self) -> Value | None:
        if self.next_update_at is None:
            return None
        return Value(self._moment(self.next_update_at), is_promise=True)

    # ---------------------------------------------------------------------------------------------- of the diagnosis
    def since(self) -> Value | None:
        onset = self._stated("onset")
        if onset is None or self.facts is None:
            return None
        at = datetime.fromisoformat(str(onset))
        shown = self._moment(at, about=between(self.facts.document) is not None)
        return self._with_onset("onset", onset, shown)

    def between(self) -> Value | None:
        ends = between(self.facts.document) if self.facts is not None and self._stated("onset") else None
        if ends is None:
            return None
        first, last = (datetime.fromisoformat(end).astimezone(self.zone) for end in ends)
        return self._with_onset("onset_between", list(ends), wording.span(first, last, self.language))

    def ended(self) -> Value | None:
        if self.facts is None or not self.facts.is_decided or self.facts.hypothesis is None:
            return None
        for expression in self.facts.hypothesis.onset:
            found = self.facts.value(re.sub(r"\.onset$", ".ended_at", expression)) if ".onset" in expression else None
            if isinstance(found, str):
                return self._fact("ended", expression, found, self._moment(datetime.fromisoformat(found)))
        return None

    def _with_onset(self, name: str, value: Any, shown: str) -> Value | None:
        """Evidence of the measure that the cause takes its beginning from; else what speaks for the cause."""
        facts = self.facts
        if facts is None:
            return None
        for expression in facts.hypothesis.onset if facts.hypothesis else ():
            found = facts.value(expression)
            if found is not None:  # the first that is known is what the diagnosis took
                refs = facts.carriers(expression, found)
                return Value(shown, (Fact(name, value, shown, tuple(refs)),)) if refs else None
        return Value(shown, (Fact(name, value, shown, tuple(facts.reasons)),)) if facts.reasons else None

    def affected(self) -> Value | None:
        scope = self._stated("scope") or {}
        kind, value = str(scope.get("kind") or ""), scope.get("value")
        pattern = _SCOPES.get(self.language, _SCOPES["en"]).get(kind)
        if pattern is None or self.facts is None or ("{}" in pattern and not value):
            return None
        refs = self._of_scope(value) if "{}" in pattern else tuple(self.facts.reasons)
        shown = pattern.replace("{}", one_line(str(value or "")))
        return Value(shown, (Fact("scope", {"kind": kind, "value": value}, shown, refs),)) if refs else None

    def _of_scope(self, value: Any) -> tuple[str, ...]:
        """Evidence that carries what the scope names; () for none."""
        if self.facts is None:
            return ()
        spec = self.facts.hypothesis.scope if self.facts.hypothesis is not None else None
        if spec is not None and spec.value is not None and self.facts.value(spec.value) is not None:
            return tuple(self.facts.carriers(spec.value, value))
        return tuple(item.ref_id for item in self.facts.evidence if holds(item, value))

    def endpoint(self) -> Value | None:
        if self.facts is None:
            return None
        scope = self._stated("scope") or {}
        if scope.get("kind") == "endpoint" and scope.get("value") and (refs := self._of_scope(scope["value"])):
            shown = one_line(str(scope["value"]))
            return Value(shown, (Fact("endpoint", scope["value"], shown, refs),))
        for item in self.facts.of_kinds(DELAYS):
            if found := (item.ref or {}).get("endpoint"):
                return Value(one_line(str(found)), (Fact("endpoint", found, one_line(str(found)), (item.ref_id,)),))
        claimed = self.facts.value("inputs.endpoint")
        shown = one_line(str(claimed or ""))
        return Value(shown, (Fact("endpoint", claimed, shown, (TICKET,)),)) if shown else None

    def share(self) -> Value | None:
        return self._figure("share", SHARES, "value", "%", self._share)

    def usual_share(self) -> Value | None:
        return self._figure("usual_share", SHARES, "baseline", "%", self._share)

    def count(self) -> Value | None:
        return self._figure("count", SHARES, "numerator", "%", self._count)

    def total(self) -> Value | None:
        return self._figure("total", SHARES, "denominator", "%", self._count)

    def delay(self) -> Value | None:
        return self._figure("delay", DELAYS, "value", "", self._lasting)

    def usual_delay(self) -> Value | None:
        return self._figure("usual_delay", DELAYS, "baseline", "", self._lasting)

    def amount(self) -> Value | None:
        if self.facts is None or not self.facts.is_decided:
            return None
        by_ref = {item.ref_id: item for item in self.facts.evidence}
        for item in (by_ref[ref] for ref in self.facts.reasons):
            figures = item.figures if isinstance(item.figures, Mapping) else {}
            unit, value = str(figures.get("unit") or ""), figures.get("value")
            if unit.startswith("money:") and is_number(value):
                shown = wording.money(round(value), unit.removeprefix("money:"))
                return Value(shown, (Fact("amount", value, shown, (item.ref_id,)),))
        return None

    def question(self) -> Value | None:
        asked = self._document("question") or {}
        text = one_line(str(asked.get("ask") or "")) if isinstance(asked, Mapping) else ""
        # A person's step may ask what only we can answer; an input is what the customer knows.
        if not text or asked.get("kind") != "input":
            return None
        return Value(text)

    # ------------------------------------------------------------------------------------------ the playbook's words
    def cause(self, part: str) -> Value | None:
        """The playbook's sentence for the cause; None where a figure of it is not known or has no evidence."""
        facts = self.facts
        if facts is None or not facts.is_decided:
            return None
        spec = facts.hypothesis.reply if facts.hypothesis is not None else None
        if spec is None:
            return self._own_scope() if part == "scope" else None
        text = str(getattr(spec, part))
        if part == "eta":
            is_default = text == type(spec).model_fields["eta"].default
            is_surer = _HIGH in text and facts.candidate.get("band") != "High"
            if not text.strip() or is_default or is_surer:
                return None
        told: list[Fact | None] = []
        shown = rewrite(text, lambda expression, form: self._slot(expression, form, told))
        found = [fact for fact in told if fact is not None]
        if len(found) < len(told):
            return None
        if not slots(text):
            found = [Fact(f"cause_{part}", facts.label, "", tuple(facts.reasons))] if facts.reasons else []
            if part in ("observed", "scope") and not found:
                return None
        return Value(smoothed(shown), found)

    def _own_scope(self) -> Value | None:
        """Of a cause that the playbook has no words for."""
        found = self.affected()
        pattern = _CONCERNS.get(self.language, _CONCERNS["en"])
        return Value(pattern.format(found.text), found.facts) if found is not None else None

    def _slot(self, expression: str, form: str, told: list[Fact | None]) -> str:
        """One slot of a playbook's sentence as people read it; what it tells, or None, is added to `told`."""
        found = self._diagnosed(expression) if expression.startswith("diagnosis.") else self._measured(expression, form)
        told += found.facts if found is not None and found.facts else [None]
        return found.text if found is not None else ""

    def _diagnosed(self, expression: str) -> Value | None:
        match expression.removeprefix("diagnosis."):
            case "since" | "onset":
                return self.since()
            case "scope.value":
                scope = self._stated("scope") or {}
                value = one_line(str(scope.get("value") or ""))
                refs = self._of_scope(scope.get("value")) if value else ()
                return Value(value, (Fact("scope", scope.get("value"), value, refs),)) if refs else None
        return None

    def _measured(self, expression: str, form: str) -> Value | None:
        if self.facts is None:
            return None
        value = self.facts.value(expression)
        shown = self._shown(value, form)
        if shown and form == "counted":
            value = value[0]  # the words beside it are no figure, and stand in no evidence
        return self._fact(expression, expression, value, shown) if shown else None

    def _shown(self, value: Any, form: str) -> str:
        if value is None:
            return ""
        try:
            match form:
                case "percent":
                    return wording.share(float(value), self.language)
                case "ms":
                    return wording.lasting(float(value) / 1000, self.language)
                case "seconds":
                    return wording.lasting(float(value), self.language)
                case "time":
                    return self._moment(datetime.fromisoformat(str(value)))
                case "money":
                    return wording.money(round(value[0]), str(value[1]))
                case "":
                    return FORMATS["number"](value) if isinstance(value, float) else one_line(str(value))
                case _:
                    return one_line(FORMATS[form](value))
        except (TypeError, ValueError, IndexError, KeyError):
            return ""

    # ------------------------------------------------------------------------------------------------------- helpers
    def _fact(self, name: str, expression: str, value: Any, shown: str) -> Value | None:
        refs = self.facts.carriers(expression, value) if self.facts else []
        return Value(shown, (Fact(name, value, shown, tuple(refs)),)) if refs else None

    def _figure(
        self, name: str, kinds: frozenset[str], figure: str, unit: str, write: Callable[[float, Evidence], str]
    ) -> Value | None:
        """A figure of the first evidence of these kinds; only where a cause is named, whose evidence it is."""
        if self.facts is None or not self.facts.is_decided:
            return None
        for item in self.facts.of_kinds(kinds, unit):
            value = (item.figures or {}).get(figure)
            if not is_number(value):
                return None
            shown = write(float(value), item)
            return Value(shown, (Fact(name, value, shown, (item.ref_id,)),))
        return None

    def _share(self, value: float, item: Evidence) -> str:
        return wording.share(value, self.language)

    def _count(self, value: float, item: Evidence) -> str:
        return wording.count(value, self.language)

    def _lasting(self, value: float, item: Evidence) -> str:
        return wording.lasting(value * _SECONDS.get(str(item.figures.get("unit")), 1.0), self.language)

    def _moment(self, at: datetime, *, about: bool = False) -> str:
        return wording.moment(at.astimezone(self.zone), self.language, about=about)

    def _stated(self, name: str) -> Any:
        """A field of the diagnosis, None while nothing is decided."""
        return self._document(name) if self.facts is not None and self.facts.is_decided else None

    def _document(self, name: str) -> Any:
        return self.facts.document.get(name) if self.facts is not None else None


_READERS: Final[dict[str, Callable[[Values], Value | None]]] = {
    "customer_name": Values.customer_name,
    "account": Values.account,
    "ticket": Values.number,
    "agent": Values.author,
    "since": Values.since,
    "between": Values.between,
    "ended": Values.ended,
    "endpoint": Values.endpoint,
    "affected": Values.affected,
    "share": Values.share,
    "usual_share": Values.usual_share,
    "count": Values.count,
    "total": Values.total,
    "delay": Values.delay,
    "usual_delay": Values.usual_delay,
    "amount": Values.amount,
    "cause_observed": lambda values: values.cause("observed"),
    "cause_scope": lambda values: values.cause("scope"),
    "cause_next_step": lambda values: values.cause("next_step"),
    "cause_eta": lambda values: values.cause("eta"),
    "question": Values.question,
    "next_update": Values.next_update,
}


def one_line(text: str) -> str:
    """Foreign text for a sentence: one line, no control and no direction-changing characters, cut."""
    kept = "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text)
    return " ".join(kept.split())[:_LONGEST]


def smoothed(text: str) -> str:
    """A playbook's sentence after it was filled: a capital at the beginning, no word twice where a figure brings it
    along ("about about 40%", "on 02:22 UTC on 28 November").
    """
    text = _AT.sub("at ", _TWICE.sub("", text))
    return _BEGINNING.sub(lambda match: match.group(1) + match.group(2).upper(), text)
