"""The check of one reply: leaks, which block it, and wording, which only warns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from knowledge.language.backing import Backing, Judge
from knowledge.language.claims import claims_in
from knowledge.language.credentials import secrets_in
from knowledge.language.findings import Finding, Hit, Kind
from knowledge.language.folding import Folded, fold
from knowledge.language.internals import internals_in
from knowledge.language.matching import Named, find_names
from knowledge.language.names import Directory, Sort
from knowledge.language.personal import Own, personal_in
from knowledge.language.wording import covers, wording_in

__all__ = ["check", "covers"]

#: Of two leaks in one place the first kind speaks: a mail address holds a name, a link a repository.
_WEIGHT: Final = (Kind.SECRET, Kind.PERSONAL_DATA, Kind.INTERNAL_ID, Kind.OTHER_CUSTOMER, Kind.INTERNAL_NAME)
_NAMES: Final = {
    Sort.SERVICE: ("The name of an internal service: it means nothing to the customer.", "Say what it does, as in “our webhook delivery”."),
    Sort.HOST: ("The name of one of our machines.", "Say “one of our servers”."),
    Sort.PERSON: ("The name of a colleague, who did not choose to be known to customers.", "Say “our team” or “a colleague”."),
    Sort.REPOSITORY: ("The name of a repository of ours.", "Say what changed, and since when."),
    Sort.CUSTOMER: ("Another customer: nobody may learn here who else is a customer or had trouble.", "Say “some customers”."),
}  # fmt: skip


def check(text: str, directory: Directory, *, backing: Backing | None = None, language: str = "en") -> list[Finding]:
    """Findings in text order; those of one kind do not overlap. Takes any text; the time is linear in its length.

    `backing` None: claims are not checked. In a language that is not covered (`covers`) only leaks are found.
    """
    folded = fold(text)
    leaks = _leaks(folded.text, directory)
    warnings: list[Hit] = []
    if covers(language):
        warnings.extend(wording_in(folded.text, language))
        if backing is not None:
            own_ids = _own(directory.own)[1]
            warnings.extend(claims_in(folded.text, Judge(backing), language, own_ids))
    hits = [*leaks, *_outside(warnings, leaks)]
    return [_finding(folded, hit) for hit in _apart(hits)]


def _leaks(text: str, directory: Directory) -> list[Hit]:
    own, own_names = _own(directory.own)
    hits = [
        *secrets_in(text),
        *personal_in(text, own),
        *internals_in(text, own, own_names),
        *(_named(one) for one in find_names(text, directory)),
    ]
    kept: list[Hit] = []
    for kind in _WEIGHT:
        kept.extend(_outside([hit for hit in hits if hit.kind is kind], kept))
    return kept


@lru_cache(maxsize=256)
def _own(own: frozenset[str]) -> tuple[Own, frozenset[str]]:
    return Own(own), frozenset(entry.strip().casefold() for entry in own)


def _named(named: Named) -> Hit:
    kind = Kind.OTHER_CUSTOMER if named.name.sort is Sort.CUSTOMER else Kind.INTERNAL_NAME
    why, suggestion = _NAMES[named.name.sort]
    return Hit(kind, named.start, named.end, why, suggestion)


def _outside(hits: Iterable[Hit], others: list[Hit]) -> Iterator[Hit]:
    """Those that lie in none of `others`."""
    reach = sorted((other.start, other.end) for other in others)
    at, until = 0, 0
    for hit in sorted(hits, key=lambda one: (one.start, one.end)):
        while at < len(reach) and reach[at][0] <= hit.start:
            until = max(until, reach[at][1])
            at += 1
        if hit.end > until:
            yield hit


def _apart(hits: list[Hit]) -> list[Hit]:
    """In text order, one of those of a kind that overlap: the one that begins first, of those the longest."""
    ordered = sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.kind))
    until = dict.fromkeys(Kind, 0)
    kept = []
    for hit in ordered:
        if hit.start >= until[hit.kind]:
            until[hit.kind] = hit.end
            kept.append(hit)
    return kept


def _finding(folded: Folded, hit: Hit) -> Finding:
    start, end = folded.span(hit.start, hit.end)
    return Finding(hit.kind, start, end, folded.original[start:end], hit.why, hit.suggestion)
