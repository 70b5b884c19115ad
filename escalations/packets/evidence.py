"""The evidence with its figures, its references and the queries it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from escalations.packets.format import EvidenceItem
from escalations.packets.impact import figure_of
from escalations.packets.material import Material, address, link
from escalations.packets.queries import Queries
from investigations.models import Evidence

#: Pieces of evidence that a packet holds; the rest stays with the run, and the packet says how many.
MOST: Final = 40


def evidence_of(material: Material, queries: Queries) -> tuple[list[EvidenceItem], int]:
    """(the evidence in reading order, how many are left out)."""
    shown = material.ordered[:MOST]
    return [item_of(material, item, queries) for item in shown], len(material.ordered) - len(shown)


def item_of(material: Material, item: Evidence, queries: Queries) -> EvidenceItem:
    asked, more = queries.add(item.requests)
    return EvidenceItem(
        ref_id=item.ref_id,
        source=item.source,
        kind=item.kind,
        ref=plain_ref(item.ref),
        title=item.title or item.kind.replace("_", " "),
        summary=item.summary,
        verdict=item.verdict,
        at=item.at,
        fetched_at=item.fetched_at,
        figure=figure_of(item),
        queries=asked,
        more_queries=more,
        url=link(item.url),
        altor_url=address("investigations:evidence", material.run.ref, item.ref_id),
        is_cause=item.ref_id in material.reasons,
    )


def plain_ref(ref: Any) -> dict[str, Any]:
    """Ids as their systems write them: whole numbers without a point."""
    found = ref if isinstance(ref, Mapping) else {}
    return {
        str(name): int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in found.items()
        if value not in (None, "")
    }
