"""Questions to engineering in the sidebar: the open ones, and what the last were answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Case, IntegerField, Value, When
from django.utils.text import Truncator

from escalations.models import Question
from investigations.widget.document import link
from investigations.widget.parts import Stamp, WidgetContext, row_versions

#: The ticket's page has them all.
MOST: Final = 3
_LONGEST: Final = 160
_SHOWN: Final = (Question.Status.ASKED, Question.Status.ANSWERED)
_OPEN_FIRST: Final = Case(
    When(status=Question.Status.ASKED, then=Value(0)), default=Value(1), output_field=IntegerField()
)


def questions_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("questions", {"title", "items": [{"ref", "url", "text", "note", "said", "is_open"}]}), open ones first, then the
    newest; None without any. `said` is the question, or the answer, cut at 160 characters.
    """
    rows = Question.objects.filter(ticket=context.ticket, status__in=_SHOWN)
    rows = rows.select_related("to_team", "to_rotation", "to_person", "answered_by").defer("lines")
    found = [_item(one) for one in rows.order_by(_OPEN_FIRST, "-pk")[:MOST]]
    return ("questions", {"title": "Questions to engineering", "items": found}) if found else None


def _item(one: Question) -> dict[str, Any]:
    by = one.answered_by or one.answered_as or "engineering"
    return {
        "ref": one.ref,
        "url": link("interruptions:question", one.ref),
        "text": f"{one.ref} to {one.to}" if one.is_open else f"{one.ref} answered by {by}",
        "note": f"due {_clock(one.due_at)}" if one.is_open else "",
        "said": Truncator(" ".join((one.text if one.is_open else one.answer).split())).chars(_LONGEST),
        "is_open": one.is_open,
    }


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %H:%M UTC}"


_ROWS: Final = row_versions(
    "q p t r a",
    "escalations_question q LEFT JOIN altor_user p ON p.id = q.to_person_id"
    " LEFT JOIN altor_team t ON t.id = q.to_team_id LEFT JOIN escalations_rotation r ON r.id = q.to_rotation_id"
    " LEFT JOIN altor_user a ON a.id = q.answered_by_id WHERE q.ticket_id = ticket.id",
)
questions_part.stamp = Stamp(_ROWS)  # type: ignore[attr-defined]  # read by `state.look`
