"""What people say to items of a checklist: kept with the ticket, none is changed, the newest counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from altor.models import User
from escalations.lifecycle.history import clean
from escalations.models import ChecklistAnswer
from investigations.models import Ticket

_LONGEST_ANSWER: Final = 4000


def store_answers(ticket: Ticket, answers: Mapping[str, str], *, actor: User, now: datetime) -> int:
    """Keep what a person said to items of the checklist; how many were new. An answer made empty is taken back."""
    before = dict(ChecklistAnswer.objects.filter(ticket=ticket).order_by("pk").values_list("item", "text"))
    rows = []
    for item, text in answers.items():
        said = clean(str(text))[:_LONGEST_ANSWER]
        if len(item) <= 60 and said != before.get(item, ""):
            rows.append(ChecklistAnswer(ticket=ticket, item=item, text=said, by=actor, at=now))
    ChecklistAnswer.objects.bulk_create(rows)
    return len(rows)
