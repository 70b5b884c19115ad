"""The causes that people may name: those of the playbooks in force, and the two that fit any ticket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from investigations.models import PlaybookVersion
from investigations.playbooks.format import TRIAGE

#: Nothing is named: the answer "not enough evidence".
UNDECIDED: Final = "inconclusive"
_SLOT: Final = re.compile(r"\s*\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Cause:
    """`kin`: labels of the same answer in other words. `incident_class` is "" where a cause belongs to none."""

    label: str
    title: str
    incident_class: str
    kin: frozenset[str] = frozenset()


#: Of any ticket, whatever its class.
COMMON: Final = (
    Cause("none.no_anomaly", "Nothing unusual on our side", ""),
    Cause("other.out_of_scope", "Not an incident", ""),
)
Causes = Mapping[str, Cause]


def causes_in(document: Mapping[str, Any]) -> dict[str, Cause]:
    """The causes of one playbook's document, by label. What a title leaves to the facts is left open."""
    found = {}
    for item in document.get("hypotheses", []):
        if not item.get("continue_with"):
            title = without_slots(item["title"])
            incident_class = item.get("class") or document.get("class", "")
            found[item["label"]] = Cause(item["label"], title, incident_class, frozenset(item.get("kin") or ()))
    return found


def without_slots(text: str) -> str:
    """A text of a playbook; what it leaves to the facts is left open."""
    return _SLOT.sub(" …", text)


def known_causes(*documents: Mapping[str, Any]) -> dict[str, Cause]:
    """By label, of the playbooks in force and of `documents`, which win. One query."""
    found: dict[str, Cause] = {}
    in_force = PlaybookVersion.objects.active().order_by("key").values_list("key", "document")
    for document in [*(document for key, document in in_force if key != TRIAGE), *documents]:
        found |= causes_in(document)
    # A playbook names a common cause as one of its own class; it is still everybody's.
    return found | {cause.label: cause for cause in COMMON}


def by_class(causes: Causes) -> list[tuple[str, list[Cause]]]:
    """(class, its causes by title) for a choice; those of no class last, under ""."""
    groups: dict[str, list[Cause]] = {}
    for cause in sorted(causes.values(), key=lambda item: (item.title, item.label)):
        groups.setdefault(cause.incident_class, []).append(cause)
    return sorted(groups.items(), key=lambda pair: (not pair[0], pair[0]))
