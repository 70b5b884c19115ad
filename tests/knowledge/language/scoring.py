"""How many of the labelled kinds the check finds, and how many it makes up.

Counted per sentence and kind: a labelled kind is found if a finding of the kind touches the labelled piece; a kind that
is found and not labelled, or found elsewhere only, is false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from knowledge.language.backing import Backing
from knowledge.language.check import check
from knowledge.language.findings import LEAKS, Finding, Kind
from knowledge.language.names import Directory
from tests.knowledge.language.cast import Cast
from tests.knowledge.language.labelled import Half, Reply, cast, replies

WORDING = frozenset(Kind) - LEAKS


@dataclass(slots=True)
class Score:
    found: Counter[Kind] = field(default_factory=Counter)
    missed: Counter[Kind] = field(default_factory=Counter)
    false: Counter[Kind] = field(default_factory=Counter)
    replies: int = 0
    clean: int = 0
    clean_flagged: int = 0

    def counts(self, kinds: Iterable[Kind]) -> tuple[int, int, int]:
        """(found, missed, false) of these kinds together."""
        kinds = list(kinds)
        return tuple(sum(counter[kind] for kind in kinds) for counter in (self.found, self.missed, self.false))  # type: ignore[return-value]

    def precision(self, kinds: Iterable[Kind]) -> float:
        found, _, false = self.counts(kinds)
        return found / (found + false) if found + false else 1.0

    def recall(self, kinds: Iterable[Kind]) -> float:
        found, missed, _ = self.counts(kinds)
        return found / (found + missed) if found + missed else 1.0


def directory_of(people: Cast) -> Directory:
    words = people.words
    return Directory(
        services=frozenset(people.services + words.plain_services),
        hosts=frozenset(people.hosts),
        people=frozenset(people.people + words.plain_people),
        repositories=frozenset(people.repositories),
        other_customers=frozenset(entry for customer in people.customers for entry in customer),
        own=frozenset(people.own.values()),
    )


def checked(reply: Reply, directory: Directory) -> list[Finding]:
    backing = None if reply.facts is None else Backing.of(reply.facts)
    return check(reply.text, directory, backing=backing, language=reply.language)


def score(half: Half, *, seed: int = 0) -> Score:
    total, directory = Score(), directory_of(cast(half))
    for reply in replies(half, seed=seed):
        judge(reply, checked(reply, directory), total)
    return total


def judge(reply: Reply, findings: list[Finding], total: Score) -> tuple[set[Kind], set[Kind]]:
    """(missed, false) kinds of one reply, added to `total`."""
    labelled = {Kind(kind) for kind, _, _ in reply.labels}
    touched = {
        Kind(kind)
        for kind, start, end in reply.labels
        if any(one.kind == kind and one.start < end and start < one.end for one in findings)
    }
    false = {one.kind for one in findings} - touched
    total.found.update(touched)
    total.missed.update(labelled - touched)
    total.false.update(false)
    total.replies += 1
    total.clean += not labelled
    total.clean_flagged += not labelled and bool(findings)
    return labelled - touched, false
