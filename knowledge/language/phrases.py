"""The shape of an entry in the word tables."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.language.findings import Kind


@dataclass(frozen=True, slots=True)
class Phrase:
    """`firsts`: the words it may begin with; `rest`: a pattern for what follows the first word.

    `before`: no finding where this stands right before; `unless`: none where this stands anywhere in the sentence.
    `is_cased`: the first word counts only as written here. Patterns ignore case, repeat boundedly, and are folded like
    the text: accents and typographic quotes do not matter.
    """

    kind: Kind
    firsts: tuple[str, ...]
    rest: str
    why: str
    suggestion: str
    before: str = ""
    unless: str = ""
    is_cased: bool = False
