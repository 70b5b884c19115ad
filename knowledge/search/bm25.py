"""BM25 as a product of two sparse vectors: what a term counts in an entry, and what it counts in a query.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); the floor for a word that
occurs at all is BM25+ of Lv and Zhai (2011). A word of the title counts TITLE times. Pairs of words are scored without
the floor and count PAIRS times.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from knowledge.search.lexicon import Counts

TITLE: Final = 5
#: How fast repetition stops to count.
K1: Final = 2.0
#: How much a long entry's terms are set back.
B: Final = 0.75
#: What a word counts beyond that because it occurs at all.
DELTA: Final = 0.5
#: The same for the repetitions in a query.
K3: Final = 8.0
PAIRS: Final = 0.4


@dataclass(frozen=True, slots=True)
class Document:
    """Of one entry: how often each term occurs, those of the title TITLE times, and the length in words so counted."""

    words: Counter[int]
    pairs: Counter[int]
    length: float

    @classmethod
    def of(cls, title: Counts, body: Counts) -> Document:
        def joined(one: Counter[int], other: Counter[int]) -> Counter[int]:
            return Counter({term: TITLE * n for term, n in one.items()}) + other

        words = joined(title.words, body.words)
        return cls(words, joined(title.pairs, body.pairs), float(sum(words.values())))

    def weights(self, mean_length: float) -> tuple[dict[int, float], dict[int, float]]:
        """Of words and of pairs, before their rarity: tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length))."""
        longer = K1 * (1 - B + B * self.length / mean_length) if mean_length > 0 else K1
        words = {term: n * (K1 + 1) / (n + longer) + DELTA for term, n in self.words.items()}
        return words, {term: PAIRS * n * (K1 + 1) / (n + longer) for term, n in self.pairs.items()}


def rarity(entries: int, having: int) -> float:
    """ln(1 + (N - df + 0.5) / (df + 0.5)); never negative, also where counts are a little behind."""
    return (
        math.log(1 + (entries - having + 0.5) / (having + 0.5))
        if having < entries
        else math.log(2 - 0.5 / (having + 1))
    )


def query_weights(counted: Mapping[int, int], having: Mapping[int, int], entries: int) -> dict[int, float]:
    """What each term of a query counts; a term that no entry has counts nothing and is left out."""
    return {
        term: rarity(entries, having[term]) * n * (K3 + 1) / (n + K3)
        for term, n in counted.items()
        if having.get(term, 0) > 0
    }
