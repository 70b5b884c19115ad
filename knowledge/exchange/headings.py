"""An article's parts by what their headings say: symptoms, cause, resolution, escalation. Nothing is left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from knowledge.entries.content import TEXTS
from knowledge.exchange.html_markdown import Block

#: Field -> headings that mean it and say no more than its name, so that they need not be repeated in it.
_PLAIN: Final[dict[str, tuple[str, ...]]] = {
    "symptoms": (
        "symptoms", "symptom", "issue", "issues", "problem", "the problem", "the issue", "problem description",
        "issue description", "what you see", "what you will see", "what happens", "what is happening", "symptome",
        "fehlerbild", "das problem", "problembeschreibung", "was passiert",
    ),
    "root_cause": (
        "cause", "causes", "root cause", "the cause", "reason", "why", "why does this happen", "why this happens",
        "why it happens", "why is this happening", "ursache", "ursachen", "grund", "warum passiert das",
    ),
    "remediation": (
        "resolution", "solution", "the solution", "fix", "the fix", "remediation", "how to fix", "how to fix it",
        "how to fix this", "how to resolve", "how to resolve this", "steps to resolve", "resolution steps",
        "what to do", "lösung", "behebung", "abhilfe", "was tun",
    ),
    "escalation_criteria": (
        "escalation", "escalation criteria", "when to escalate", "escalate", "eskalation", "wann eskalieren",
    ),
    "customer_wording": (
        "customer wording", "what to tell customers", "what to tell the customer", "what customers are told",
        "message to customers", "customer message", "reply to the customer", "was kunden gesagt wird", "kundentext",
    ),
}  # fmt: skip
#: Those that say more: they stay as headings inside of the field.
_TELLING: Final[dict[str, tuple[str, ...]]] = {
    "symptoms": ("error", "error message", "error messages", "fehlermeldung", "fehlermeldungen"),
    "root_cause": ("possible cause", "possible causes", "likely cause", "mögliche ursachen"),
    "remediation": (
        "workaround", "workarounds", "temporary workaround", "temporary fix", "possible solutions", "prevention",
        "permanent fix", "umgehung", "umgehungslösung",
    ),
    "escalation_criteria": (
        "when to contact support", "when to contact us", "still need help", "still having trouble",
        "when to involve engineering", "wann an den support wenden",
    ),
}  # fmt: skip
_FIELDS: Final = {name: field for table in (_PLAIN, _TELLING) for field, names in table.items() for name in names}
_REPEATING: Final = frozenset(name for names in _PLAIN.values() for name in names)
_LONGEST: Final = 80
#: "2. Cause:", "⚠️ Cause"
_AROUND: Final = re.compile(r"^(?:step\s+)?[\d.)\s]*|[\W_]+$")


def field_of(heading: str) -> str:
    """The field that a heading means, or empty."""
    return _FIELDS.get(_plain(heading), "") if len(heading) <= _LONGEST else ""


def _plain(heading: str) -> str:
    text = unicodedata.normalize("NFC", heading).casefold().replace("’", "'").replace("what's", "what is")
    text = "".join(" " if unicodedata.category(one)[0] in "SCM" else one for one in text)
    return " ".join(_AROUND.sub("", text.strip(" -–—*:#")).split())


def fields_of(blocks: Sequence[Block], *, title: str = "") -> dict[str, str]:
    """The texts of an entry. An article without any known heading is what to do; one with some has its beginning in
    the symptoms, and what stands under other headings, with them, in the remediation.
    """
    blocks = list(blocks)
    if blocks and 0 < blocks[0].level < 7 and blocks[0].heading.casefold() == title.casefold():
        blocks = blocks[1:]
    found: dict[str, list[str]] = {name: [] for name in TEXTS}
    is_known = any(_begins(block) for block in blocks)
    headed: set[str] = set()
    at, level = ("symptoms" if is_known else "remediation"), 8
    for block in blocks:
        if begun := _begins(block):
            at, level = begun, block.level
            # After another heading in the same field it tells where that one's part ends.
            if at not in headed and _plain(block.heading) in _REPEATING:
                continue
        elif is_known and 0 < block.level < 7 and block.level <= level:
            at, level = "remediation", block.level
        if block.level:
            headed.add(at)
        found[at].append(block.text)
    return {name: "\n\n".join(parts) for name, parts in found.items()}


def _begins(block: Block) -> str:
    return field_of(block.heading) if block.level else ""
