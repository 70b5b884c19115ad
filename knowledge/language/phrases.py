"""The shape of an entry in the word tables, and the sentences that entries of one kind share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knowledge.language.findings import Kind

GUESS: Final = "This is a guess: the customer cannot tell it from what is known."
SAY_KNOWN: Final = (
    "Say what was observed and how it is known, or that the cause is not known yet and when you will write again."
)
NO_TIME: Final = "A promise without a time: the customer cannot plan with it and will ask again."
SAY_WHEN: Final = "Name the time of the next update, as in “I will write to you by 16:00 UTC today”."
BLAMING: Final = "This blames somebody; it does not help the customer on."
SAY_EVENT: Final = "Say what happened and what to do, without who is at fault."
TOO_SURE: Final = "Nothing holds in every case; one exception later breaks the trust."
SAY_BOUNDS: Final = "Say for what and since when it holds, as in “since 14:40 UTC all deliveries succeeded”."
INSIDE: Final = "A word of engineers that not every reader knows."


@dataclass(frozen=True, slots=True)
class Phrase:
    """`firsts`: the words it may begin with; `rest`: a pattern for what follows the first word.

    `before`: no finding where this stands right before; `unless`: none where this stands anywhere in the sentence.
    Patterns ignore case, repeat boundedly, and are folded like the text: accents and typographic quotes do not matter.
    """

    kind: Kind
    firsts: tuple[str, ...]
    rest: str
    why: str
    suggestion: str
    before: str = ""
    unless: str = ""


def phrases(kind: Kind, why: str, suggestion: str, *rows: tuple[str, ...]) -> tuple[Phrase, ...]:
    """Rows: first words with spaces between, rest, before, unless. Missing ends are empty."""
    full = ((*row, "", "", "")[:4] for row in rows)
    return tuple(Phrase(kind, tuple(row[0].split()), row[1], why, suggestion, row[2], row[3]) for row in full)


def jargon(*rows: tuple[str, ...]) -> tuple[Phrase, ...]:
    """Rows: first words with spaces between, rest, plain words, unless, before. Missing ends are empty."""
    full = ((*row, "", "")[:5] for row in rows)
    return tuple(
        Phrase(Kind.JARGON, tuple(row[0].split()), row[1], INSIDE, f"Say “{row[2]}”.", row[4], row[3]) for row in full
    )
