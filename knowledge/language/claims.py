"""Claims of a reply that the evidence does not carry: figures, times, ids and causes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from knowledge.language.backing import Judge, hedge_of
from knowledge.language.findings import Hit, Kind
from knowledge.language.quantities import Figure, Moment, Quantity, figures_in
from knowledge.language.wording import primary, quoted

REACH: Final = 200
#: Figures of one reply that are held against the evidence. A pasted table of thousands is no claim of the writer.
MOST: Final = 500
#: Advice, conditions, promises and questions claim nothing.
_NO_CLAIM: Final = re.compile(
    r"\b(?:please|if|unless|whether|will|we'll|i'll|would|should|could you|can you|let us know|recommend|suggest|advise|must|need to|(?-i:may)"
    r"|might|wait|retry|at least once|set|use|try|next (?:update|step)|for example|such as|e\.g|within the next|going to"
    r"|bitte|wenn|falls|sollten|konnen sie|werden wir|wir werden|melden (?:wir )?uns|melde mich|schreiben|schreibe|empfehlen|nachste)\b",
    re.IGNORECASE,
)
_LEADING: Final = re.compile(
    r"\W*(?:please|if|when(?:ever)? you|allow|give|keep|make|send|check|ensure|see|note|open|go|click|call|add|remove|replace|put|run|choose"
    r"|select|restart|update|upgrade|configure|increase|reduce|raise|lower|limit|spread|leave|do|don't|let|bitte|wenn|falls)\b",
    re.IGNORECASE,
)
#: "20 EUR higher": the difference of two figures.
_COMPARED: Final = re.compile(
    r"\s(?:\w{1,12}\s){0,2}(?:higher|lower|more|less|fewer|longer|shorter|cheaper|extra|mehr|weniger|hoher|langer)\b",
    re.IGNORECASE,
)
#: "by 17:00 UTC" is a promise, "until 17:00 UTC" may be a fact.
_DEADLINE: Final = re.compile(
    r"\b(?:by|no later than|not later than|bis spatestens|spatestens)\s(?:the\s)?$", re.IGNORECASE
)
_BY: Final = re.compile(r"\b(?:by|um|another|extra)\s$", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[.!?](?=\s|$)|\n")
_CLAUSE: Final = re.compile(r"[,;:]\s|\s-\s|\s(?:and|but|so|und|aber|sondern)\s", re.IGNORECASE)
#: Numbers that name a thing of public knowledge and measure nothing.
_LABELLED: Final = re.compile(
    r"\b(?:ports?|version|v|tls|ssl|ipv|step|page|section|option|chapter|api|oauth|sha|utf|iso|rfc|plan|tier|schritt|seite|punkt)[\s:-]$",
    re.IGNORECASE,
)
_CAUSE: Final = re.compile(
    r"\b(?:(?:caused|triggered|brought about)\sby|because\sof|due\sto(?!\s(?:be|expire|end|start|renew|run)\b)|as\sa\sresult\sof"
    r"|(?:resulted|stemmed|came|arose)\sfrom|(?:root\s)?(?:cause|reason)\b(?:\s(?:of|for|behind)\s[^.,;:\n]{1,60}?)?\s(?:was|is|were)(?:\sthat)?"
    r"|verursacht\s(?:durch|von)|aufgrund(?:\svon)?|wegen|(?:ursache|grund)(?:\s(?:dafur|hierfur))?\s(?:war|ist))\s"
    r"(?P<cause>[^.,;:!?\n()]{3,120})",
    re.IGNORECASE,
)
_CAUSE_END: Final = re.compile(
    r"\s(?:and|but|so|which|when|while|until|between|at|on|from|und|aber|die|der)\s.*$", re.IGNORECASE
)

_WHY: Final = "{} is not among the facts of this investigation."
_SUGGEST: Final = "Take it out, or put in what the evidence says."
_SUGGEST_CAUSE: Final = "Give the cause that the evidence supports, or say that it is not known yet."


def claims_in(text: str, judge: Judge, language: str, own_ids: frozenset[str]) -> Iterator[Hit]:
    """What the folded text states and `judge` does not know. Quotations, advice and questions are left out."""
    skipped = bytearray(len(text))
    for start, end in quoted(text):
        skipped[start:end] = b"\1" * (end - start)
    for figure in islice(figures_in(text, primary(language)), MOST):
        if (
            skipped[figure.start]
            or not _is_claim(text, figure.start, figure.end)
            or _is_known(text, figure, judge, own_ids)
        ):
            continue
        what = {Moment: "This time", Quantity: "This figure", str: "This id"}[type(figure.said)]
        yield Hit(Kind.UNBACKED, figure.start, figure.end, _WHY.format(what), _SUGGEST)
    for match in _CAUSE.finditer(text):
        start = match.start("cause")
        cause = _CAUSE_END.sub("", match["cause"])
        if skipped[start] or not _is_claim(text, start, start + len(cause)) or judge.has_cause(cause):
            continue
        yield Hit(Kind.UNBACKED, start, start + len(cause), _WHY.format("This cause"), _SUGGEST_CAUSE)


def _is_known(text: str, figure: Figure, judge: Judge, own_ids: frozenset[str]) -> bool:
    before = text[max(0, figure.start - 30) : figure.start]
    match figure.said:
        case str():
            return judge.has_id(figure.said) or figure.said.casefold() in own_ids
        case Moment():
            is_deadline = _DEADLINE.search(before) is not None
            return is_deadline or judge.has_moment(figure.said, is_hedged=bool(hedge_of(before)))
        case Quantity():
            is_label = _LABELLED.search(before) is not None or _is_list_number(text, figure)
            is_compared = _COMPARED.match(text, figure.end) is not None or _BY.search(before) is not None
            return is_label or judge.has_number(figure.said, hedge_of(before), is_compared=is_compared)


def _is_list_number(text: str, figure: Figure) -> bool:
    line_start = text.rfind("\n", max(0, figure.start - 8), figure.start) + 1 or (0 if figure.start < 8 else -1)
    return (
        line_start >= 0
        and not text[line_start : figure.start].strip()
        and text[figure.end : figure.end + 1] in (".", ")")
    )


def _is_claim(text: str, start: int, end: int) -> bool:
    """Whether the clause around states something: no question, no advice, no promise, no condition."""
    first, last = max(0, start - REACH), min(len(text), end + REACH)
    for match in _SENTENCE.finditer(text, first, start):
        first = match.end()
    closing = _SENTENCE.search(text, end, last)
    last = closing.end() if closing else last
    if text[first:last].rstrip().endswith("?") or _LEADING.match(text, first, last):
        return False
    for match in _CLAUSE.finditer(text, first, start):
        first = match.end()
    clause_end = _CLAUSE.search(text, end, last)
    return _NO_CLAIM.search(text[first : clause_end.start() if clause_end else last]) is None
