"""The texts of an entry that the search reads."""

from __future__ import annotations

from typing import Final

from knowledge.models.entries import Entry

#: Words of an entry beside its title that its vector is made from: more costs more and finds nothing more.
EMBEDDED_WORDS: Final = 110
#: Characters of a ticket that its vector is made from.
EMBEDDED: Final = 1200


def body_of(entry: Entry) -> str:
    """All but the title, what a ticket will resemble first."""
    parts = [
        entry.symptoms, entry.root_cause, entry.remediation, entry.escalation_criteria, entry.customer_wording,
        ", ".join(entry.components), ", ".join(entry.versions), entry.label.replace(".", " ").replace("_", " "),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def embedded_texts(entry: Entry) -> tuple[str, str]:
    """What the two vectors are made from: title and beginning, and the title alone."""
    return f"{entry.title}. {' '.join(body_of(entry)[:4000].split()[:EMBEDDED_WORDS])}", entry.title
