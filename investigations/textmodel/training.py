"""Learning the weights from labelled tickets. scikit-learn is imported here only, when something is learned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from investigations.textmodel.model import WordWeights

#: A term is learned when it stood in so many tickets of so many customers: one customer's names are nobody's business.
LEAST_TICKETS_OF_TERM: Final = 3
LEAST_CUSTOMERS_OF_TERM: Final = 3
#: A class of fewer tickets is not learned.
LEAST_OF_CLASS: Final = 5
MAX_TERMS: Final = 4_000
#: Of words, pairs of words and character n-grams with C of 3, 10 and 30 (see docs/explanation/classification.md).
_C: Final = 10.0
_ROUNDS: Final = 500


@dataclass(frozen=True, slots=True)
class Sample:
    """A ticket whose class is known: `label` is a playbook's key or NONE, `fits` the score of each playbook's rules."""

    ref: str
    at: datetime
    customer: str  # "" = not known
    words: tuple[str, ...]
    label: str
    fits: dict[str, float]


def learn(samples: Sequence[Sample]) -> WordWeights | None:
    """The same samples give the same weights. None when there are not two classes, or no term, to learn."""
    counted = Counter(sample.label for sample in samples)
    learned = sorted(label for label, n in counted.items() if n >= LEAST_OF_CLASS)
    chosen = sorted((s for s in samples if s.label in set(learned)), key=lambda s: (s.at, s.ref))
    terms = vocabulary(chosen)
    if len(learned) < 2 or not terms:
        return None
    # Imported here: it takes a second and 100 MB, and a web process never learns.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    reader = TfidfVectorizer(analyzer=_as_it_is, vocabulary=terms, sublinear_tf=True)
    with threadpool_limits(1):  # the order of sums, and so the last digits, do not depend on the machine's cores
        table = reader.fit_transform([sample.words for sample in chosen])
        model = LogisticRegression(C=_C, max_iter=_ROUNDS).fit(table, [sample.label for sample in chosen])
    weights, offsets = model.coef_, model.intercept_
    if len(learned) == 2:  # one row, for the second class: the first one is its mirror
        weights, offsets = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, offsets[0]])
    columns = {term: n for n, term in enumerate(terms)}
    seen = np.zeros((len(learned), len(terms)), dtype=np.int64)
    for sample in chosen:
        for term in set(sample.words) & columns.keys():
            seen[learned.index(sample.label), columns[term]] += 1
    made = WordWeights(tuple(map(str, model.classes_)), columns, reader.idf_, weights, offsets, seen)
    return WordWeights.from_document(made.as_document())  # rounded as it will be stored


def vocabulary(samples: Sequence[Sample]) -> list[str]:
    """The terms that may be learned: the most frequent MAX_TERMS of those that are common enough, by the alphabet."""
    tickets: Counter[str] = Counter()
    customers: defaultdict[str, set[str]] = defaultdict(set)
    for sample in samples:
        for term in set(sample.words):
            tickets[term] += 1
            if len(customers[term]) < LEAST_CUSTOMERS_OF_TERM:
                customers[term].add(sample.customer)
    common = [
        term
        for term, n in tickets.items()
        if n >= LEAST_TICKETS_OF_TERM and len(customers[term]) >= LEAST_CUSTOMERS_OF_TERM
    ]
    return sorted(sorted(common, key=lambda term: (-tickets[term], term))[:MAX_TERMS])


def _as_it_is(words: Sequence[str]) -> Sequence[str]:
    return words
