"""What a learned model says of a ticket's words: a dot product on stored coefficients, without scikit-learn.

Stored as plain JSON: lists of terms and numbers. A pickle would run whatever its writer wanted on the machine that
loads it, and could be read by one version of scikit-learn only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: The class of a ticket that is no incident.
NONE: Final = "none"
#: So many words are told as reasons.
_TOLD: Final = 3
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Reading:
    """`probabilities` per playbook key and NONE, summing to 1. `words`: per key a phrase of what it rests on."""

    probabilities: dict[str, float]
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class WordWeights:
    """Multinomial logistic regression over TF-IDF (1 + log tf, unit length).

    `terms` gives each term its column; `idf` [terms], `weights` [classes, terms], `offsets` [classes]; `seen` [classes,
    terms]: in how many learned tickets of the class the term stood.
    """

    classes: tuple[str, ...]
    terms: Mapping[str, int]
    idf: NDArray[np.float64]
    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]
    seen: NDArray[np.int64]

    def read(self, words: Sequence[str]) -> Reading | None:
        """None when it knows none of the words: then it has nothing to say."""
        counted = Counter(word for word in words if word in self.terms)
        if not counted:
            return None
        columns = np.fromiter((self.terms[word] for word in counted), dtype=np.intp, count=len(counted))
        values = self.idf[columns] * np.fromiter((1 + math.log(n) for n in counted.values()), float, len(counted))
        values /= math.sqrt(float(values @ values))
        pulls = self.weights[:, columns] * values  # [classes, known words]
        logits = pulls.sum(axis=1) + self.offsets
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        names = list(counted)
        return Reading(
            {name: round(float(share), _DIGITS) for name, share in zip(self.classes, shares, strict=True)},
            {name: self._told(row, names, columns, pulls) for row, name in enumerate(self.classes)},
        )

    def _told(self, row: int, names: list[str], columns: NDArray[np.intp], pulls: NDArray[np.float64]) -> str:
        """'redelivery' (in 14 of them), 'signing' (in 9)."""
        # Against the mean of the classes: what pulls towards all of them tells none from the others.
        own = pulls[row] - pulls.mean(axis=0)
        best = sorted((n for n in range(len(names)) if own[n] > 0), key=lambda n: (-own[n], names[n]))[:_TOLD]
        told = [(names[n], int(self.seen[row, columns[n]])) for n in best]
        return ", ".join(f"{word!r} (in {n} of them)" for word, n in told if n) or "no word of them stands out"

    def leading(self, row: int, limit: int) -> list[tuple[str, int]]:
        """The terms that speak most for a class, each with the number of its learned tickets that hold it."""
        own = self.weights[row] - self.weights.mean(axis=0)
        names = list(self.terms)
        order = sorted(range(len(names)), key=lambda n: (-own[n], names[n]))
        return [(names[n], int(self.seen[row, n])) for n in order if own[n] > 0 and self.seen[row, n]][:limit]

    def as_document(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "terms": list(self.terms),
            "idf": np.round(self.idf, _DIGITS).tolist(),
            "weights": np.round(self.weights, _DIGITS).tolist(),
            "offsets": np.round(self.offsets, _DIGITS).tolist(),
            "seen": self.seen.tolist(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> WordWeights:
        """ValueError when the parts do not fit each other."""
        classes, terms = tuple(map(str, document["classes"])), {str(t): n for n, t in enumerate(document["terms"])}
        made = cls(
            classes,
            terms,
            np.asarray(document["idf"], dtype=float),
            np.asarray(document["weights"], dtype=float),
            np.asarray(document["offsets"], dtype=float),
            np.asarray(document["seen"], dtype=np.int64),
        )
        shape = (len(classes), len(terms))
        shapes = (made.idf.shape, made.weights.shape, made.offsets.shape, made.seen.shape)
        if shapes != ((shape[1],), shape, (shape[0],), shape) or not np.isfinite(made.weights).all():
            raise ValueError("the parts of the stored model do not fit each other")
        return made
