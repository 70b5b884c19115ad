"""Known causes in the sidebar: what the newest run recognised, and entries near to the ticket's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from investigations.models import Investigation
from investigations.widget.document import link
from investigations.widget.parts import Stamp, WidgetContext, row_versions
from knowledge.models import Entry, Recognition
from knowledge.models.recognition import State

_SHOWN: Final = {State.RECOGNISED: 0, State.POSSIBLE: 1, State.NEAR: 2}
MOST: Final = 4


def similar_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("similar", {"title", "items": [{"ref", "text", "title", "summary", "note", "done", "state", "url"}]}); None
    without a finished run, a person who may read entries, and anything to show. One query.
    """
    run, user = context.run, context.user
    if run is None or user is None or run.status != Investigation.Status.DONE or not user.may("knowledge.read"):
        return None
    rows = Recognition.objects.filter(
        investigation=run, state__in=list(_SHOWN), entry__in=Entry.objects.visible_to(user).in_use()
    )
    found = sorted(rows.select_related("entry"), key=lambda one: (_SHOWN[State(one.state)], one.pk))[:MOST]
    if not found:
        return None
    first = found[0]
    is_recognised = first.state == State.RECOGNISED
    return "similar", {
        "title": f"This is {first.entry.ref}" if is_recognised else "Similar solved cases",
        "items": [_item(one) for one in found],
    }


def _item(one: Recognition) -> dict[str, Any]:
    entry, is_recognised = one.entry, one.state == State.RECOGNISED
    note = "its signs are there" if is_recognised else "may be it" if one.state == State.POSSIBLE else ""
    return {
        "ref": entry.ref,
        "text": f"{entry.ref} {entry.title}",
        "title": f"{entry.ref} {entry.title}",
        "summary": " ".join((entry.remediation or entry.root_cause).split())[:140],
        "note": note,
        "done": True if is_recognised else None,
        "state": str(one.state),
        "url": link("knowledge:entry", entry.ref),
    }


_FOUND: Final = row_versions(
    "r e",
    "knowledge_recognition r JOIN knowledge_entry e ON e.id = r.entry_id"
    " WHERE r.investigation_id = run.id AND r.state IN ('recognised', 'possible', 'near')",
)
similar_part.stamp = Stamp(_FOUND)  # type: ignore[attr-defined]  # read by `state.look`
